/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes a process's standard input and reads its standard output to the end, in a thread of its own, since neither a read
 * nor a write of a pipe can be given a time limit.
 */
final class Exchange extends Thread {
    /** Many times the longest result; more than this is no result but something that never ends. */
    static final int OUTPUT_LENGTH_MAX = 1 << 20;

    private final Process process;
    private final byte[] input;
    private byte[] output = {};
    private @Nullable IOException failure;

    /**
     * @param process that has just been started.
     * @param input for its standard input, which is closed afterwards.
     */
    Exchange(final Process process, final byte[] input) {
        super("exchange");
        this.process = process;
        this.input = input;
        setDaemon(true);
    }

    @Override
    public void run() {
        try (OutputStream stdin = process.getOutputStream()) {
            stdin.write(input);
        } catch (final IOException ignored) {
            // EPIPE: it has closed its standard input, as one may for VERSION. Its exit code and output tell how it
            // went.
        }
        try {
            output = process.getInputStream().readNBytes(OUTPUT_LENGTH_MAX + 1);
        } catch (final IOException e) {
            failure = e;
        }
    }

    /**
     * Waits until the process has closed its standard output.
     *
     * @return false if the deadline came first.
     */
    boolean awaitEnd(final Deadline deadline) throws InterruptedException {
        long remainingMs = deadline.remainingMs();
        while (isAlive() && remainingMs > 0) { // not asked twice: it may pass in between, and join(0) has no end
            join(remainingMs);
            remainingMs = deadline.remainingMs();
        }
        return !isAlive();
    }

    /**
     * What the process wrote, once {@link #awaitEnd} has returned true.
     *
     * @throws IOException if it could not be read, or is too long.
     */
    byte[] output() throws IOException {
        if (null != failure) {
            throw failure;
        }
        if (output.length > OUTPUT_LENGTH_MAX) {
            throw new IOException("more than " + OUTPUT_LENGTH_MAX + " bytes of output");
        }
        return output;
    }
}
