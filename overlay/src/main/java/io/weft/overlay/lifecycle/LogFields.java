/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

/** What a line of the log says to programs, behind its words to people: {@code  device=weft.1 reason="told to stop"}. */
public final class LogFields {
    private LogFields() {}

    /**
     * The end of a line, with a space before each key.
     *
     * @param keysAndValues in turns; a value that is empty, or has a space, a quote or an equals sign, is put in quotes.
     */
    public static String of(final Object... keysAndValues) {
        final StringBuilder text = new StringBuilder();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            text.append(' ').append(keysAndValues[i]).append('=').append(quoted(String.valueOf(keysAndValues[i + 1])));
        }
        return text.toString();
    }

    private static String quoted(final String value) {
        return value.matches("[^\\s\"=]+")
                ? value
                : '"' + value.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\R", " ") + '"';
    }
}
