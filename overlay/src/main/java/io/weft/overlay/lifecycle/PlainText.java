/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

/**
 * Text as a line of a log or a terminal may show it. What another node, a registry or an archive says may have anything in it: orders to
 * the terminal, or an end of the line and another one that looks like weft's own.
 */
public final class PlainText {
    private PlainText() {}

    /** One line, in which a space stands for each end of a line, and its number for each other character that is not to be seen. */
    public static String of(final String text) {
        if (text.chars().noneMatch(PlainText::isUnseen)) {
            return text;
        }
        final StringBuilder plain = new StringBuilder();
        text.chars().forEach(character -> {
            if ('\n' == character || '\r' == character) {
                plain.append(' ');
            } else if (isUnseen(character)) {
                plain.append(String.format("\\u%04x", character));
            } else {
                plain.append((char) character);
            }
        });
        return plain.toString();
    }

    private static boolean isUnseen(final int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL -> '\t' != character;
            case Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }
}
