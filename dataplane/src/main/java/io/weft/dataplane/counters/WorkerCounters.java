/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersManager;

/**
 * The counters of one worker. Each is written by one agent only and so needs no atomic add, but for drops: who receives and who sends may
 * give up packets for one reason. Any process that maps the file may read them.
 */
public final class WorkerCounters {
    /** Type ids of drop counters lie above those of {@link DataPlaneCounter}. */
    public static final int DROP_TYPE_ID_BASE = 1000;

    private final AtomicCounter[] counters = new AtomicCounter[DataPlaneCounter.ID_LIMIT];
    private final AtomicCounter[] drops = new AtomicCounter[DropReason.ID_LIMIT];

    private final List<ThreadCounters> threads = new ArrayList<>();
    private final CountersManager manager;
    private final PeerCounters peers;
    private final int worker;

    /** One that does not count by peer. */
    public WorkerCounters(final CountersManager manager, final int worker) {
        this(manager, PeerTable.none(worker + 1), worker);
    }

    /**
     * Allocates all counters of a worker.
     *
     * @param peers that packets are counted by.
     * @param worker its index, which is written into each counter's key.
     */
    public WorkerCounters(final CountersManager manager, final PeerTable peers, final int worker) {
        this.manager = manager;
        this.worker = worker;
        this.peers = peers.ofWorker(worker);
        for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
            counters[counter.id()] = allocate(manager, counter.id(), counter.label(), worker);
        }
        for (final DropReason reason : DropReason.values()) {
            drops[reason.id()] = allocate(manager, DROP_TYPE_ID_BASE + reason.id(), reason.name(), worker);
        }
    }

    private static AtomicCounter allocate(
            final CountersManager manager, final int typeId, final String label, final int worker) {
        return manager.newCounter(label, typeId, key -> {
            key.putInt(0, worker);
            key.putBytes(Integer.BYTES, label.getBytes(US_ASCII));
        });
    }

    /** Whether counters of a type only grow, as against a length, a longest time, a remark, or what is reckoned from others. */
    static boolean isCount(final int typeId) {
        return (typeId >= DROP_TYPE_ID_BASE && typeId < RecentCounters.DERIVED_TYPE_ID_BASE)
                || Arrays.stream(DataPlaneCounter.values())
                        .anyMatch(counter -> counter.id() == typeId && !counter.isGauge())
                || Arrays.stream(ThreadCounter.values())
                        .anyMatch(counter -> counter.id() == typeId && ThreadCounter.LONGEST_CYCLE_NS != counter);
    }

    /** Allocates the counters of a thread. Control thread. */
    public ThreadCounters ofThread(final String threadName) {
        final ThreadCounters counters = new ThreadCounters(
                allocate(ThreadCounter.IDLE_NS, threadName),
                allocate(ThreadCounter.CYCLES, threadName),
                allocate(ThreadCounter.BUSY_NS, threadName),
                allocate(ThreadCounter.LONGEST_CYCLE_NS, threadName),
                allocate(ThreadCounter.URGENT_NS, threadName),
                allocate(ThreadCounter.BOOSTS, threadName),
                allocate(ThreadCounter.POLLS, threadName),
                allocate(ThreadCounter.YIELDS, threadName));
        threads.add(counters);
        return counters;
    }

    private AtomicCounter allocate(final ThreadCounter counter, final String threadName) {
        return allocate(manager, counter.id(), counter.label(threadName), worker);
    }

    /** Those of the threads that were allocated. */
    List<ThreadCounters> threads() {
        return threads;
    }

    /** What a reason has counted. Any thread. */
    public long dropped(final DropReason reason) {
        return drops[reason.id()].get();
    }

    /** The counter itself, for who keeps it. */
    public AtomicCounter of(final DataPlaneCounter counter) {
        return counters[counter.id()];
    }

    /** Counts something. Only the agent that the counter belongs to. */
    public void add(final DataPlaneCounter counter, final long value) {
        counters[counter.id()].getAndAddPlain(value);
    }

    /**
     * Counts what was sent to a peer. Egress sender alone.
     *
     * @param peer its row of the {@link PeerTable}.
     */
    public void sentTo(final int peer, final long packets, final long bytes) {
        peers.addSent(peer, packets, bytes);
    }

    /** Counts what came from a peer, likewise. Ingress receiver alone. */
    public void receivedFrom(final int peer, final long packets, final long bytes) {
        peers.addReceived(peer, packets, bytes);
    }

    /** Counts packets that end for a reason. Any agent of the worker. */
    public void drop(final DropReason reason, final long packets) {
        drops[reason.id()].getAndAdd(packets);
    }
}
