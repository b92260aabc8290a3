/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/** Sends packets on a fixed schedule, however long each takes. One thread. */
final class OpenLoopSender implements AutoCloseable {
    /** A sender that is behind its schedule by more than this at the end leaves the rest unsent. */
    private static final long GRACE_NS = 10_000_000;

    private final DatagramChannel channel = DatagramChannel.open();

    OpenLoopSender(final String own, final String peer) throws IOException {
        channel.setOption(StandardSocketOptions.SO_SNDBUF, OpenLoop.SOCKET_BUFFER_LENGTH);
        channel.bind(new InetSocketAddress(own, OpenLoop.SOURCE_PORT));
        channel.connect(new InetSocketAddress(peer, OpenLoop.PORT));
        exactTimers();
    }

    /**
     * Sends {@code count} packets at {@code packetsPerSecond}.
     *
     * @return how many were sent; fewer than asked for if the machine cannot send so fast.
     */
    int send(final int run, final double packetsPerSecond, final int count, final int length) throws IOException {
        final ByteBuffer packet = ByteBuffer.allocateDirect(Math.max(length, OpenLoop.MIN_LENGTH));
        packet.putInt(OpenLoop.RUN_OFFSET, run);
        final double intervalNs = 1e9 / packetsPerSecond;
        final long startNs = System.nanoTime();
        final long endNs = startNs + (long) (count * intervalNs) + GRACE_NS;
        for (int sequence = 0; sequence < count; sequence++) {
            final long intendedNs = startNs + (long) (sequence * intervalNs);
            if (await(intendedNs) > endNs) {
                return sequence;
            }
            packet.putInt(OpenLoop.SEQUENCE_OFFSET, sequence);
            packet.putLong(OpenLoop.INTENDED_NS_OFFSET, intendedNs);
            channel.write(packet.clear());
        }
        return count;
    }

    /** Sleeps rather than spins: the data planes need the cores. What it oversleeps counts as latency, for all alike. */
    private static long await(final long intendedNs) {
        long nowNs = System.nanoTime();
        while (nowNs < intendedNs) {
            LockSupport.parkNanos(intendedNs - nowNs);
            nowNs = System.nanoTime();
        }
        return nowNs;
    }

    /** The kernel may wake a thread 50 us late to save wake-ups (PR_SET_TIMERSLACK, prctl(2)); not this one. */
    private static void exactTimers() throws IOException {
        final Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName();
        Files.writeString(Path.of("/proc", thread.toString(), "timerslack_ns"), "1");
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
