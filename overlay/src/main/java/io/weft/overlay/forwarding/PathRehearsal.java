/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import io.weft.dataplane.Rehearsal;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.routing.Encapsulation;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A {@link Rehearsal} of the packet path on a thread of its own. What goes wrong with it costs the first packets some speed and
 * nothing else.
 */
public final class PathRehearsal {
    private static final System.Logger LOG = System.getLogger(PathRehearsal.class.getName());

    private final CompletableFuture<Void> ended;
    private final long limitNs;

    private PathRehearsal(final CompletableFuture<Void> ended, final long limitNs) {
        this.ended = ended;
        this.limitNs = limitNs;
    }

    /** One of which there is nothing to do. */
    static PathRehearsal ofNothing() {
        return new PathRehearsal(CompletableFuture.completedFuture(null), 0);
    }

    /**
     * Begins.
     *
     * @param limitNs after which it ends in any case.
     */
    static PathRehearsal start(
            final Encapsulation encapsulation, final boolean hasOffload, final boolean hasBatches, final long limitNs) {
        return new PathRehearsal(
                CompletableFuture.runAsync(
                        () -> run(encapsulation, hasOffload, hasBatches, limitNs), PathRehearsal::onOwnThread),
                limitNs);
    }

    private static void onOwnThread(final Runnable task) {
        final Thread thread = new Thread(task, "weft-rehearsal");
        thread.setDaemon(true);
        thread.start();
    }

    private static void run(
            final Encapsulation encapsulation, final boolean hasOffload, final boolean hasBatches, final long limitNs) {
        final long startNs = System.nanoTime();
        try (Rehearsal rehearsal = new Rehearsal(encapsulation, hasOffload, hasBatches)) {
            final long packets = rehearsal.run(limitNs);
            if (0 == packets) {
                tellColdPath("nothing comes through on the loopback");
            }
            LOG.log(
                    DEBUG,
                    "the packet path was rehearsed with {0} packets in {1} ms",
                    packets,
                    (System.nanoTime() - startNs) / 1_000_000);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        } catch (final RuntimeException | OutOfMemoryError failure) {
            tellColdPath(String.valueOf(failure.getMessage()));
        }
    }

    private static void tellColdPath(final String why) {
        LOG.log(INFO, "the packet path is not rehearsed, its first packets will take longer: {0}", why);
    }

    /** Waits for its end, and not much longer than it may take. */
    public void await() throws InterruptedException {
        try {
            ended.get(2 * limitNs, TimeUnit.NANOSECONDS);
        } catch (final TimeoutException busy) {
            LOG.log(INFO, "the packet path is still being rehearsed");
        } catch (final ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The same task, but not before the end of this: from any thread, on the loop's. */
    public Runnable before(final ControlLoop loop, final Runnable task) {
        return () -> {
            final CompletableFuture<Void> unused = ended.whenComplete((nothing, failure) -> loop.post(task));
        };
    }
}
