/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/**
 * Answers requests over TCP, as a service of HTTP does: each connection has one at a time. One thread, until the program ends.
 *
 * <pre>
 * request:   length of the answer (4, big-endian) | padding to {@link #REQUEST_LENGTH}
 * answer:    that many bytes
 * </pre>
 */
final class RequestServer implements Peer.Service {
    static final int PORT = 7001;

    /** About a short GET with its headers. */
    static final int REQUEST_LENGTH = 100;

    static final int MAX_ANSWER_LENGTH = 10_000;

    /** As many clients as may want a connection at the same moment. */
    private static final int BACKLOG = 1024;

    private final ServerSocketChannel server;
    private final Selector selector;

    private RequestServer(final ServerSocketChannel server, final Selector selector) {
        this.server = server;
        this.selector = selector;
    }

    static RequestServer bind(final String own) throws IOException {
        final ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(own, PORT), BACKLOG);
        server.configureBlocking(false);
        final Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        return new RequestServer(server, selector);
    }

    @Override
    public void serve() throws IOException {
        while (true) {
            selector.select(this::onReady);
        }
    }

    private void onReady(final SelectionKey key) {
        try {
            if (key.isAcceptable()) {
                accept();
            } else if (key.attachment() instanceof final Exchange exchange && !exchange.progress()) {
                key.channel().close();
            }
        } catch (final IOException ex) {
            close(key); // The client resets a connection that it has done with.
        }
    }

    private void accept() throws IOException {
        final SocketChannel channel = server.accept();
        if (null != channel) {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.register(selector, SelectionKey.OP_READ).attach(new Exchange(channel));
        }
    }

    private static void close(final SelectionKey key) {
        try {
            key.channel().close();
        } catch (final IOException ex) {
            System.err.println("peer: close a connection: " + ex.getMessage());
        }
    }

    /** One connection. */
    private static final class Exchange {
        private final SocketChannel channel;
        private final ByteBuffer request = ByteBuffer.allocateDirect(REQUEST_LENGTH);
        private final ByteBuffer answer = ByteBuffer.allocateDirect(MAX_ANSWER_LENGTH);

        Exchange(final SocketChannel channel) {
            this.channel = channel;
        }

        /** Reads what there is, and answers; false at the connection's end. An answer that does not fit is written while it waits. */
        boolean progress() throws IOException {
            if (channel.read(request) < 0) {
                return false;
            }
            if (!request.hasRemaining()) {
                answer.position(0).limit(request.getInt(0));
                request.clear();
                while (answer.hasRemaining()) {
                    channel.write(answer);
                }
            }
            return true;
        }
    }
}
