/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.ops.ControlStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A daemon's answer that goes on until a signal ends it, in order: what the daemon still has comes, and is dealt with, before the
 * process ends.
 */
final class FollowedAnswer implements AutoCloseable {
    /** For a daemon that hangs. */
    private static final long PATIENCE_MS = 5_000;

    /** How soon it is told that no answer can come at present. */
    private static final long LOOK_MS = 1_000;

    private final ControlStream stream;
    private final CountDownLatch isDone = new CountDownLatch(1);
    private final AtomicLong parts = new AtomicLong();
    private volatile boolean isComplete;

    private FollowedAnswer(final ControlStream stream) {
        this.stream = stream;
    }

    /**
     * Asks a daemon.
     *
     * @param files of the daemon.
     * @throws IllegalStateException in words, when it does not answer.
     * @throws IllegalArgumentException in the daemon's words, if it refuses.
     */
    static FollowedAnswer of(final DaemonFiles files, final String question) {
        final Path socket = files.file(".sock");
        files.requireAwake();
        try {
            final FollowedAnswer answer = new FollowedAnswer(ControlStream.open(socket, question));
            Runtime.getRuntime().addShutdownHook(new Thread(answer::onSignal, "weft-end"));
            final Thread watch = new Thread(() -> answer.watch(files), "weft-watch");
            watch.setDaemon(true);
            watch.start();
            return answer;
        } catch (final IOException failure) {
            throw files.silence(socket, failure);
        }
    }

    /** Who waits for packets is told that none can come from a daemon that somebody has stopped: once each time. */
    private void watch(final DaemonFiles files) {
        boolean isTold = false;
        try {
            while (!isDone.await(LOOK_MS, TimeUnit.MILLISECONDS)) {
                final String asleep = files.asleep();
                if (!asleep.isEmpty() && !isTold) {
                    System.err.println("weft: " + asleep);
                }
                isTold = !asleep.isEmpty();
            }
        } catch (final InterruptedException | RuntimeException unknown) {
            // What the daemon answers comes all the same.
        }
    }

    /**
     * Has the daemon end the answer after a time, as a signal would.
     *
     * @param durationS from now, in seconds.
     */
    void endAfter(final long durationS) {
        final Thread end = new Thread(
                () -> {
                    try {
                        if (!isDone.await(durationS, TimeUnit.SECONDS) && !hasEnded()) {
                            stream.close(); // its reader is told so
                        }
                    } catch (final IOException gone) {
                        // The daemon has ended: so does the answer.
                    } catch (final InterruptedException stop) {
                        Thread.currentThread().interrupt();
                    }
                },
                "weft-duration");
        end.setDaemon(true);
        end.start();
    }

    /** Asks the daemon to end the answer, and waits for it. */
    private boolean hasEnded() throws IOException, InterruptedException {
        stream.end();
        long before;
        do {
            before = parts.get(); // a slow disk takes what it takes
        } while (!isDone.await(PATIENCE_MS, TimeUnit.MILLISECONDS) && parts.get() != before);
        if (isDone.getCount() > 0) {
            System.err.println("weft: the daemon does not end the answer");
        }
        return 0 == isDone.getCount();
    }

    private void onSignal() {
        if (0 == isDone.getCount()) {
            return;
        }
        try {
            if (hasEnded() && isComplete) {
                // To be told to end is how it is meant to end, and no failure: not the exit code of a signal.
                Runtime.getRuntime().halt(0);
            }
        } catch (final IOException gone) {
            // The daemon has ended: so does the answer.
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** As {@link ControlStream#next}. */
    byte @Nullable [] next() throws IOException {
        final byte @Nullable [] part = stream.next();
        parts.incrementAndGet();
        return part;
    }

    /** All that was to be done with it is done, and nothing has failed. */
    void complete() {
        isComplete = true;
    }

    /** As {@link ControlStream#words}. */
    String words() {
        return stream.words();
    }

    /** All that came is dealt with. */
    @Override
    public void close() throws IOException {
        isDone.countDown();
        stream.close();
    }
}
