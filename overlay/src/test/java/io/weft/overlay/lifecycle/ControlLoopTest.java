/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ControlLoopTest {
    private final AtomicInteger published = new AtomicInteger();
    private final ControlLoop loop = new ControlLoop(published::incrementAndGet);

    /** As SIGTERM interrupts the loop while a task runs that a question waits behind. */
    @Test
    void shouldEndByAnInterruptThatAQuestionMet() {
        loop.post(() -> Thread.currentThread().interrupt());
        final CompletableFuture<Boolean> answer = loop.ask(() -> {
            new CountDownLatch(1).await(); // throws at once
            return true;
        });
        loop.after(1, () -> loop.end("the interrupt was lost"));
        assertThrows(InterruptedException.class, loop::run);
        assertInstanceOf(
                InterruptedException.class,
                assertThrows(ExecutionException.class, answer::get).getCause());
    }

    @Test
    void shouldNotDoWhatNobodyWaitsForAnyMore() throws InterruptedException {
        final AtomicBoolean isAsked = new AtomicBoolean();
        final CompletableFuture<Boolean> answer = loop.ask(() -> {
            isAsked.set(true);
            return true;
        });
        assertThrows(ExecutionException.class, answer::get); // as if a task kept the loop busy: it does not run yet
        loop.end("done");
        assertEquals("done", loop.run());
        assertFalse(isAsked.get());
    }

    /** A publication that the kernel refused is tried again so, though nothing else happens. */
    @Test
    void shouldPublishAfterPeriodicTasksToo() throws InterruptedException {
        loop.every(1, () -> {
            if (published.get() >= 2) {
                loop.end("published");
            }
        });
        loop.after(TimeUnit.MINUTES.toMillis(1), () -> loop.end("nothing was published"));
        assertEquals("published", loop.run());
    }

    @Test
    void shouldAnswer() throws Exception {
        final CompletableFuture<Boolean> answer = loop.ask(() -> true);
        loop.end("done");
        loop.run();
        assertTrue(answer.get());
    }
}
