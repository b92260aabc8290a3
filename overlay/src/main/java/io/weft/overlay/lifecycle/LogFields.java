/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a line of the log says to programs, behind its words to people: {@code  device=weft.1 reason="told to stop"}. */
public final class LogFields {
    /** All fields at the end of a line. */
    private static final Pattern FIELDS =
            Pattern.compile("(?: [A-Za-z]\\w*=(?:\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|[^\\s\"=]++))+$");

    private static final Pattern NUMBER = Pattern.compile("=\\d+(?= |$)");

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

    /** A line by which it is known again when it comes with other numbers in its fields. */
    public static String withoutNumbers(final String line) {
        final Matcher fields = FIELDS.matcher(line);
        return fields.find()
                ? line.substring(0, fields.start())
                        + NUMBER.matcher(fields.group()).replaceAll("=")
                : line;
    }

    private static String quoted(final String value) {
        return value.matches("[^\\s\"=]+")
                ? value
                : '"' + value.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\R", " ") + '"';
    }
}
