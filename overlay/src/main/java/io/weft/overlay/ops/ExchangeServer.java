/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.TakeDown;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A listening socket, TCP or Unix, whose connections each have one question and one answer. One thread serves all of them and
 * waits for none: a client that is slow, silent or half gone has its connection to the deadline, and stops nobody else. When
 * more clients come than there may be, the oldest connection makes room.
 */
final class ExchangeServer implements AutoCloseable {
    /** For a whole exchange, from its accept to its end. */
    static final long TIMEOUT_MS = 10_000;

    static final int CONNECTIONS_MAX = 64;

    private static final System.Logger LOG = System.getLogger(ExchangeServer.class.getName());
    private static final long END_PATIENCE_MS = 2_000;
    /** Out of file descriptors, as a rule: waiting clients stay in the socket's queue. */
    private static final long ACCEPT_RETRY_MS = 100;

    private final String threadName;
    private final ServerSocketChannel server;
    private final Selector selector;
    private final int questionLengthMax;
    private final Answerer answerer;
    private final Thread thread;
    /** The oldest first, which is the one whose deadline is next. */
    private final ArrayDeque<Connection> connections = new ArrayDeque<>();

    private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
    private volatile boolean isClosed;
    private boolean isRefusing;

    /** Knows the language that is spoken. */
    @FunctionalInterface
    interface Answerer {
        /**
         * Answers what was received. Called on the server's thread, which must not be made to wait; the answer may come later,
         * from any thread.
         *
         * @param received all that has come so far, ready to be read.
         * @param isAll no more will come, or be taken.
         * @return the bytes of the answer, ready to be read; null as long as the question is not complete.
         */
        @Nullable
        CompletionStage<ByteBuffer> answer(ByteBuffer received, boolean isAll);

        /**
         * Takes a connection over, whose answer is not one that this server gives. Called as {@link #answer} is, before it.
         *
         * @param client that does not block; it belongs to who takes it.
         */
        default boolean takes(final ByteBuffer received, final SocketChannel client) throws IOException {
            return false;
        }
    }

    private ExchangeServer(
            final String threadName,
            final ServerSocketChannel server,
            final Selector selector,
            final int questionLengthMax,
            final Answerer answerer) {
        this.threadName = threadName;
        this.server = server;
        this.selector = selector;
        this.questionLengthMax = questionLengthMax;
        this.answerer = answerer;
        thread = new Thread(this::run, threadName);
        thread.setDaemon(true);
    }

    /**
     * Starts to serve.
     *
     * @param server that is bound; it belongs to the new object, also when this fails.
     * @param questionLengthMax in bytes; what is longer is answered as far as it goes.
     */
    static ExchangeServer start(
            final String threadName,
            final ServerSocketChannel server,
            final int questionLengthMax,
            final Answerer answerer)
            throws IOException {
        final ExchangeServer started;
        try {
            final Selector selector = Selector.open();
            server.configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            started = new ExchangeServer(threadName, server, selector, questionLengthMax, answerer);
        } catch (final IOException failure) {
            server.close();
            throw failure;
        }
        started.thread.start();
        return started;
    }

    private void run() {
        try (selector;
                server) {
            while (!isClosed) {
                selector.select(this::onReady, untilDeadlineMs());
                for (Answer next = answers.poll(); null != next; next = answers.poll()) {
                    next.connection.onAnswer(next.bytes);
                }
                expire();
            }
        } catch (final IOException failure) {
            throw new UncheckedIOException(threadName + " cannot go on", failure);
        } finally {
            connections.forEach(Connection::end);
        }
    }

    /** 0 is for ever. */
    private long untilDeadlineMs() {
        final Connection oldest = connections.peekFirst();
        return null == oldest
                ? 0
                : Math.max(1, TimeUnit.NANOSECONDS.toMillis(oldest.deadlineNs - System.nanoTime()) + 1);
    }

    private void onReady(final SelectionKey key) {
        if (!key.isValid()) {
            return;
        }
        if (key.attachment() instanceof Connection connection) {
            connection.onReady();
        } else {
            accept();
        }
    }

