/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Numbered datagrams from pod to pod, about two hundred a second, of which every one is counted that does not arrive. */
final class DatagramStream implements AutoCloseable {
    private static final long INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int LENGTH = 64;

    private final String name;
    private final DatagramSocket source;
    private final DatagramSocket sink;
    private final InetSocketAddress target;
    private final Thread sender = new Thread(this::send, "udp-sender");
    private final Thread receiver = new Thread(this::receive, "udp-receiver");
    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong received = new AtomicLong();
    /** The highest number that has arrived. */
    private final AtomicLong lastNumber = new AtomicLong(-1);

    private final AtomicLong longestGapNs = new AtomicLong();
    /** When the last datagram arrived, by {@link System#nanoTime}. */
    private final AtomicLong lastArrivalNs = new AtomicLong();

    private volatile boolean isEnding;

    DatagramStream(final Topology.Node from, final Topology.Node to) throws IOException {
        name = "datagrams from pod " + from.letter() + " to pod " + to.letter();
        final InetAddress address = InetAddress.getByName(to.podAddress());
        source = from.pod().call(() -> new DatagramSocket());
        sink = to.pod().call(() -> new DatagramSocket(0, address));
        target = new InetSocketAddress(address, sink.getLocalPort());
        sender.start();
        receiver.start();
        awaitArrivalAfter(System.nanoTime(), TIMEOUT_MS);
    }

    private void send() {
        while (!isEnding) {
            sendNext();
            LockSupport.parkNanos(INTERVAL_NS);
        }
    }

    private void sendNext() {
        final byte[] datagram =
                ByteBuffer.allocate(LENGTH).putLong(sent.getAndIncrement()).array();
        try {
            source.send(new DatagramPacket(datagram, LENGTH, target));
        } catch (final IOException unreachable) {
            // the pod was told by ICMP that there is no way: this one is lost as any other
            refused.incrementAndGet();
        }
    }

    /** Sends many at once, besides. */
    void burst(final int count) {
        for (int i = 0; i < count; i++) {
            sendNext();
        }
    }

    private void receive() {
        final DatagramPacket datagram = new DatagramPacket(new byte[LENGTH], LENGTH);
        try {
            while (true) {
                sink.receive(datagram);
                final long nowNs = System.nanoTime();
                if (received.get() > 0) {
                    longestGapNs.accumulateAndGet(nowNs - lastArrivalNs.get(), Math::max);
                }
                lastArrivalNs.set(nowNs);
                received.incrementAndGet();
                lastNumber.accumulateAndGet(ByteBuffer.wrap(datagram.getData()).getLong(), Math::max);
            }
        } catch (final SocketException closed) {
            // close() ends it
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** Waits until a datagram has arrived after a moment, and returns when. Both by {@link System#nanoTime}. */
    long awaitArrivalAfter(final long momentNs, final long timeoutMs) {
        Await.until(this::toString, timeoutMs, () -> received.get() > 0 && lastArrivalNs.get() - momentNs > 0);
        return lastArrivalNs.get();
    }

    /** The longest time without a datagram since the last call of this, in milliseconds. */
    long takeLongestGapMs() {
        return TimeUnit.NANOSECONDS.toMillis(longestGapNs.getAndSet(0));
    }

    /** Ends the stream; returns how many datagrams did not arrive. */
    long finish() throws InterruptedException {
        isEnding = true;
        sender.join();
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS);
        while (received.get() < sent.get() && System.nanoTime() - deadlineNs < 0) {
            LockSupport.parkNanos(INTERVAL_NS);
        }
        return sent.get() - received.get();
    }

    /**
     * Ends a stream of which some were lost: sends until the last has arrived, on a way that keeps their order, after which no other
     * comes. Returns how many did not arrive.
     */
    long finishAfterLoss() throws InterruptedException {
        isEnding = true;
        sender.join();
        final long startNs = System.nanoTime();
        for (long waitNs = INTERVAL_NS; lastNumber.get() < sent.get() - 1; waitNs *= 2) {
            sendNext();
            final long sentNs = System.nanoTime();
            if (sentNs - startNs > TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS)) {
                throw new AssertionError("the last does not arrive: " + this);
            }
            while (lastNumber.get() < sent.get() - 1 && System.nanoTime() - sentNs < waitNs) {
                LockSupport.parkNanos(INTERVAL_NS);
            }
        }
        return sent.get() - received.get();
    }

    @Override
    public String toString() {
        return name + ": " + received + " of " + sent + " arrived, " + refused + " were refused";
    }

    /** Closes the sockets; the threads end by that. */
    @Override
    public void close() {
        isEnding = true;
        source.close();
        sink.close();
    }
}
