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
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A thread that is long at a duty cycle stands for one that gets no processor: neither ends one, and both are runnable. */
class BoosterTest {
    private static final String NAME = "weft-test";

    private final CountersManager manager = NodeCounters.newManager();
    private final NodeCounters counters = new NodeCounters(manager);
    private final RecordedRefusals refusals = new RecordedRefusals();
    private final Booster booster = new Booster(1, refusals);
    private final StarvationWatch watch = booster.newWatch();
    private final AtomicLong nowNs = new AtomicLong();
    private final Backlog backlog = new Backlog(nowNs::get, watch);
    private final Doorbell doorbell = new Doorbell();
    private final AgentThread thread = new AgentThread(
            NAME,
            List.of(new LongAgent()),
            doorbell,
            0,
            false,
            new WorkerCounters(manager, 0),
            failure -> {},
            new Urgency(List.of(backlog), List.of(backlog), 1, refusals));
    private volatile boolean isLong;
    private volatile boolean isSpinning;
    private volatile boolean wasFirst;
    private volatile int waiting = Backlog.MANY_STARVED - 1;

    @BeforeEach
    void setUp() {
        watch.threads(List.of(thread));
        thread.start();
        Await.until(() -> "a turn", Await.TIMEOUT_MS, () -> thread.dutyCycles() > 0);
    }

    @AfterEach
    void tearDown() {
        isLong = false;
        booster.close();
        thread.close();
        doorbell.close();
    }

    @Test
    @RequiresRoot
    void shouldLetAthreadInWhenAlarmedAndSleepAgain() throws IOException {
        booster.start();
        awaitSleep();
        beLong();
        backlog.onBatch(Backlog.ALARMING - 1, false);
        awaitSleep();
        assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
        backlog.onBatch(Backlog.ALARMING, false);
        awaitBoost();
        isLong = false;
        Tasks.awaitPolicy(NAME, Tasks.ORDINARY);
        awaitSleep();
        assertEquals(0, counters.of(ThreadCounter.URGENT_NS), "few packets waited");
        assertEquals(List.of(), refusals.told());
    }

    @Test
    @RequiresRoot
    void shouldMakeItUrgentThatManyPacketsWaitForTheThread() throws IOException {
        waiting = Backlog.MANY_STARVED;
        booster.start();
        beLong();
        watch.alarm();
        awaitBoost();
        isLong = false;
        Await.until(() -> "urgent", Await.TIMEOUT_MS, () -> counters.of(ThreadCounter.URGENT_NS) > 0);
        assertEquals(Tasks.FIFO, Tasks.policyOf(NAME));
        Await.until(() -> "not urgent", Await.TIMEOUT_MS, () -> {
            nowNs.addAndGet(Backlog.WINDOW_NS);
            return !backlog.isUrgent();
        });
        Tasks.awaitPolicy(NAME, Tasks.ORDINARY);
    }

    /** It might hang, and would take a processor from whoever is to see that. */
    @Test
    @RequiresRoot
    void shouldNotLeaveOneFirstThatEndsNoDutyCycle() throws IOException {
        booster.start();
        beLong();
        watch.alarm();
        awaitBoost();
        awaitSleep();
        assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
    }

    @Test
    @RequiresRoot
    void shouldLeaveAthreadThatWaits() throws IOException {
        Await.until(() -> "it waits", Await.TIMEOUT_MS, () -> "S".equals(state()));
        watch.alarm();
        for (int i = 0; i < 4; i++) {
            assertTrue(watch.look());
        }
        assertEquals(0, counters.of(ThreadCounter.BOOSTS));
        assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
    }

    @Test
    void shouldTellWhyItLetsNobodyIn() throws Exception {
        startRefused(Errno.EPERM);
        Await.until(
                () -> "told: " + refusals.told(),
                Await.TIMEOUT_MS,
                () -> List.of("real time: EPERM").equals(refusals.told()));
    }

    /** As where whoever started the process gave it another policy. */
    @Test
    void shouldSayNothingOfApolicyFromOthers() throws Exception {
        startRefused(Errno.EINVAL);
        awaitSleep();
        assertEquals(List.of(), refusals.told());
    }

    private void startRefused(final int errno) throws Exception {
        RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, errno, () -> {
            booster.start();
            return 0;
        });
    }

    private void beLong() {
        isLong = true;
        doorbell.ring();
        Await.until(() -> "it is long at a duty cycle", Await.TIMEOUT_MS, () -> isSpinning);
    }

    private static void awaitSleep() {
        Await.until(
                () -> "the booster sleeps",
                Await.TIMEOUT_MS,
                () -> Thread.getAllStackTraces().keySet().stream()
                        .anyMatch(other ->
                                Booster.NAME.equals(other.getName()) && Thread.State.WAITING == other.getState()));
    }

    private void awaitBoost() {
        Await.until(() -> "let in", Await.TIMEOUT_MS, () -> counters.of(ThreadCounter.BOOSTS) > 0 && wasFirst);
    }

    private static int policy() {
        try {
            return Tasks.policyOf(NAME);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static String state() {
        try {
            return Tasks.stateOf(NAME);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private final class LongAgent extends IdleAgent {
        @Override
        public int doWork() {
            while (isLong) {
                isSpinning = true;
                wasFirst |= Tasks.FIFO == policy();
            }
            if (isSpinning || backlog.isUrgent()) {
                backlog.onBatch(isSpinning ? waiting : 0, false);
            }
            isSpinning = false;
            return 0;
        }
    }
}
