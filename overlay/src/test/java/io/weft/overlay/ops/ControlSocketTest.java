/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // the socket only has to be open
class ControlSocketTest {
    @TempDir
    Path directory;

    @Test
    void shouldAnswerOneQuestionAfterAnother() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored =
                ControlSocket.open(path, question -> question.toUpperCase(Locale.ROOT) + "\nsecond line")) {
            assertEquals("EXPLAIN 10.244.1.2\nsecond line", ControlSocket.ask(path, "explain 10.244.1.2"));
            assertEquals("X\nsecond line", ControlSocket.ask(path, "x"));
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void shouldGiveTheRefusalInItsOwnWords() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored = ControlSocket.open(path, question -> {
            throw new IllegalArgumentException(question + " is no address");
        })) {
            final IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> ControlSocket.ask(path, "nonsense"));
            assertEquals("nonsense is no address", refused.getMessage());
        }
    }

    @Test
    void shouldSurviveAnAskerThatSaysNothing() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        try (ControlSocket ignored = ControlSocket.open(path, question -> "[" + question + "]")) {
            SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
            assertEquals("[still here]", ControlSocket.ask(path, "still here"));
        }
    }

    @Test
    void shouldTakeThePlaceOfASocketThatADeadDaemonLeftAndBeForItsOwnerAlone() throws IOException {
        final Path path = directory.resolve("weft.1.sock");
        Files.createFile(path);
        try (ControlSocket ignored = ControlSocket.open(path, question -> "alive")) {
            assertEquals("alive", ControlSocket.ask(path, ""));
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        }
    }
}