    private void accept() {
        try {
            final SocketChannel client = server.accept();
            if (null != client) {
                makeRoom();
                connections.addLast(new Connection(client));
            }
            isRefusing = false;
        } catch (final IOException failure) {
            if (!isRefusing) {
                LOG.log(
                        WARNING,
                        "{0} cannot take a connection: {1}. Tried again{2}",
                        threadName,
                        failure.getMessage(),
                        LogFields.of("thread", threadName, "error", String.valueOf(failure.getMessage())));
            }
            isRefusing = true;
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(ACCEPT_RETRY_MS));
        }
    }

    private void makeRoom() {
        if (connections.size() >= CONNECTIONS_MAX) {
            connections.removeFirst().end();
        }
    }

    private void expire() {
        final long nowNs = System.nanoTime();
        for (final Iterator<Connection> all = connections.iterator(); all.hasNext(); ) {
            final Connection connection = all.next();
            if (connection.deadlineNs - nowNs <= 0) {
                connection.end();
            }
            if (connection.isEnded()) {
                all.remove();
            }
        }
    }

    /** Ends all connections; the socket is free when this returns. */
    @Override
    public void close() {
        isClosed = true;
        selector.wakeup();
        TakeDown.await(thread, END_PATIENCE_MS);
    }

    /** @param bytes null when there is none. */
    private record Answer(Connection connection, @Nullable ByteBuffer bytes) {}

    /** One exchange: the question is read, answered, the answer written, and the client's end awaited. */
    private final class Connection {
        private final SocketChannel channel;
        private final SelectionKey key;
        private final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS);
        private final ByteBuffer received = ByteBuffer.allocate(questionLengthMax);
        private boolean isAsked;
        private boolean isTaken;
        private @Nullable ByteBuffer unwritten;

        Connection(final SocketChannel channel) throws IOException {
            this.channel = channel;
            try {
                channel.configureBlocking(false);
                key = channel.register(selector, SelectionKey.OP_READ, this);
            } catch (final IOException failure) {
                channel.close();
                throw failure;
            }
        }

        void onReady() {
            try {
                if (null != unwritten) {
                    write(unwritten);
                } else if (!isAsked) {
                    read();
                } else {
                    discard();
                }
            } catch (final IOException gone) {
                end(); // as clients do
            } catch (final RuntimeException failure) {
                LOG.log(WARNING, threadName + " cannot answer" + LogFields.of("thread", threadName), failure);
                end();
            }
        }

        private void read() throws IOException {
            final boolean isEnd = channel.read(received) < 0;
            if (answerer.takes(received.duplicate().flip(), channel)) {
                isTaken = true;
                key.cancel();
                return;
            }
            final CompletionStage<ByteBuffer> answer =
                    answerer.answer(received.duplicate().flip(), isEnd || !received.hasRemaining());
            if (null != answer) {
                isAsked = true;
                key.interestOps(0);
                answer.whenComplete((bytes, failure) -> {
                    answers.add(new Answer(this, bytes));
                    selector.wakeup();
                });
            }
        }

        void onAnswer(final @Nullable ByteBuffer bytes) {
            if (isEnded() || null == bytes) {
                end();
            } else {
                unwritten = bytes;
                onReady();
            }
        }

        private void write(final ByteBuffer bytes) throws IOException {
            channel.write(bytes);
            if (bytes.hasRemaining()) {
                key.interestOps(SelectionKey.OP_WRITE);
                return;
            }
            unwritten = null;
            // Closing with something unread would reset the connection, and the answer with it: the client closes
            // first.
            channel.shutdownOutput();
            key.interestOps(SelectionKey.OP_READ);
        }

        private void discard() throws IOException {
            if (channel.read(received.clear()) < 0) {
                end();
            }
        }

        boolean isEnded() {
            return isTaken || !channel.isOpen();
        }

        void end() {
            if (isTaken) {
                return;
            }
            try {
                channel.close();
            } catch (final IOException gone) {
                // It is closed all the same.
            }
        }
    }
}
