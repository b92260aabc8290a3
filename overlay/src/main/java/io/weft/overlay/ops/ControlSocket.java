/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.overlay.lifecycle.LogFields;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a person may ask a running daemon: a Unix socket that only its owner may open. One line is the question; the answer
 * is text until the end of the stream, and begins with {@value #OK} or {@value #ERROR}, each a line of its own.
 */
public final class ControlSocket implements AutoCloseable {
    static final String OK = "ok\n";
    static final String ERROR = "error\n";

    private static final int QUESTION_LENGTH_MAX = 1024;
    private static final int ANSWER_LENGTH_MAX = 16 << 20;
    /** For an answer, of a daemon that is not known to hang. */
    public static final long ASK_TIMEOUT_MS = 10_000;

    private static final long QUEUE_RETRY_MS = 10;
    private static final String SILENT = "the daemon is there and does not answer: is it stopped?";

    private static final System.Logger LOG = System.getLogger(ControlSocket.class.getName());

    private final Path path;
    private final StreamAnswerer streams;
    private final Set<AnswerStream> open = ConcurrentHashMap.newKeySet();
    private @Nullable ExchangeServer exchanges;

    private ControlSocket(final Path path, final StreamAnswerer streams) {
        this.path = path;
        this.streams = streams;
    }

    /** The same, without answers that go on. */
    static ControlSocket open(final Path path, final Function<String, CompletableFuture<String>> answerer)
            throws IOException {
        return open(path, answerer, StreamAnswerer.NONE);
    }

    /**
     * Opens the socket, in place of one that a daemon left; whoever asks meanwhile finds one of the two.
     *
     * @param answerer gives the answer to a question, or an exception whose message is the answer, now or later. Called on the
     *     socket's thread, which must not be made to wait.
     * @param streams answers what goes on for long.
     */
    public static ControlSocket open(
            final Path path, final Function<String, CompletableFuture<String>> answerer, final StreamAnswerer streams)
            throws IOException {
        final Path fresh = path.resolveSibling(path.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(fresh), ExchangeServer.CONNECTIONS_MAX);
            Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
            Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE);
        } catch (final IOException failure) {
            server.close();
            Files.deleteIfExists(fresh);
            throw failure;
        }
        final ControlSocket socket = new ControlSocket(path, streams);
        socket.exchanges = ExchangeServer.start("weft-control", server, QUESTION_LENGTH_MAX, socket.answerer(answerer));
        return socket;
    }

    private ExchangeServer.Answerer answerer(final Function<String, CompletableFuture<String>> answerer) {
        return new ExchangeServer.Answerer() {
            @Override
            public @Nullable CompletionStage<ByteBuffer> answer(final ByteBuffer received, final boolean isAll) {
                return ControlSocket.answer(received, isAll, answerer);
            }

            @Override
            public boolean takes(final ByteBuffer received, final SocketChannel client) throws IOException {
                final String question = UTF_8.decode(received).toString();
                final boolean isTaken = question.endsWith("\n") && streams.takes(question.strip());
                if (isTaken) {
                    stream(question.strip(), new AnswerStream(client));
                }
                return isTaken;
            }
        };
    }

    private void stream(final String question, final AnswerStream stream) {
        open.add(stream);
        final Thread thread = new Thread(() -> answer(question, stream), "weft-stream");
        thread.setDaemon(true);
        thread.start();
    }

    private void answer(final String question, final AnswerStream stream) {
        try (stream) {
            try {
                streams.answer(question, stream);
            } catch (final IllegalArgumentException refused) {
                if (stream.isBegun()) {
                    throw refused;
                }
                stream.refuse(words(refused));
            }
        } catch (final IOException | ClosedSelectorException | CancelledKeyException gone) {
            LOG.log(DEBUG, "the asker of \"{0}\" is gone: {1}", question, gone);
        } catch (final RuntimeException | OutOfMemoryError failure) {
            // Not for the handler of threads that fail, which ends weftd: an answer that fails is no reason to forward
            // no more.
            LOG.log(
                    WARNING,
                    "the answer to \"" + question + "\" has ended" + LogFields.of("question", question),
                    failure);
        } finally {
            open.remove(stream);
        }
    }

    static @Nullable CompletionStage<ByteBuffer> answer(
            final ByteBuffer received,
            final boolean isAll,
            final Function<String, CompletableFuture<String>> answerer) {
        final String question = UTF_8.decode(received).toString();
        final int lineLength = question.indexOf('\n');
        if (!isAll && lineLength < 0) {
            return null;
        }
        return answerer.apply((lineLength < 0 ? question : question.substring(0, lineLength)).strip())
                .handle((answer, refused) ->
                        UTF_8.encode((null == refused ? OK + answer : ERROR + words(refused)) + '\n'));
    }

    private static String words(final Throwable refused) {
        final Throwable cause = refused.getCause();
        return String.valueOf((refused instanceof CompletionException && null != cause ? cause : refused).getMessage());
    }

    /**
     * Asks the daemon whose socket this is.
     *
     * @return the answer.
     * @throws SocketTimeoutException if the daemon is there, and does not answer within {@value #ASK_TIMEOUT_MS} ms.
     * @throws IOException if no daemon answers there.
     * @throws IllegalArgumentException with the daemon's words if it refuses the question.
     */
    public static String ask(final Path path, final String question) throws IOException {
        return ask(path, question, ASK_TIMEOUT_MS);
    }

    /** The same, with another patience. */
    public static String ask(final Path path, final String question, final long timeoutMs) throws IOException {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        final String answer;
        try (Selector selector = Selector.open();
                SocketChannel client = connect(path, deadlineNs)) {
            answer = exchange(selector, client, UTF_8.encode(question + '\n'), deadlineNs);
        }
        if (answer.startsWith(OK)) {
            return answer.substring(OK.length()).stripTrailing();
        }
        if (answer.startsWith(ERROR)) {
            throw new IllegalArgumentException(answer.substring(ERROR.length()).stripTrailing());
        }
        throw new IOException("the connection ended without an answer");
    }

    /**
     * A Unix socket takes a connection at once, or its queue is full: so many askers wait already, and nothing tells when there
     * is room again.
     */
    static SocketChannel connect(final Path path, final long deadlineNs) throws IOException {
        while (true) {
            try {
                return connect(path);
            } catch (final SocketException refused) {
                if (refused instanceof ConnectException || !Files.isWritable(path)) {
                    throw refused; // nobody listens, or not for this user
                }
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(Math.min(QUEUE_RETRY_MS, leftMs(deadlineNs))));
        }
    }

    private static SocketChannel connect(final Path path) throws IOException {
        final SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            client.configureBlocking(false);
            client.connect(UnixDomainSocketAddress.of(path));
            return client;
        } catch (final IOException failure) {
            client.close();
            throw failure;
        }
    }

    private static String exchange(
            final Selector selector, final SocketChannel client, final ByteBuffer question, final long deadlineNs)
            throws IOException {
        final SelectionKey key = client.register(selector, SelectionKey.OP_WRITE);
        final ByteArrayOutputStream answer = new ByteArrayOutputStream();
        final ByteBuffer part = ByteBuffer.allocate(1 << 13);
        while (answer.size() < ANSWER_LENGTH_MAX) {
            selector.select(selected -> {}, leftMs(deadlineNs));
            if (question.hasRemaining()) {
                client.write(question);
                key.interestOps(question.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ);
            } else if (client.read(part.clear()) < 0) {
                break;
            }
            answer.write(part.array(), 0, part.position());
        }
        return answer.toString(UTF_8);
    }

    static long leftMs(final long deadlineNs) throws SocketTimeoutException {
        final long leftNs = deadlineNs - System.nanoTime();
        if (leftNs <= 0) {
            throw new SocketTimeoutException(SILENT);
        }
        return Math.max(1, TimeUnit.NANOSECONDS.toMillis(leftNs));
    }

    /** False when somebody removed the socket's file: nobody finds it then. */
    public boolean isInPlace() {
        return Files.exists(path);
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(path);
        if (null != exchanges) {
            exchanges.close();
        }
        for (final AnswerStream stream : open) {
            stream.close();
        }
    }
}
