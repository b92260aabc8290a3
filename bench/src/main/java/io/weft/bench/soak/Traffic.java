/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.traffic.PeerProxy;
import io.weft.bench.traffic.Ping;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Each pod of a lab exchanges streams, datagrams and echoes of all lengths with the others, each byte compared where it arrives. What
 * is lost is sent again, by TCP or by whoever sent it; what does not arrive at all, or changed, is a failure.
 */
final class Traffic implements AutoCloseable {
    private static final int STREAM_LENGTH_MAX = 8 << 20;
    /** Up to here a datagram is sent of each length in a row. */
    private static final int SHORT_DATAGRAM_MAX = 1_450;

    private static final int DATAGRAMS = 50;
    /** Payload of the longest IPv4 packet less the headers of ICMP and IPv4. */
    private static final int ECHO_LENGTH_MAX = 65_535 - 20 - 8;

    /** A weftd that is started anew on a busy machine takes its time. */
    private static final long OUTAGE_LIMIT_NS = TimeUnit.MINUTES.toNanos(5);
    /** Between two exchanges of a pod: others want to work on the machine as well. */
    private static final long REST_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final List<PeerProxy> peers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    /** Each exchange holds the lock for reading, so that there is none while it is held for writing. */
    private final ReentrantReadWriteLock quiet = new ReentrantReadWriteLock(true);

    private final LongAdder exchanges = new LongAdder();
    private final LongAdder repetitions = new LongAdder();
    private final LongAdder streamBytes = new LongAdder();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private volatile boolean isEnding;

    /** Starts it between all pods. */
    static Traffic start(final Lab lab, final long seed) throws IOException {
        final Traffic traffic = new Traffic();
        try {
            for (final Node node : lab.nodes()) {
                traffic.peers.add(PeerProxy.start(node));
            }
        } catch (final IOException failure) {
            traffic.close();
            throw failure;
        }
        for (final Node node : lab.nodes()) {
            final List<Node> others =
                    lab.nodes().stream().filter(other -> !other.equals(node)).toList();
            final Random random = new Random(seed + node.index());
            final Thread thread = new Thread(() -> traffic.run(node, others, random), "traffic-" + node.letter());
            traffic.threads.add(thread);
            thread.start();
        }
        return traffic;
    }

    private void run(final Node from, final List<Node> others, final Random random) {
        while (!isEnding) {
            quiet.readLock().lock();
            try {
                exchange(from, others.get(random.nextInt(others.size())), random);
                exchanges.increment();
            } catch (final IOException
                    | RuntimeException failure) { // of which no other would hear: the thread is gone then
                if (!isEnding) {
                    failures.add("from pod " + from.letter() + ": " + failure.getMessage());
                }
                return;
            } finally {
                quiet.readLock().unlock();
            }
            LockSupport.parkNanos(REST_NS);
        }
    }

    private void exchange(final Node from, final Node to, final Random random) throws IOException {
        final PeerProxy peer = peers.get(from.index());
        switch (random.nextInt(4)) {
            case 0 -> {
                final int length = 1 + random.nextInt(STREAM_LENGTH_MAX);
                again(() -> peer.tcp(to, length));
                streamBytes.add(length);
            }
            case 1 -> {
                final int length = 1 + random.nextInt(SHORT_DATAGRAM_MAX);
                again(() -> repetitions.add(peer.udp(to, length, length + DATAGRAMS)));
            }
            case 2 -> {
                final int length =
                        SHORT_DATAGRAM_MAX + random.nextInt(PeerProxy.MAX_DATAGRAM_LENGTH - SHORT_DATAGRAM_MAX);
                again(() -> repetitions.add(peer.udp(to, length, length)));
            }
            default -> {
                final int length = random.nextInt(ECHO_LENGTH_MAX);
                again(() -> Ping.exchange(from, to, List.of(length)));
            }
        }
    }

    private interface Exchange {
        /** Sends and awaits it back. */
        void run() throws IOException;
    }

    /** What nobody but us sends again: until it comes back, or comes back changed. */
    private void again(final Exchange exchange) throws IOException {
        final long startNs = System.nanoTime();
        while (true) {
            try {
                exchange.run();
                return;
            } catch (final IOException failure) {
                if (isEnding || !isLoss(failure) || System.nanoTime() - startNs > OUTAGE_LIMIT_NS) {
                    throw failure;
                }
                repetitions.increment();
            }
            LockSupport.parkNanos(REST_NS);
        }
    }

    private static boolean isLoss(final IOException failure) {
        final String message = String.valueOf(failure.getMessage());
        return message.contains(PeerProxy.NOT_RETURNED) || message.contains(Ping.NO_REPLY);
    }

    /** Returns when no exchange goes on, and lets none begin until {@link #resume}, by the same thread. */
    void pause() {
        quiet.writeLock().lock();
    }

    /** Takes {@link #pause} back. */
    void resume() {
        quiet.writeLock().unlock();
    }

    /** What did not arrive, or was changed; each ends the exchanges of a pod. */
    List<String> failures() {
        return List.copyOf(failures);
    }

    @Override
    public String toString() {
        return exchanges + " exchanges, " + (streamBytes.sum() >> 20) + " MiB by TCP, " + repetitions + " sent again";
    }

    @Override
    public void close() {
        isEnding = true;
        peers.forEach(PeerProxy::close);
        try {
            for (final Thread thread : threads) {
                thread.join();
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
