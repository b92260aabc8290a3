/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.UnixSocket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A running daemon that takes its time: nobody can even connect to it, since its queue is full. */
class PredecessorTest {
    private static final String DEVICE = "weft.1";
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Description own = new Description().put(Description.PID, "1");
    private final Thread starting = Thread.currentThread();
    private Path path = Path.of(".");

    @BeforeEach
    void setUp() {
        path = HandoverServer.path(directory, DEVICE);
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    /** By some that have gone again. */
    private void fillQueue() {
        final LinuxException full = assertThrows(LinuxException.class, () -> {
            while (true) {
                UnixSocket.connect(path).close();
            }
        });
        assertEquals(Errno.EAGAIN, full.errno());
    }

    /** The one that starts has looked, and is about to look again. */
    private void awaitPatience() {
        Await.until("waits", TIMEOUT_MS, () -> Thread.State.TIMED_WAITING == starting.getState());
    }

    /** Whether somebody asks on a connection. */
    private boolean isAnswered(final UnixSocket connection) {
        final boolean isAsked = null != connection.receive(TIMEOUT_MS);
        if (isAsked) {
            connection.send(HandoverServer.OK + '\n' + own.text(), List.of());
        }
        return isAsked;
    }

    private Predecessor find() {
        return Objects.requireNonNull(Predecessor.find(directory, List.of(DEVICE), own));
    }

    @Test
    void shouldWaitUntilThereIsRoom() {
        final UnixSocket listener = resources.add(UnixSocket.listen(path));
        fillQueue();
        final CompletableFuture<Void> running = CompletableFuture.runAsync(() -> {
            awaitPatience();
            while (true) {
                try (UnixSocket connection = Objects.requireNonNull(listener.accept(TIMEOUT_MS))) {
                    if (isAnswered(connection)) {
                        return;
                    }
                }
            }
        });
        try (Predecessor predecessor = find()) {
            assertEquals("1", predecessor.get(Description.PID));
        }
        running.join();
    }

    @Test
    void shouldWaitForWhatTheKernelClosesLast() {
        final UnixSocket listener = UnixSocket.listen(path);
        final CompletableFuture<Void> running = CompletableFuture.runAsync(() -> {
            try (listener) {
                try (UnixSocket connection = Objects.requireNonNull(listener.accept(TIMEOUT_MS))) {
                    assertTrue(isAnswered(connection));
                    assertEquals(
                            HandoverServer.LEAVE,
                            Objects.requireNonNull(connection.receive(TIMEOUT_MS))
                                    .text());
                    fillQueue();
                }
                awaitPatience();
            }
        });
        try (Predecessor predecessor = find()) {
            predecessor.leave();
        }
        running.join();
    }
}
