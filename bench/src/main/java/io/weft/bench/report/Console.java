/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;

/** Standard output for people: UTF-8; colours and a status only where the launcher saw a terminal. */
public final class Console {
    private static final String RESET = "\u001b[0m";
    private static final String BOLD = "\u001b[1m";
    private static final String DIM = "\u001b[2m";
    private static final String RED = "\u001b[31m";
    private static final String GREEN = "\u001b[32m";
    private static final String LINE_CLEARED = "\r\u001b[K";

    private final boolean terminal = Boolean.getBoolean("weft.colour");
    private final PrintStream output;
    private boolean hasStatus;

    public Console() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /** Prints to a stream, as UTF-8. */
    public Console(final OutputStream stream) {
        output = new PrintStream(stream, true, UTF_8);
    }

    /** Prints a line. */
    public void line(final String text) {
        clearStatus();
        output.println(text);
    }

    /** Prints what the next line goes on with. */
    public void part(final String text) {
        clearStatus();
        output.print(text);
        output.flush();
    }

    /** Shows what is being done, in the place of the status before, until the next line; nothing where there is no terminal. */
    public void status(final String text) {
        if (terminal) {
            output.print(LINE_CLEARED + dim(text));
            output.flush();
            hasStatus = true;
        }
    }

    private void clearStatus() {
        if (hasStatus) {
            output.print(LINE_CLEARED);
            hasStatus = false;
        }
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
        return terminal ? code + text + RESET : text;
    }
}
