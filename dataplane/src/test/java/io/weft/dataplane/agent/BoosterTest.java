/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.IdleAgent;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.linux.Errno;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A thread that is long at a duty cycle stands for one that gets no processor: neither ends one, and both are runnable. */
class BoosterTest {
    private static final String NAME = "weft-test";

    private final CountersManager manager = NodeCounters.newManager();
    private final WorkerCounters counters = new WorkerCounters(manager, 0);
    private final Queue<String> refusals = new ConcurrentLinkedQueue<>();
    private final Told told = new Told();
    private final Booster booster = new Booster(1, told);
    private final StarvationWatch watch = booster.newWatch();
    private final AtomicLong nowNs = new AtomicLong();
    private final Backlog backlog = new Backlog(nowNs::get, watch);
    private volatile boolean isLong;
    private volatile boolean isSpinning;
    private volatile boolean wasFirst;
    private volatile int waiting = Backlog.MANY_STARVED - 1;

    @Test
    @RequiresRoot
    void shouldLetAthreadInWhenAlarmedAndSleepAgain() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell)) {
            watch.threads(List.of(thread));
            try (Booster opened = booster) {
                opened.start();
                awaitSleep();
                beLong(doorbell);
                backlog.onBatch(Backlog.ALARMING - 1, false);
                awaitSleep();
                assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
                backlog.onBatch(Backlog.ALARMING, false);
                awaitBoost();
                isLong = false;
                awaitPolicy(Tasks.ORDINARY);
                awaitSleep();
            }
            assertTrue(wasFirst);
            assertEquals(0, counted(ThreadCounter.URGENT_NS), "few packets waited");
        }
        assertEquals(List.of(), List.copyOf(refusals));
    }

    @Test
    @RequiresRoot
    void shouldMakeItUrgentThatManyPacketsWaitForTheThread() throws Exception {
        waiting = Backlog.MANY_STARVED;
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell)) {
            watch.threads(List.of(thread));
            try (Booster opened = booster) {
                opened.start();
                beLong(doorbell);
                watch.alarm();
                awaitBoost();
                isLong = false;
                Await.until(() -> "urgent", Await.TIMEOUT_MS, () -> counted(ThreadCounter.URGENT_NS) > 0);
                assertEquals(Tasks.FIFO, Tasks.policyOf(NAME));
                Await.until(() -> "not urgent", Await.TIMEOUT_MS, () -> {
                    nowNs.addAndGet(Backlog.WINDOW_NS);
                    return !backlog.isUrgent();
                });
                awaitPolicy(Tasks.ORDINARY);
            }
        }
    }

    /** It might hang, and would take a processor from whoever is to see that. */
    @Test
    @RequiresRoot
    void shouldNotLeaveOneFirstThatEndsNoDutyCycle() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell)) {
            watch.threads(List.of(thread));
            try (Booster opened = booster) {
                opened.start();
                beLong(doorbell);
                watch.alarm();
                awaitBoost();
                awaitSleep();
                assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
                isLong = false;
            }
        }
    }

    @Test
    @RequiresRoot
    void shouldLeaveAthreadThatWaits() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell)) {
            watch.threads(List.of(thread));
            Await.until(() -> "it waits", Await.TIMEOUT_MS, () -> "S".equals(unchecked(() -> Tasks.stateOf(NAME))));
            watch.alarm();
            for (int i = 0; i < 4; i++) {
                assertTrue(watch.look());
            }
            assertEquals(0, counted(ThreadCounter.BOOSTS));
            assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, true", "1, 2, true", "2, 2, false", "2, 4, true", "2, 8, true", "16, 2, false", "64, 260, true"})
    void shouldNotSuitThreadsThatTakeProcessorsFromEachOther(
            final int dataThreads, final int processors, final boolean isSuited) {
        assertEquals(isSuited, Booster.suits(dataThreads, processors));
    }

    @Test
    void shouldTellWhyItLetsNobodyIn() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell);
                Booster opened = booster) {
            watch.threads(List.of(thread));
            startRefused(opened, Errno.EPERM);
            Await.until(
                    () -> "told: " + refusals,
                    Await.TIMEOUT_MS,
                    () -> List.of("EPERM").equals(List.copyOf(refusals)));
        }
    }

    /** As where whoever started the process gave it another policy. */
    @Test
    void shouldSayNothingOfApolicyFromOthers() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell);
                Booster opened = booster) {
            watch.threads(List.of(thread));
            startRefused(opened, Errno.EINVAL);
            awaitSleep();
            assertEquals(List.of(), List.copyOf(refusals));
        }
    }

    private static void startRefused(final Booster booster, final int errno) throws Exception {
        RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, errno, () -> {
            booster.start();
            return 0;
        });
    }

    private AgentThread start(final Doorbell doorbell) {
        final AgentThread thread = new AgentThread(
                NAME,
                List.of(new LongAgent()),
                doorbell,
                0,
                false,
                counters,
                failure -> {},
                new Urgency(List.of(backlog), List.of(backlog), 1, told));
        thread.start();
        Await.until(() -> "a turn", Await.TIMEOUT_MS, () -> thread.dutyCycles() > 0);
        return thread;
    }

    private void beLong(final Doorbell doorbell) {
        isLong = true;
        doorbell.ring();
        Await.until(() -> "it is long at a duty cycle", Await.TIMEOUT_MS, () -> isSpinning);
    }

    private static void awaitSleep() {
        Await.until(
                () -> "the booster sleeps",
                Await.TIMEOUT_MS,
                () -> Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(thread ->
                                Booster.NAME.equals(thread.getName()) && Thread.State.WAITING == thread.getState()));
    }

    private void awaitBoost() {
        Await.until(() -> "let in", Await.TIMEOUT_MS, () -> counted(ThreadCounter.BOOSTS) > 0 && wasFirst);
    }

    private static void awaitPolicy(final int policy) {
        Await.until(() -> "policy " + policy, Await.TIMEOUT_MS, () -> policy == unchecked(() -> Tasks.policyOf(NAME)));
    }

    private static <T> T unchecked(final Callable<T> call) {
        try {
            return call.call();
        } catch (final Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    private long counted(final ThreadCounter counter) {
        final AtomicLong total = new AtomicLong();
        manager.forEach((value, id, label) -> {
            if (null != counter.threadName(label)) {
                total.addAndGet(value);
            }
        });
        return total.get();
    }

    private final class Told implements SchedulingRefusals {
        @Override
        public void onSliceRefused(final int errno) {}

        @Override
        public void onRealTimeRefused(final int errno) {
            refusals.add(Errno.name(errno));
        }
    }

    private final class LongAgent extends IdleAgent {
        @Override
        public int doWork() {
            while (isLong && !Thread.currentThread().isInterrupted()) {
                isSpinning = true;
                wasFirst |= Tasks.FIFO == unchecked(() -> Tasks.policyOf(NAME));
            }
            if (isSpinning || backlog.isUrgent()) {
                backlog.onBatch(isSpinning ? waiting : 0, false);
            }
            isSpinning = false;
            return 0;
        }
    }
}
