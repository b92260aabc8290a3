/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection from pod to pod, which carries about a megabyte a second of a known pattern until it is ended. It survives
 * what happens to the nodes meanwhile if all bytes come over this one connection, each at its place.
 */
final class TcpStream implements AutoCloseable {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int BLOCK_LENGTH = 4096;
    private static final long INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(4);

    private final String name;
    private final Socket client;
    private final Socket accepted;
    private final Thread sender = new Thread(this::send, "tcp-sender");
    private final Thread receiver = new Thread(this::receive, "tcp-receiver");
    private final AtomicLong sentLength = new AtomicLong();
    private final AtomicLong receivedLength = new AtomicLong();
    private final AtomicLong longestGapNs = new AtomicLong();
    private volatile boolean isEnding;
    private volatile @Nullable String failure;

    TcpStream(final Topology.Node from, final Topology.Node to) throws IOException {
        name = "stream from pod " + from.letter() + " to pod " + to.letter();
        final InetAddress target = InetAddress.getByName(to.podAddress());
        try (ServerSocket server = to.pod().call(() -> new ServerSocket(0, 1, target))) {
            client = from.pod().call(() -> {
                final Socket socket = new Socket();
                socket.connect(new InetSocketAddress(target, server.getLocalPort()), TIMEOUT_MS);
                return socket;
            });
            accepted = server.accept();
        }
        sender.start();
        receiver.start();
    }

    private static byte pattern(final long position) {
        return (byte) ((position * 0x9E3779B97F4A7C15L) >>> 56);
    }

    private void send() {
        final byte[] block = new byte[BLOCK_LENGTH];
        try {
            final OutputStream output = client.getOutputStream();
            while (!isEnding) {
                for (int i = 0; i < block.length; i++) {
                    block[i] = pattern(sentLength.get() + i);
                }
                output.write(block);
                sentLength.addAndGet(block.length);
                LockSupport.parkNanos(INTERVAL_NS);
            }
            client.shutdownOutput();
        } catch (final IOException broken) {
            failure = "send: " + broken;
        }
    }

    private void receive() {
        final byte[] block = new byte[1 << 16];
        try {
            final InputStream input = accepted.getInputStream();
            long lastNs = System.nanoTime();
            int length = input.read(block);
            while (length >= 0) {
                final long nowNs = System.nanoTime();
                longestGapNs.accumulateAndGet(nowNs - lastNs, Math::max);
                lastNs = nowNs;
                for (int i = 0; i < length; i++) {
                    if (block[i] != pattern(receivedLength.get() + i)) {
                        failure = "a wrong byte at " + (receivedLength.get() + i);
                        return;
                    }
                }
                receivedLength.addAndGet(length);
                length = input.read(block);
            }
        } catch (final IOException broken) {
            failure = "receive: " + broken;
        }
    }

    /** Waits until bytes that are sent from now on have arrived. */
    void awaitProgress(final long timeoutMs) {
        final long goal = sentLength.get() + BLOCK_LENGTH;
        Await.until(this::toString, timeoutMs, () -> null != failure || receivedLength.get() >= goal);
        assertEquals(null, failure, this::toString);
    }

    /** The longest time without a byte since the last call of this, in milliseconds. */
    long takeLongestGapMs() {
        return TimeUnit.NANOSECONDS.toMillis(longestGapNs.getAndSet(0));
    }

    /** Ends the stream and waits for its last byte. */
    void finish(final long timeoutMs) throws InterruptedException {
        isEnding = true;
        sender.join(timeoutMs);
        receiver.join(timeoutMs);
        assertEquals(null, failure, this::toString);
        assertEquals(sentLength.get(), receivedLength.get(), this::toString);
    }

    @Override
    public String toString() {
        return name + ": " + receivedLength + " of " + sentLength + " bytes arrived"
                + (null == failure ? "" : ", " + failure);
    }

    /** Closes the sockets; the threads end by that. */
    @Override
    public void close() throws IOException {
        isEnding = true;
        client.close();
        accepted.close();
    }
}
