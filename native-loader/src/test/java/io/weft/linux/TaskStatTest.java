/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Test;

class TaskStatTest {
    /** A thread that looks for its end by itself, or waits for it; of a name that looks like the line behind it. */
    private static final class Other implements AutoCloseable {
        private static final String NAME = "a) R 1 (b) S 2";

        private final SynchronousQueue<TaskStat> opened = new SynchronousQueue<>();
        private final CountDownLatch end = new CountDownLatch(1);
        private final Thread thread;

        Other(final boolean isSpinning) {
            thread = new Thread(
                    () -> {
                        try {
                            opened.put(TaskStat.ofCallingThread());
                            while (isSpinning && end.getCount() > 0) {
                                Thread.onSpinWait();
                            }
                            end.await();
                        } catch (final IOException | InterruptedException failure) {
                            throw new IllegalStateException(failure);
                        }
                    },
                    NAME);
            thread.setDaemon(true);
            thread.start();
        }

        TaskStat stat() throws InterruptedException {
            return opened.take();
        }

        @Override
        public void close() {
            end.countDown();
        }
    }

    @Test
    void shouldBeOfTheCallingThread() throws Exception {
        try (TaskStat stat = TaskStat.ofCallingThread()) {
            assertTrue(stat.isRunnable());
        }
    }

    @Test
    void shouldTellWhetherAnotherThreadIsRunnable() throws Exception {
        try (Other spinning = new Other(true);
                TaskStat stat = spinning.stat()) {
            Await.until(() -> "it runs", Await.TIMEOUT_MS, () -> isRunnable(stat));
        }
        try (Other waiting = new Other(false);
                TaskStat stat = waiting.stat()) {
            Await.until(
                    () -> "it waits",
                    Await.TIMEOUT_MS,
                    () -> Thread.State.WAITING == waiting.thread.getState() && !isRunnable(stat));
        }
    }

    private static boolean isEnded(final TaskStat stat) {
        try {
            stat.isRunnable();
            return false;
        } catch (final IOException ended) {
            return true;
        }
    }

    private static boolean isRunnable(final TaskStat stat) {
        try {
            return stat.isRunnable();
        } catch (final IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    @Test
    void shouldFailWhenTheThreadHasEnded() throws Exception {
        final Other ended = new Other(false);
        try (TaskStat stat = ended.stat()) {
            ended.close();
            ended.thread.join(Await.TIMEOUT_MS);
            assertFalse(ended.thread.isAlive());
            Await.until(() -> "the kernel has forgotten it", Await.TIMEOUT_MS, () -> isEnded(stat));
        }
    }
}
