/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.FileFailure;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;

/** The process's own, which keeps why something could not be written: a {@link PrintWriter} tells of none. */
final class StandardOutput extends OutputStream {
    private static final int FAILED = 1;

    private final OutputStream out;
    private final PrintWriter writer = new PrintWriter(new OutputStreamWriter(this, Charset.defaultCharset()), true);
    private String failure = "";

    StandardOutput() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /** @param out where it goes. */
    StandardOutput(final OutputStream out) {
        super();
        this.out = out;
    }

    /** What commands print to. */
    PrintWriter writer() {
        return writer;
    }

    @Override
    public void write(final int octet) throws IOException {
        write(new byte[] {(byte) octet}, 0, 1);
    }

    @Override
    public void write(final byte[] bytes, final int offset, final int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (final IOException refused) {
            failure = FileFailure.words(refused);
            throw refused;
        }
    }

    /**
     * The exit code of a command that has ended: its own if all that it printed was taken, or if its reader has gone, who wants no more.
     *
     * @param errors gets a line that what was printed is lost.
     */
    int conclude(final int exitCode, final PrintWriter errors) {
        writer.flush();
        if (failure.isEmpty() || Words.READER_GONE.equals(failure)) {
            return exitCode;
        }
        errors.println("weft: write standard output: " + failure);
        return FAILED;
    }
}
