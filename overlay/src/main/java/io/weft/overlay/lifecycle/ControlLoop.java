/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The control thread: everything that changes leases, tables or the host runs on it, one task at a time, so none of that
 * needs a lock. Other threads post; the data threads never wait for it.
 */
public final class ControlLoop {
    private static final long ANSWER_MS = 2000;

    /** So many tasks at most before what they changed is published and the periodic ones have their turn. */
    private static final int BATCH_MAX = 10_000;

    private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
    private final List<Periodic> periodics = new ArrayList<>();
    private final Runnable afterBatch;
    private @Nullable String endReason;

    /**
     * @param afterBatch runs after the tasks that were waiting together, and after periodic ones: the place to publish what they changed,
     *     and to publish again what could not be.
     */
    public ControlLoop(final Runnable afterBatch) {
        this.afterBatch = afterBatch;
    }

    /** Runs the task soon; from any thread. */
    public void post(final Runnable task) {
        tasks.add(task);
    }

    /**
     * Has a question answered between two tasks; from any thread.
     *
     * @return the answer, which comes on the control thread; an exception of the question's own, or an
     *     {@link IllegalStateException} if the loop does not come to it in time.
     */
    public <T> CompletableFuture<T> ask(final Callable<T> question) {
        final CompletableFuture<T> answer = new CompletableFuture<>();
        post(() -> {
            if (answer.isDone()) {
                return; // nobody waits for it any more, nor would undo what it does
            }
            try {
                answer.complete(question.call());
            } catch (final InterruptedException stop) {
                Thread.currentThread().interrupt(); // it was meant for the loop
                answer.completeExceptionally(stop);
            } catch (final Exception refused) {
                answer.completeExceptionally(refused);
            }
        });
        CompletableFuture.delayedExecutor(ANSWER_MS, TimeUnit.MILLISECONDS)
                .execute(() -> answer.completeExceptionally(
                        new IllegalStateException("the control thread is busy since " + ANSWER_MS + " ms")));
        return answer;
    }

    /** Ends the loop after the tasks posted before; from any thread. The first reason stands. */
    public void end(final String reason) {
        post(() -> endReason = null == endReason ? reason : endReason);
    }

    /** Runs the task once in so many milliseconds; to be called before {@link #run} or by a task. */
    public void every(final long intervalMs, final Runnable task) {
        periodics.add(new Periodic(TimeUnit.MILLISECONDS.toNanos(intervalMs), task));
    }

    /** Runs the task once, so many milliseconds from now; to be called before {@link #run} or by a task. */
    public void after(final long delayMs, final Runnable task) {
        final Periodic[] once = new Periodic[1];
        once[0] = new Periodic(TimeUnit.MILLISECONDS.toNanos(delayMs), () -> {
            periodics.remove(once[0]);
            task.run();
        });
        periodics.add(once[0]);
    }

    /**
     * Runs tasks until {@link #end}.
     *
     * @return the reason of the end.
     * @throws InterruptedException when the thread is interrupted.
     */
    public String run() throws InterruptedException {
        while (null == endReason) {
            Runnable task = tasks.poll(nextDelayNs(), TimeUnit.NANOSECONDS);
            final boolean hasWork = null != task;
            for (int left = BATCH_MAX; null != task; left--) {
                task.run();
                task = left > 0 && null == endReason ? tasks.poll() : null;
            }
            if (hasWork) {
                afterBatch.run();
            }
            if (runPeriodics()) {
                afterBatch.run();
            }
        }
        return endReason;
    }

    private long nextDelayNs() {
        final long nowNs = System.nanoTime();
        long delayNs = TimeUnit.HOURS.toNanos(1);
        for (final Periodic periodic : periodics) {
            delayNs = Math.min(delayNs, periodic.deadlineNs - nowNs);
        }
        return Math.max(0, delayNs);
    }

    private boolean runPeriodics() {
        boolean hasRun = false;
        for (final Periodic periodic : List.copyOf(periodics)) {
            if (periodic.deadlineNs - System.nanoTime() <= 0) {
                periodic.task.run();
                periodic.deadlineNs = System.nanoTime() + periodic.intervalNs;
                hasRun = true;
            }
        }
        return hasRun;
    }

    private static final class Periodic {
        private final long intervalNs;
        private final Runnable task;
        private long deadlineNs;

        Periodic(final long intervalNs, final Runnable task) {
            this.intervalNs = intervalNs;
            this.task = task;
            deadlineNs = System.nanoTime() + intervalNs;
        }
    }
}
