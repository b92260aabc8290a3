/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A part of a page below {@code docs/reference} that is made from the code, between two lines that say so. Tests hold that it is as the
 * code would have it; {@code ./weft reference} has the same tests write it.
 */
public final class GeneratedText {
    private static final Path PAGES = Path.of(System.getProperty("weft.root", ".."), "docs", "reference");
    private static final boolean IS_WRITTEN = "write".equals(System.getProperty("weft.reference"));

    private GeneratedText() {}

    /**
     * Holds a part of a page, or writes it.
     *
     * @param page its file's name.
     * @param part as the two lines name it.
     * @param text without them; ends with a line break.
     */
    public static void hold(final String page, final String part, final String text) throws IOException {
        final Path file = PAGES.resolve(page);
        final String whole = Files.readString(file);
        final String begin = "<!-- " + part + ": made from the code by ./weft reference -->\n";
        final String end = "<!-- end of " + part + " -->\n";
        final int from = whole.indexOf(begin) + begin.length();
        final int to = whole.indexOf(end);
        assertTrue(from >= begin.length() && to >= from, () -> file + " needs these two lines:\n" + begin + end);
        final String generated = '\n' + text + '\n';
        if (IS_WRITTEN) {
            Files.writeString(file, whole.substring(0, from) + generated + whole.substring(to));
        } else {
            assertEquals(
                    generated,
                    whole.substring(from, to),
                    () -> "docs/reference/" + page + ", " + part
                            + ", is not what the code says any more. ./weft reference writes it anew");
        }
    }
}
