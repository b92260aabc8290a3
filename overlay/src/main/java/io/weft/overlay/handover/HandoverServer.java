/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.UnixSocket;
import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Where a running daemon lets one that starts take its place. A thread of its own serves one at a time:
 *
 * <pre>
 *   starting                     running
 *   hello                   ->
 *                           <-   ok, Description              or refused, words
 *   give                    ->
 *                           <-   names, descriptors; ... ; end
 *   pause                   ->                                stands still, with empty rings
 *                           <-   ok
 *   go                      ->                                the process ends, and with it the connection
 * </pre>
 *
 * Whenever the connection ends before {@code go}, the running one goes on as if nothing had been. {@code leave} in the place of
 * {@code give} has it take its node down, and end.
 */
public final class HandoverServer implements AutoCloseable {
    /** The first line of a message tells the protocol's version; one that is not known is refused. */
    static final String HELLO = "weft-handover 1";

    static final String OK = "ok";
    static final String REFUSED = "refused";
    static final String GIVE = "give";
    static final String NAMES = "names";
    static final String END = "end";
    static final String PAUSE = "pause";
    static final String GO = "go";
    static final String LEAVE = "leave";

    static final String SUFFIX = ".handover";
    private static final System.Logger LOG = System.getLogger(HandoverServer.class.getName());
    private static final int LOOK_MS = 200;
    /** From hello to pause: its registry may be slow. */
    private static final int PATIENCE_MS = 120_000;
    /** From pause to go: nothing is forwarded meanwhile. */
    private static final int PAUSE_MAX_MS = 3_000;

    private final Path path;
    private final UnixSocket socket;
    private final Running running;
    private final Thread thread;
    private volatile boolean isClosed;

    /** The daemon that runs. Called on the server's thread; an exception is the answer, and ends the connection. */
    public interface Running {
        /** What it is. */
        Description description() throws Exception;

        /** What the other needs to go on: descriptors by name. */
        Map<String, Integer> descriptors() throws Exception;

        /** Forwards no more; all comes to lie in the kernel's queues. */
        void pause() throws Exception;

        /** Takes {@link #pause} back. */
        void resume();

        /** Ends the process with all that it has left as it is. Does not return. */
        void end(String successor);

        /** Takes the node down and ends the process, soon. */
        void leave(String successor);
    }

    private HandoverServer(final Path path, final UnixSocket socket, final Running running) {
        this.path = path;
        this.socket = socket;
        this.running = running;
        thread = new Thread(this::run, "weft-handover");
        thread.setDaemon(true);
    }

    /** The socket's path. */
    static Path path(final Path runDirectory, final String deviceName) {
        return runDirectory.resolve(deviceName + SUFFIX);
    }

    /**
     * Begins to serve, in the place of a daemon that is gone.
     *
     * @throws StartupException if that is not possible.
     */
    public static HandoverServer open(final Path runDirectory, final String deviceName, final Running running) {
        final Path path = path(runDirectory, deviceName);
        final Path fresh = path.resolveSibling(path.getFileName() + ".new");
        try {
            Files.deleteIfExists(fresh);
            final UnixSocket socket = UnixSocket.listen(fresh);
            boolean isPlaced = false;
            try {
                Files.setPosixFilePermissions(fresh, OwnDirectory.OWN_FILE.value());
                Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE);
                isPlaced = true;
            } finally {
                if (!isPlaced) {
                    socket.close();
                    Files.deleteIfExists(fresh);
                }
            }
            final HandoverServer server = new HandoverServer(path, socket, running);
            server.thread.start();
            return server;
        } catch (final IOException | LinuxException failure) {
            throw new StartupException(
                    "make socket " + path + ": " + FileFailure.words(failure)
                            + ". Choose a writable place by --run-dir",
                    failure);
        }
    }

    private void run() {
        try (socket) {
            while (!isClosed) {
                serveNext();
            }
        }
    }

    private void serveNext() {
        try (UnixSocket connection = socket.accept(LOOK_MS)) {
            if (null != connection) {
                serve(connection);
            }
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "a handover has ended: {0}", failure.getMessage());
            // Who is waiting is still there where accepting failed, as for want of descriptors.
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MS));
        }
    }

    private void serve(final UnixSocket connection) {
        final int uid = connection.peerUid();
        if (0 != uid && UnixSocket.ownUid() != uid) {
            connection.send(REFUSED + "\nthis weftd is of another user", List.of());
            return;
        }
        boolean isPaused = false;
        try {
            String successor = "";
            UnixSocket.@Nullable Message message = connection.receive(PATIENCE_MS);
            while (null != message && !isClosed) {
                final String text = message.text();
                if (text.startsWith(HELLO + '\n')) {
                    successor = "process " + Description.parse(text).get(Description.PID);
                    connection.send(OK + '\n' + running.description().text(), List.of());
                } else if (GIVE.equals(text)) {
                    give(connection);
                } else if (PAUSE.equals(text)) {
                    isPaused = true;
                    running.pause();
                    connection.send(OK, List.of());
                } else if (GO.equals(text) && isPaused) {
                    running.end(successor);
                } else if (LEAVE.equals(text)) {
                    running.leave(successor);
                    connection.receive(PATIENCE_MS); // until one of the two is gone
                } else {
                    throw new IllegalArgumentException(
                            "\"" + text.lines().findFirst().orElse("") + "\" is not known here");
                }
                message = connection.receive(isPaused ? PAUSE_MAX_MS : PATIENCE_MS);
            }
        } catch (final LinuxException failure) {
            throw failure;
        } catch (final Exception refused) {
            connection.send(REFUSED + '\n' + refused.getMessage(), List.of());
        } finally {
            if (isPaused) {
                LOG.log(INFO, "the other weftd has not taken over: this one goes on");
                running.resume();
            }
        }
    }

    private void give(final UnixSocket connection) throws Exception {
        final List<Map.Entry<String, Integer>> all =
                new ArrayList<>(running.descriptors().entrySet());
        for (int from = 0; from < all.size(); from += UnixSocket.DESCRIPTORS_MAX) {
            final List<Map.Entry<String, Integer>> part =
                    all.subList(from, Math.min(all.size(), from + UnixSocket.DESCRIPTORS_MAX));
            final StringBuilder names = new StringBuilder(NAMES);
            part.forEach(entry -> names.append('\n').append(entry.getKey()));
            connection.send(
                    names.toString(), part.stream().map(Map.Entry::getValue).toList());
        }
        connection.send(END, List.of());
    }

    /** False when somebody removed the socket's file: nobody finds it then. */
    public boolean isInPlace() {
        return Files.exists(path);
    }

    /** Serves nobody any more. The thread ends by itself, and is not waited for. */
    @Override
    public void close() throws IOException {
        isClosed = true;
        Files.deleteIfExists(path);
    }
}
