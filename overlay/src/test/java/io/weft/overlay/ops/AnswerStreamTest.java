/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers that go on, of a socket that counts for whoever asks it to. */
@SuppressWarnings("NullAway.Init") // set up before each test
class AnswerStreamTest {
    private static final String WRONG = "count wrong";

    private static final StreamAnswerer COUNTER = new StreamAnswerer() {
        @Override
        public boolean takes(final String question) {
            return question.startsWith("count");
        }

        @Override
        public void answer(final String question, final AnswerStream stream) throws IOException {
            if (WRONG.equals(question)) {
                stream.begin();
                throw new IllegalStateException("this should never be");
            }
            if (!"count up".equals(question)) {
                throw new IllegalArgumentException(question + " is not understood");
            }
            stream.begin();
            int sent = 0;
            while (!stream.isEnded(1)) {
                stream.send(ByteBuffer.allocate(Integer.BYTES).putInt(0, sent++));
            }
            stream.conclude(sent + " sent");
        }
    };

    @TempDir
    private Path directory = Path.of(".");

    private Path path = directory;
    private ControlSocket socket;

    @BeforeEach
    void setUp() throws IOException {
        path = directory.resolve("weft.1.sock");
        socket = ControlSocket.open(path, question -> CompletableFuture.completedFuture("[" + question + "]"), COUNTER);
    }

    @AfterEach
    void tearDown() throws IOException {
        socket.close();
    }

    /** Returns how many parts there are left. */
    private static int drain(final ControlStream stream) throws IOException {
        int parts = 0;
        while (null != stream.next()) {
            parts++;
        }
        return parts;
    }

    @Test
    void shouldGoOnUntilTheAskerHasEnoughAndEndWithWords() throws IOException {
        try (ControlStream stream = ControlStream.open(path, "count up");
                ControlStream other = ControlStream.open(path, "count up")) {
            for (int i = 0; i < 3; i++) {
                assertEquals(i, ByteBuffer.wrap(assertPart(stream)).getInt());
            }
            assertEquals("[x]", ControlSocket.ask(path, "x"), "others are answered meanwhile");
            stream.end();
            final int parts = 3 + drain(stream);
            assertEquals(parts + " sent", stream.words());
            assertPart(other);
        }
    }

    private static byte[] assertPart(final ControlStream stream) throws IOException {
        return Objects.requireNonNull(stream.next(), "a part");
    }

    @Test
    void shouldGiveTheRefusalInItsOwnWords() {
        final IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> ControlStream.open(path, "count down"));
        assertEquals("count down is not understood", refused.getMessage());
    }

    /** What ends by a failure that nobody catches takes weftd with it, and pods' packets. */
    @Test
    void shouldEndTheAnswerAndNothingElseWhenItFails() throws Exception {
        final CompletableFuture<Throwable> uncaught = new CompletableFuture<>();
        final Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> uncaught.complete(failure));
        try (ControlStream stream = ControlStream.open(path, WRONG)) {
            assertThrows(IOException.class, () -> drain(stream));
            assertEquals("[x]", ControlSocket.ask(path, "x"));
            for (final Thread thread : Thread.getAllStackTraces().keySet()) {
                if ("weft-stream".equals(thread.getName())) {
                    thread.join(Await.TIMEOUT_MS);
                }
            }
            assertFalse(uncaught.isDone(), uncaught::toString);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void shouldEndWithoutWordsWhenTheDaemonDoes() throws IOException {
        final Path other = directory.resolve("other.sock");
        final ControlSocket ending =
                ControlSocket.open(other, question -> CompletableFuture.completedFuture(""), COUNTER);
        try (ControlStream stream = ControlStream.open(other, "count up")) {
            assertPart(stream);
            ending.close();
            assertThrows(IOException.class, () -> drain(stream));
            assertTrue(stream.words().isEmpty(), stream::words);
        }
    }
}
