/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;

/** Counts the packets of a run and records how late each came after its intended send time. */
final class OpenLoopReceiver implements AutoCloseable {
    /** A run is over when nothing has come for so long. */
    private static final long QUIET_NS = TimeUnit.MILLISECONDS.toNanos(200);

    private static final long MAX_LATENCY_NS = TimeUnit.SECONDS.toNanos(10);
    private static final int SIGNIFICANT_DIGITS = 3;

    private final SingleWriterRecorder latencies = new SingleWriterRecorder(MAX_LATENCY_NS, SIGNIFICANT_DIGITS);
    private final DatagramChannel channel = DatagramChannel.open();
    private volatile int run;
    private volatile long received;
    private volatile long lastNs;
    private volatile long longestSilenceNs;

    OpenLoopReceiver(final String own, final String peer) throws IOException {
        channel.setOption(StandardSocketOptions.SO_RCVBUF, OpenLoop.SOCKET_BUFFER_LENGTH);
        channel.bind(new InetSocketAddress(own, OpenLoop.PORT));
        channel.connect(new InetSocketAddress(peer, OpenLoop.SOURCE_PORT));
        final Thread thread = new Thread(this::receive, "open-loop-receiver");
        thread.setDaemon(true);
        thread.start();
    }

    /** From now on only packets of this run count. */
    void start(final int newRun) {
        latencies.reset();
        received = 0;
        longestSilenceNs = 0;
        lastNs = System.nanoTime();
        run = newRun;
    }

    /** Waits until all packets have come, or none for a while. */
    long awaitReceived(final long expected) {
        while (received < expected && System.nanoTime() - lastNs < QUIET_NS) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        return received;
    }

    /** The latencies of the run, in ns. */
    Histogram latencies() {
        return latencies.getIntervalHistogram();
    }

    /** The longest time between two packets of the run, or before the first: whatever keeps it away may have begun by then. */
    long longestSilenceNs() {
        return longestSilenceNs;
    }

    private void receive() {
        final ByteBuffer packet = ByteBuffer.allocateDirect(UdpExchange.MAX_LENGTH);
        try {
            while (true) {
                final int length = channel.read(packet.clear());
                final long nowNs = System.nanoTime();
                if (length >= OpenLoop.MIN_LENGTH && packet.getInt(OpenLoop.RUN_OFFSET) == run) {
                    final long latencyNs = nowNs - packet.getLong(OpenLoop.INTENDED_NS_OFFSET);
                    latencies.recordValue(Math.min(latencyNs, MAX_LATENCY_NS));
                    // One writer: this thread.
                    final long count = received;
                    longestSilenceNs = Math.max(longestSilenceNs, nowNs - lastNs);
                    lastNs = nowNs;
                    received = count + 1;
                }
            }
        } catch (final ClosedChannelException ex) {
            return;
        } catch (final IOException ex) {
            throw new UncheckedIOException("receive on port " + OpenLoop.PORT, ex);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
