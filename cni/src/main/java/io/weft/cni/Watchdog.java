/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;

/**
 * Ends the process, with an error result, when it waits for something that does not come: standard input that nobody closes,
 * a file system that does not answer. A delegate has a deadline of its own, after which this process goes on and tidies up;
 * this is for what cannot be interrupted.
 */
final class Watchdog implements Runnable {
    private Deadline deadline = Deadline.in(0);
    private String awaited = "";
    private SpecVersion version = SpecVersion.NEWEST;
    private boolean isAnswered;

    /** Sets the first wait; the watch begins with {@link #start}. */
    Watchdog(final String awaited, final long timeoutMs) {
        expect(awaited, timeoutMs);
    }

    /** Begins to watch. */
    void start() {
        final Thread thread = new Thread(this, "watchdog");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * From now on the process waits for something else.
     *
     * @param what is awaited, for the error's message.
     * @param timeoutMs from now.
     */
    synchronized void expect(final String what, final long timeoutMs) {
        awaited = what;
        deadline = Deadline.in(timeoutMs);
        notifyAll();
    }

    /** The version that an error is reported in. */
    synchronized void answerIn(final SpecVersion asked) {
        version = asked;
    }

    /** The answer is about to be written, once: from here on the process may be ended without one. */
    synchronized void answering() {
        isAnswered = true;
    }

    @Override
    public synchronized void run() {
        try {
            long remainingMs = deadline.remainingMs();
            while (remainingMs > 0) { // not asked twice: it may pass in between, and wait(0) has no end
                wait(remainingMs);
                remainingMs = deadline.remainingMs();
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        final String message = awaited + " has not come after " + deadline.allowedMs() + " ms";
        if (isAnswered) {
            System.err.println("weft-cni: nobody reads the answer");
        } else {
            try (FileOutputStream stdout = new FileOutputStream(FileDescriptor.out)) {
                stdout.write(WeftCni.error(version, CniException.TIMED_OUT, message, ""));
            } catch (final IOException e) {
                System.err.println("weft-cni: cannot write to standard output: " + e.getMessage());
            }
        }
        Runtime.getRuntime().halt(1);
    }
}
