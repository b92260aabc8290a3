/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Sends requests to a {@link RequestServer} over a number of connections, each with one request under way. One thread. */
final class RequestClient implements AutoCloseable {
    /** How long nothing may come before the run has failed. */
    private static final long SILENCE_LIMIT_MS = TimeUnit.SECONDS.toMillis(30);

    private final InetSocketAddress server;
    private final int answerLength;
    private final boolean isOnce;
    private final Selector selector = Selector.open();
    private final ByteBuffer answer = ByteBuffer.allocateDirect(RequestServer.MAX_ANSWER_LENGTH);
    private long ended;

    /** @param isOnce whether a connection is for one request, and the next one has a new one. */
    private RequestClient(final String address, final int answerLength, final boolean isOnce) throws IOException {
        server = new InetSocketAddress(address, RequestServer.PORT);
        this.answerLength = answerLength;
        this.isOnce = isOnce;
    }

    /** Requests that were answered in the time, over connections that are kept. */
    static long keep(final String address, final int connections, final int answerLength, final long durationMs)
            throws IOException {
        try (RequestClient client = new RequestClient(address, answerLength, false)) {
            return client.run(connections, durationMs);
        }
    }

    /** Connections that were set up, had one request answered and were closed in the time. */
    static long connect(final String address, final int connections, final int answerLength, final long durationMs)
            throws IOException {
        try (RequestClient client = new RequestClient(address, answerLength, true)) {
            return client.run(connections, durationMs);
        }
    }

    private long run(final int connections, final long durationMs) throws IOException {
        final List<IOException> failures = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            open();
        }
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(durationMs);
        while (System.nanoTime() < deadlineNs) {
            if (0 == selector.select(key -> onReady(key, failures), SILENCE_LIMIT_MS)) {
                throw new IOException("requests to " + server + ": nothing came for " + SILENCE_LIMIT_MS + " ms");
            }
            if (!failures.isEmpty()) {
                throw failures.get(0);
            }
        }
        return ended;
    }

    private void open() throws IOException {
        final SocketChannel channel = SocketChannel.open();
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        // What is closed is forgotten at once: else the client would run out of ports, which wait for a minute.
        channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        final Connection connection = new Connection(channel);
        channel.register(selector, SelectionKey.OP_CONNECT).attach(connection);
        channel.connect(server);
    }

    private void onReady(final SelectionKey key, final List<IOException> failures) {
        final @Nullable Object attachment = key.attachment();
        if (!(attachment instanceof final Connection connection)) {
            return;
        }
        try {
            if (key.isConnectable()) {
                connection.channel.finishConnect();
                key.interestOps(SelectionKey.OP_READ);
                connection.request();
            } else if (connection.isAnswered()) {
                ended++;
                if (isOnce) {
                    connection.channel.close();
                    open();
                } else {
                    connection.request();
                }
            }
        } catch (final IOException ex) {
            failures.add(new IOException("requests to " + server + ": " + ex.getMessage(), ex));
        }
    }

    @Override
    public void close() throws IOException {
        for (final SelectionKey key : selector.keys()) {
            key.channel().close();
        }
        selector.close();
    }

    /** One connection; the bytes of its answer are counted and not looked at. */
    private final class Connection {
        private final SocketChannel channel;
        private final ByteBuffer request = ByteBuffer.allocateDirect(RequestServer.REQUEST_LENGTH);
        private int missing;

        Connection(final SocketChannel channel) {
            this.channel = channel;
        }

        void request() throws IOException {
            request.clear().putInt(0, answerLength);
            missing = answerLength;
            while (request.hasRemaining()) {
                channel.write(request);
            }
        }

        boolean isAnswered() throws IOException {
            answer.clear();
            final int length = channel.read(answer);
            if (length < 0) {
                throw new IOException("the server closed a connection with " + missing + " bytes to come");
            }
            missing -= length;
            return 0 == missing;
        }
    }
}
