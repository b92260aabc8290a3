/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is told, to a list that stands for systemd; docs' SystemdTest has the real one. */
class ServiceManagerTest {
    private static final String ALIVE = "WATCHDOG=1";
    private static final long INTERVAL_US = 1_000;
    private static final long NEVER = 0;

    private final List<String> told = new CopyOnWriteArrayList<>();
    private final AtomicInteger questions = new AtomicInteger();
    private ServiceManager manager = ServiceManager.start(told::add, NEVER, () -> true);

    @AfterEach
    void tearDown() {
        manager.close();
    }

    @Test
    void shouldTellThatItLivesOnlyWhileTheDataThreadsGoOn() {
        final AtomicBoolean goesOn = new AtomicBoolean(true);
        manager.close();
        manager = ServiceManager.start(told::add, INTERVAL_US, () -> ask(goesOn));
        Await.until(() -> "told that it lives, and not " + told, Await.TIMEOUT_MS, () -> told.contains(ALIVE));
        goesOn.set(false);
        awaitQuestions(2); // one may have been answered before
        final int before = alive();
        awaitQuestions(10);
        assertEquals(before, alive());
        goesOn.set(true);
        Await.until(() -> "told that it lives again", Await.TIMEOUT_MS, () -> alive() > before);
    }

    private boolean ask(final AtomicBoolean answer) {
        questions.incrementAndGet();
        return answer.get();
    }

    private void awaitQuestions(final int more) {
        final int enough = questions.get() + more;
        Await.until(
                () -> enough + " questions, and not " + questions, Await.TIMEOUT_MS, () -> questions.get() >= enough);
    }

    private int alive() {
        return (int) told.stream().filter(ALIVE::equals).count();
    }

    @Test
    void shouldTellOnceThatItIsReady() {
        manager.tellReady();
        manager.tellReady();
        assertEquals(List.of("READY=1\nSTATUS=forwards", "STATUS=forwards"), told);
    }

    /** kubelet is started after it, and may have to start what it waits for. */
    @Test
    void shouldLetOthersStartWhenItIsNotReadySoon() {
        Await.until(() -> "told something", Await.TIMEOUT_MS, () -> !told.isEmpty());
        assertTrue(told.get(0).startsWith("READY=1\nSTATUS=does not forward yet"), told::toString);
        manager.tellReady();
        assertEquals("STATUS=forwards", told.get(1));
    }

    @Test
    void shouldTakeTheWatchdogOfThisProcessAlone() {
        final String pid = String.valueOf(ProcessHandle.current().pid());
        assertEquals(5_000_000, ServiceManager.intervalUs(Map.of("WATCHDOG_USEC", "20000000", "WATCHDOG_PID", pid)));
        assertEquals(NEVER, ServiceManager.intervalUs(Map.of("WATCHDOG_USEC", "20000000", "WATCHDOG_PID", "1")));
        assertEquals(NEVER, ServiceManager.intervalUs(Map.of("WATCHDOG_USEC", "soon")));
        assertEquals(NEVER, ServiceManager.intervalUs(Map.of()));
    }
}
