/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.function.UnaryOperator;

/**
 * What a person may ask a running daemon: a Unix socket that only its owner may open. One line is the question; the answer
 * is text until the end of the stream, and begins with {@value #OK} or {@value #ERROR}, each a line of its own.
 *
 * <p>Questions are answered one after another on the socket's own thread; the answerer decides what thread works on them.
 */
public final class ControlSocket implements AutoCloseable {
    static final String OK = "ok";
    static final String ERROR = "error";

    private static final System.Logger LOG = System.getLogger(ControlSocket.class.getName());
    private static final int MAX_QUESTION_LENGTH = 1024;

    private final Path path;
    private final ServerSocketChannel server;
    private final UnaryOperator<String> answerer;

    private ControlSocket(final Path path, final ServerSocketChannel server, final UnaryOperator<String> answerer) {
        this.path = path;
        this.server = server;
        this.answerer = answerer;
    }

    /**
     * Opens the socket, in place of one that a dead daemon left.
     *
     * @param answerer gives the answer to a question, or throws an exception whose message is the answer.
     */
    public static ControlSocket open(final Path path, final UnaryOperator<String> answerer) throws IOException {
        Files.deleteIfExists(path);
        final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(path));
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
        } catch (final IOException failure) {
            server.close();
            throw failure;
        }
        final ControlSocket socket = new ControlSocket(path, server, answerer);
        final Thread thread = new Thread(socket::serve, "weft-control");
        thread.setDaemon(true);
        thread.start();
        return socket;
    }

    private void serve() {
        while (server.isOpen()) {
            try (SocketChannel client = server.accept()) {
                answer(client);
            } catch (final AsynchronousCloseException closed) {
                return;
            } catch (final IOException failure) {
                LOG.log(WARNING, "control socket {0}: {1}", path, failure.getMessage());
            }
        }
    }

    private void answer(final SocketChannel client) throws IOException {
        final String question = readLine(client);
        String answer;
        try {
            answer = OK + '\n' + answerer.apply(question);
        } catch (final RuntimeException refused) {
            answer = ERROR + '\n' + refused.getMessage();
        }
        final ByteBuffer bytes = UTF_8.encode(answer + '\n');
        while (bytes.hasRemaining()) {
            client.write(bytes);
        }
    }

    private static String readLine(final SocketChannel client) throws IOException {
        final ByteBuffer bytes = ByteBuffer.allocate(MAX_QUESTION_LENGTH);
        while (bytes.hasRemaining() && client.read(bytes) >= 0) {
            if (bytes.position() > 0 && '\n' == bytes.get(bytes.position() - 1)) {
                break;
            }
        }
        return UTF_8.decode(bytes.flip()).toString().strip();
    }

    /**
     * Asks the daemon whose socket this is.
     *
     * @return the answer.
     * @throws IOException if no daemon answers there.
     * @throws IllegalArgumentException with the daemon's words if it refuses the question.
     */
    public static String ask(final Path path, final String question) throws IOException {
        try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            client.write(UTF_8.encode(question + '\n'));
            final String answer = new String(Channels.newInputStream(client).readAllBytes(), UTF_8).stripTrailing();
            final int firstLine = answer.indexOf('\n');
            final String text = firstLine < 0 ? "" : answer.substring(firstLine + 1);
            if (answer.startsWith(OK)) {
                return text;
            }
            throw new IllegalArgumentException(text);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        Files.deleteIfExists(path);
    }
}
