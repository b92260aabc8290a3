/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One run of a program whose output is short. The calling thread never waits in a read of it, so that the deadline holds for all. */
final class ExecRun {
    /** A plugin may have to ask a cloud far away; one that has not answered by then does not. */
    private static final long TIMEOUT_MS = 60_000;

    private static final long POLL_INTERVAL_MS = 5;
    private static final int OUTPUT_LENGTH_MAX = 1 << 20;
    /** In the message. */
    private static final int ERRORS_LENGTH_MAX = 500;
    /** Of standard error the end is kept, of which the message has the last: more characters than that need in any case. */
    private static final int ERRORS_KEPT = 4 * ERRORS_LENGTH_MAX;

    private static final int PIECE_LENGTH = 1 << 16;

    private ExecRun() {}

    /**
     * What it prints.
     *
     * @param environment beside this process's own.
     * @throws IOException when it cannot be started, fails, prints too much or does not end; with what it said of that.
     */
    static byte[] output(final List<String> command, final Map<String, String> environment)
            throws IOException, InterruptedException {
        final ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        builder.redirectInput(new File("/dev/null"));
        final Process process = builder.start();
        final ByteArrayOutputStream output = new ByteArrayOutputStream();
        final ByteArrayOutputStream errors = new ByteArrayOutputStream();
        final byte[] piece = new byte[PIECE_LENGTH];
        try {
            final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS);
            boolean isRunning = true;
            while (isRunning) {
                isRunning = process.isAlive(); // before its streams: what it wrote before its end is read after it
                boolean hasMore = true;
                while (hasMore) {
                    final int length = read(process.getInputStream(), piece);
                    output.write(piece, 0, length);
                    final int errorLength = read(process.getErrorStream(), piece);
                    keepEnd(errors, piece, errorLength);
                    hasMore = length + errorLength > 0;
                    requireMeasure(output.size(), deadlineNs);
                }
                if (isRunning) {
                    TimeUnit.MILLISECONDS.sleep(POLL_INTERVAL_MS);
                }
            }
            if (0 != process.exitValue()) {
                throw new IOException("ends with " + process.exitValue() + ": " + shown(errors));
            }
            return output.toByteArray();
        } finally {
            final List<ProcessHandle> descendants = process.descendants().toList();
            process.toHandle().destroyForcibly();
            descendants.forEach(ProcessHandle::destroyForcibly);
            process.getInputStream().close();
            process.getErrorStream().close();
        }
    }

    private static void requireMeasure(final int outputLength, final long deadlineNs) throws IOException {
        if (outputLength > OUTPUT_LENGTH_MAX) {
            throw new IOException("prints more than " + OUTPUT_LENGTH_MAX + " bytes");
        }
        if (System.nanoTime() - deadlineNs > 0) {
            throw new IOException("has not ended after " + TimeUnit.MILLISECONDS.toSeconds(TIMEOUT_MS) + " s");
        }
    }

    /** What is there already, as far as it fits. */
    private static int read(final InputStream stream, final byte[] piece) throws IOException {
        return stream.readNBytes(piece, 0, Math.min(piece.length, stream.available()));
    }

    private static void keepEnd(final ByteArrayOutputStream errors, final byte[] piece, final int length) {
        final int kept = Math.min(length, ERRORS_KEPT);
        errors.write(piece, length - kept, kept);
        if (errors.size() > 2 * ERRORS_KEPT) {
            final byte[] all = errors.toByteArray();
            errors.reset();
            errors.write(all, all.length - ERRORS_KEPT, ERRORS_KEPT);
        }
    }

    private static String shown(final ByteArrayOutputStream errors) {
        final String text = errors.toString(StandardCharsets.UTF_8).strip();
        return text.length() <= ERRORS_LENGTH_MAX ? text : text.substring(text.length() - ERRORS_LENGTH_MAX);
    }
}
