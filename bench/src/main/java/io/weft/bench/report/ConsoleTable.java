/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rows of text with aligned columns: the first to the left, the others to the right. */
public final class ConsoleTable {
    private final List<List<String>> rows = new ArrayList<>();

    /** A table with these headings. */
    public ConsoleTable(final String... headings) {
        rows.add(List.of(headings));
    }

    /**
     * Adds a row.
     *
     * @throws IllegalArgumentException if there are not as many cells as headings.
     */
    public ConsoleTable row(final String... cells) {
        if (cells.length != rows.get(0).size()) {
            throw new IllegalArgumentException(cells.length + " cells under " + rows.get(0));
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The lines of the table, each with its line feed. */
    public String render() {
        final int[] widths = IntStream.range(0, rows.get(0).size())
                .map(column -> rows.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElse(0))
                .toArray();
        final StringBuilder text = new StringBuilder();
        for (int i = 0; i < rows.size(); i++) {
            appendRow(text, rows.get(i), widths);
            if (0 == i) {
                appendRule(text, widths);
            }
        }
        return text.toString();
    }

    private static void appendRow(final StringBuilder text, final List<String> row, final int[] widths) {
        for (int column = 0; column < widths.length; column++) {
            final String padding = " ".repeat(widths[column] - row.get(column).length());
            text.append(0 == column ? "  " : "   ");
            text.append(0 == column ? row.get(column) + padding : padding + row.get(column));
        }
        text.append('\n');
    }

    private static void appendRule(final StringBuilder text, final int[] widths) {
        for (int column = 0; column < widths.length; column++) {
            text.append(0 == column ? "  " : "───").append("─".repeat(widths[column]));
        }
        text.append('\n');
    }
}
