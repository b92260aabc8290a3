/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import io.weft.linux.Affinity;
import io.weft.linux.EventFd;
import io.weft.linux.LinuxException;
import io.weft.linux.Poller;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a forwarder pays on this machine for what it cannot do without: medians of several goes, each of which is short.
 *
 * @param systemCallNs a read that finds nothing, as weft makes it.
 * @param wakeUpSameNs from a write to an eventfd until a thread on the same processor, which waited in poll for it, has read it; empty
 *     where threads may not be put on processors.
 * @param wakeUpAcrossNs the same of a thread on another processor; empty as well where there is but one.
 * @param copyNear gigabytes copied a second within a second-level cache.
 * @param copyFar the same from memory to memory.
 */
public record MachineCosts(
        double systemCallNs,
        OptionalDouble wakeUpSameNs,
        OptionalDouble wakeUpAcrossNs,
        double copyNear,
        double copyFar) {
    private static final int GOES = 7;
    private static final int CALLS = 100_000;

    /** Short goes, so that some of them have the processor to themselves on a busy machine as well. */
    private static final int SHORT_GOES = 150;

    private static final int FEW_CALLS = 1_000;

    private static final int WAKE_UPS = 4_000;
    private static final int WAIT_MS = 1_000;

    /** Source and destination fit into the second-level cache of any server that is still in use, which has 256 KB. */
    private static final int NEAR_LENGTH = 64 << 10;

    private static final int NEAR_COPIES = 1 << 12;

    /** More than most last-level caches have. */
    private static final int FAR_LENGTH = 64 << 20;

    private static final int FAR_COPIES = 2;

    /** Measures for about two seconds. */
    public static MachineCosts measure() {
        final boolean hasOther = Runtime.getRuntime().availableProcessors() > 1;
        return new MachineCosts(
                median(systemCalls(GOES, CALLS)),
                wakeUp(0, 0),
                hasOther ? wakeUp(0, 1) : OptionalDouble.empty(),
                copy(NEAR_LENGTH, NEAR_COPIES),
                copy(FAR_LENGTH, FAR_COPIES));
    }

    private static double median(final double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    /** What a system call costs when nothing comes in between: in the best of many goes. */
    static double leastSystemCallNs() {
        return Arrays.stream(systemCalls(SHORT_GOES, FEW_CALLS)).min().orElseThrow();
    }

    /** Of each go: nanoseconds for a call. */
    private static double[] systemCalls(final int count, final int calls) {
        final double[] goes = new double[count];
        try (EventFd event = new EventFd()) {
            for (int go = 0; go < count; go++) {
                final long startNs = System.nanoTime();
                for (int i = 0; i < calls; i++) {
                    event.clear();
                }
                goes[go] = (double) (System.nanoTime() - startNs) / calls;
            }
        }
        return goes;
    }

    /** Two threads that wake each other in turns, so that each waits when it is woken. */
    private static OptionalDouble wakeUp(final int processor, final int otherProcessor) {
        if (!mayRunOn(processor) || !mayRunOn(otherProcessor)) {
            return OptionalDouble.empty();
        }
        final double[] goes = new double[GOES];
        final Waiter first = new Waiter();
        final Waiter second = new Waiter();
        try {
            final CompletableFuture<Void> answers = onThread(() -> {
                Affinity.pin(otherProcessor);
                for (int i = 0; i < GOES * WAKE_UPS; i++) {
                    second.await();
                    first.event.signal();
                }
            });
            onThread(() -> {
                        Affinity.pin(processor);
                        for (int go = 0; go < GOES; go++) {
                            final long startNs = System.nanoTime();
                            for (int i = 0; i < WAKE_UPS; i++) {
                                second.event.signal();
                                first.await();
                            }
                            goes[go] = (System.nanoTime() - startNs) / (2.0 * WAKE_UPS);
                        }
                    })
                    .join();
            answers.join();
        } finally {
            CloseHelper.closeAll(first.event, second.event);
        }
        return OptionalDouble.of(median(goes));
    }

    /** An eventfd with a thread that waits for it. */
    private static final class Waiter {
        private final EventFd event = new EventFd();
        private final Poller poller = new Poller(1);

        void await() {
            do {
                poller.set(0, event.fd(), Poller.POLLIN);
            } while (poller.poll(WAIT_MS) <= 0);
            event.clear();
        }
    }

    private static boolean mayRunOn(final int processor) {
        return onThread(() -> Affinity.pin(processor))
                .handle((nothing, failure) -> {
                    if (null != failure && !(failure.getCause() instanceof LinuxException)) {
                        throw new IllegalStateException("run on processor " + processor, failure);
                    }
                    return null == failure;
                })
                .join();
    }

    /** A thread of its own, which ends with the processor that it was put on. */
    private static CompletableFuture<Void> onThread(final Runnable task) {
        return CompletableFuture.runAsync(task, work -> new Thread(work, "machine-costs").start());
    }

    private static double copy(final int length, final int copies) {
        final UnsafeBuffer from = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
        final UnsafeBuffer to = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
        final double[] goes = new double[GOES];
        for (int go = 0; go < GOES; go++) {
            final long startNs = System.nanoTime();
            for (int i = 0; i < copies; i++) {
                to.putBytes(0, from, 0, length);
            }
            goes[go] = (double) length * copies / (System.nanoTime() - startNs);
        }
        return median(goes);
    }
}
