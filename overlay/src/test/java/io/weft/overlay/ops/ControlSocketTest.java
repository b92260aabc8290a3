/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // the socket only has to be open
class ControlSocketTest {
    private static final long SHORT_TIMEOUT_MS = 200;

    @TempDir
    Path directory;

    private static Function<String, CompletableFuture<String>> atOnce(final UnaryOperator<String> answerer) {
        return question -> CompletableFuture.completedFuture(answerer.apply(question));
    }

    private SocketChannel idleClient(final Path path) throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(path));
    }

    @Test
    void shouldAnswerOneQuestionAfterAnother() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored =
                ControlSocket.open(path, atOnce(question -> question.toUpperCase(Locale.ROOT) + "\nsecond line"))) {
            assertEquals("EXPLAIN 10.244.1.2\nsecond line", ControlSocket.ask(path, "explain 10.244.1.2"));
            assertEquals("X\nsecond line", ControlSocket.ask(path, "x"));
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void shouldGiveTheRefusalInItsOwnWords() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored = ControlSocket.open(
                path,
                question ->
                        CompletableFuture.failedFuture(new IllegalArgumentException(question + " is no address")))) {
            final IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> ControlSocket.ask(path, "nonsense"));
            assertEquals("nonsense is no address", refused.getMessage());
        }
    }

    @Test
    void shouldSurviveAnAskerThatSaysNothing() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored = ControlSocket.open(path, atOnce(question -> "[" + question + "]"))) {
            idleClient(path).close();
            assertEquals("[still here]", ControlSocket.ask(path, "still here"));
        }
    }

    @Test
    void shouldAnswerBesideClientsThatSayNothingOrHalfAQuestion() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored = ControlSocket.open(path, atOnce(question -> "[" + question + "]"));
                CloseAll clients = new CloseAll()) {
            for (int i = 0; i < 2 * ExchangeServer.CONNECTIONS_MAX; i++) {
                final SocketChannel client = clients.add(idleClient(path));
                if (0 == i % 2) {
                    client.write(ByteBuffer.wrap("expl".getBytes(UTF_8)));
                }
            }
            assertEquals("[still here]", ControlSocket.ask(path, "still here"));
        }
    }

    @Test
    void shouldAnswerOneAskerWhileAnotherWaits() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        final CompletableFuture<String> late = new CompletableFuture<>();
        try (ControlSocket ignored = ControlSocket.open(
                path, question -> "late".equals(question) ? late : CompletableFuture.completedFuture(question))) {
            final CompletableFuture<String> waiting = CompletableFuture.supplyAsync(() -> {
                try {
                    return ControlSocket.ask(path, "late");
                } catch (final IOException failure) {
                    throw new IllegalStateException(failure);
                }
            });
            assertEquals("early", ControlSocket.ask(path, "early"));
            assertFalse(waiting.isDone());
            late.complete("it is");
            assertEquals("it is", waiting.join());
        }
    }

    @Test
    void shouldEndTheAskerWhenTheDaemonDoesNotAnswer() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ServerSocketChannel stopped = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                CloseAll clients = new CloseAll()) {
            stopped.bind(UnixDomainSocketAddress.of(path), 1);
            assertThrows(SocketTimeoutException.class, () -> ControlSocket.ask(path, "x", SHORT_TIMEOUT_MS));
            clients.add(idleClient(path)); // beside the asker that has left, this one fills the queue
            assertThrows(IOException.class, () -> ControlSocket.ask(path, "x", SHORT_TIMEOUT_MS));
        }
    }

    @Test
    void shouldWaitForItsTurnWhenTheDaemonsQueueIsFull() throws Exception {
        final Path path = directory.resolve("weft.1.sock");
        try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                CloseAll clients = new CloseAll()) {
            busy.bind(UnixDomainSocketAddress.of(path), 1);
            clients.add(idleClient(path));
            clients.add(idleClient(path));
            final FutureTask<String> asked = new FutureTask<>(() -> ControlSocket.ask(path, "x", Await.TIMEOUT_MS));
            final Thread asker = new Thread(asked, "asker");
            asker.start();
            Await.until("the asker has been turned away", Await.TIMEOUT_MS, () -> asked.isDone() || isParked(asker));
            assertFalse(asked.isDone());
            clients.add(busy.accept());
            clients.add(busy.accept());
            try (SocketChannel client = busy.accept()) {
                client.read(ByteBuffer.allocate(100));
                client.write(ByteBuffer.wrap((ControlSocket.OK + "at last").getBytes(UTF_8)));
            }
            assertEquals("at last", asked.get());
        }
    }

    private static boolean isParked(final Thread thread) {
        return Thread.State.TIMED_WAITING == thread.getState();
    }

    @Test
    void shouldTellAnEndWithoutAnAnswerFromAnEmptyAnswer() throws Exception {
        final Path path = directory.resolve("weft.1.sock");
        try (ServerSocketChannel dying = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dying.bind(UnixDomainSocketAddress.of(path));
            final CompletableFuture<Void> end = CompletableFuture.runAsync(() -> {
                try (SocketChannel client = dying.accept()) {
                    client.read(ByteBuffer.allocate(100));
                } catch (final IOException failure) {
                    throw new IllegalStateException(failure);
                }
            });
            assertThrows(IOException.class, () -> ControlSocket.ask(path, "x"));
            end.join();
        }
    }

    @Test
    void shouldTakeThePlaceOfASocketThatADeadDaemonLeftAndBeForItsOwnerAlone() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        Files.createFile(path);
        try (ControlSocket ignored = ControlSocket.open(path, atOnce(question -> "alive"))) {
            assertEquals("alive", ControlSocket.ask(path, ""));
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        }
    }
}
