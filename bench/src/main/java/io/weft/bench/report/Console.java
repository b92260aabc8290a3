/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;

/** Standard output for people: UTF-8, and colours only where the launcher saw a terminal. */
public final class Console {
    private static final String RESET = "\u001b[0m";
    private static final String BOLD = "\u001b[1m";
    private static final String DIM = "\u001b[2m";
    private static final String RED = "\u001b[31m";
    private static final String GREEN = "\u001b[32m";

    private final PrintStream output = new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8);
    private final boolean colour = Boolean.getBoolean("weft.colour");

    /** Prints a line. */
    public void line(final String text) {
        output.println(text);
    }

    /** Prints what the next line goes on with. */
    public void part(final String text) {
        output.print(text);
        output.flush();
    }

    /** Prints a heading with an empty line before it. */
    public void heading(final String text) {
        line("\n" + paint(BOLD, text));
    }

    /** Of little weight. */
    public String dim(final String text) {
        return paint(DIM, text);
    }

    /** As it should be. */
    public String good(final String text) {
        return paint(GREEN, text);
    }

    /** Not as it should be. */
    public String bad(final String text) {
        return paint(RED, text);
    }

    private String paint(final String code, final String text) {
        return colour ? code + text + RESET : text;
    }
}
