/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import static java.lang.System.Logger.Level.INFO;

import io.weft.linux.Descriptors;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.UnixSocket;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.PlaceFreeException;
import io.weft.overlay.lifecycle.PlaceTakenException;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The running daemon whose place this one is to take. Until {@link #go}, closing this leaves the other as it was. Used by the
 * control thread alone.
 */
public final class Predecessor implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Predecessor.class.getName());
    private static final int ANSWER_MS = 10_000;
    /** For a node to be taken down, of which rule tools may take their time. */
    static final int END_MS = 60_000;
    /** For the kernel to close what one had that has ended. */
    private static final long GONE_NS = TimeUnit.SECONDS.toNanos(5);

    private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Path path;
    private final UnixSocket connection;
    private final Description description;

    private Predecessor(final Path path, final UnixSocket connection, final Description description) {
        this.path = path;
        this.connection = connection;
        this.description = description;
    }

    /**
     * Asks the daemon that has one of the devices who it is.
     *
     * @param own what this daemon is.
     * @return null if there is none that answers here, or it is of another network namespace, whose devices cannot be had: who has
     *     the device's lock refuses this daemon then.
     * @throws StartupException with its words if it refuses, or is of another user, or does not answer.
     */
    public static @Nullable Predecessor find(
            final Path runDirectory, final Collection<String> deviceNames, final Description own) {
        for (final String deviceName : deviceNames) {
            final Predecessor found = at(HandoverServer.path(runDirectory, deviceName), own, Description.NAMESPACE);
            if (null != found) {
                return found;
            }
        }
        return null;
    }

    /** The same for the daemon that writes this daemon's subnet file, whatever its devices: with another VNI it has others. */
    public static @Nullable Predecessor findWriter(final Path runDirectory, final Description own) {
        for (final Path path : sockets(runDirectory)) {
            final Predecessor found = at(path, own, Description.NAMESPACE, Description.SUBNET_FILE);
            if (null != found) {
                return found;
            }
        }
        return null;
    }

    /** The one that listens at a path, if there is one and it is as this one in all that is named. */
    private static @Nullable Predecessor at(final Path path, final Description own, final String... keys) {
        final UnixSocket connection = connect(path);
        if (null == connection) {
            return null;
        }
        final Predecessor found = ask(path, connection, own);
        if (Stream.of(keys).allMatch(key -> own.get(key).equals(found.get(key)))) {
            return found;
        }
        found.close();
        return null;
    }

    /** Whether a daemon that can hand over may be there, of whatever devices. */
    public static boolean isAnyThere(final Path runDirectory) {
        return !sockets(runDirectory).isEmpty();
    }

    private static List<Path> sockets(final Path runDirectory) {
        try (Stream<Path> files = Files.list(runDirectory)) {
            return files.filter(file -> file.toString().endsWith(HandoverServer.SUFFIX))
                    .toList();
        } catch (final IOException none) {
            return List.of();
        }
    }

    /** Connects to who listens there, as soon as there is room in its queue; null if nobody does. */
    private static @Nullable UnixSocket connect(final Path path) {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ANSWER_MS);
        while (true) {
            try {
                return attempt(path);
            } catch (final LinuxException failure) {
                if (Errno.EAGAIN != failure.errno() || System.nanoTime() - deadlineNs > 0) {
                    throw new StartupException("ask the weftd that runs: " + failure.getMessage(), failure);
                }
            }
            LockSupport.parkNanos(LOOK_NS);
        }
    }

    /** @throws LinuxException {@link Errno#EAGAIN} if somebody listens whose queue is full. */
    private static @Nullable UnixSocket attempt(final Path path) {
        try {
            return Files.exists(path) ? UnixSocket.connect(path) : null;
        } catch (final LinuxException failure) {
            if (Errno.ECONNREFUSED == failure.errno() || Errno.ENOENT == failure.errno()) {
                return null; // left by one that was killed
            }
            throw failure;
        }
    }

    private static Predecessor ask(final Path path, final UnixSocket connection, final Description own) {
        boolean isAnswered = false;
        try {
            final int uid = connection.peerUid();
            if (0 != uid && UnixSocket.ownUid() != uid) {
                throw new StartupException("the socket for handovers is another user's, number " + uid);
            }
            final String answer = exchange(path, connection, HandoverServer.HELLO + '\n' + own.text(), ANSWER_MS);
            final Predecessor predecessor = new Predecessor(path, connection, Description.parse(answer));
            isAnswered = true;
            return predecessor;
        } finally {
            if (!isAnswered) {
                connection.close();
            }
        }
    }

    /** Sends a message and returns what comes after {@link HandoverServer#OK} in the answer. */
    private static String exchange(
            final Path path, final UnixSocket connection, final String message, final int timeoutMs) {
        try {
            connection.send(message, List.of());
            final UnixSocket.Message answer = connection.receive(timeoutMs);
            if (null == answer) {
                throw failure(path, "has ended the handover: see its log", null);
            }
            if (!answer.text().startsWith(HandoverServer.OK)) {
                throw new StartupException("the weftd that runs does not hand over: "
                        + answer.text().lines().skip(1).collect(Collectors.joining(" ")));
            }
            return answer.text().substring(HandoverServer.OK.length()).stripLeading();
        } catch (final LinuxException failure) {
            throw failure(path, "does not answer: " + failure.getMessage(), failure);
        }
    }

    /** What went wrong with a daemon that runs; or that none does any more, if nobody listens where it did. */
    private static StartupException failure(final Path path, final String words, final @Nullable LinuxException cause) {
        if (isGone(path)) {
            return new PlaceFreeException("the weftd that ran has ended meanwhile", cause);
        }
        return new StartupException("the weftd that runs " + words, cause);
    }

    private static boolean isGone(final Path path) {
        try (UnixSocket probe = attempt(path)) {
            return null == probe;
        } catch (final LinuxException present) {
            return false; // such as one whose queue is full of those that have looked
        }
    }

    /**
     * Checks that its place is this daemon's to take.
     *
     * @param own what this daemon is.
     * @param isReplacement whether the operator wants it, whatever the other is.
     * @throws StartupException with words and the remedy if it is not.
     */
    public void requireConsent(final Description own, final boolean isReplacement) {
        final String instance = own.get(Description.INSTANCE);
        if (!instance.isEmpty()
                && !instance.equals(description.get(Description.INSTANCE))
                && description.former().contains(instance)) {
            throw new PlaceTakenException(this + " has taken the place of this one (" + instance
                    + "), which does not take it back: two supervisors would start them in turns for ever. Stop that one, or"
                    + " this one's supervisor");
        }
        final List<String> refusals = own.refusals(description);
        if (!refusals.isEmpty() && !isReplacement) {
            throw new StartupException(this + " has " + String.join(", ", refusals)
                    + ": stop that one, or give --replace to have this one take its place");
        }
    }

    /** Why its devices and sockets are of no use here, in words; empty if they are. */
    public String misfit(final Description own) {
        return String.join(", ", own.misfits(description));
    }

    /** What it says under a key. */
    public String get(final String key) {
        return description.get(key);
    }

    /** The instances that have had the place, up to this one. */
    public String instances() {
        return (description.get(Description.FORMER) + ' ' + description.get(Description.INSTANCE)).strip();
    }

    /** Gets what is needed to go on with its devices and sockets. */
    public void take(final Descriptors descriptors) {
        try {
            connection.send(HandoverServer.GIVE, List.of());
            UnixSocket.Message message = connection.receive(ANSWER_MS);
            while (null != message && message.text().startsWith(HandoverServer.NAMES)) {
                final List<String> names = message.text().lines().skip(1).toList();
                for (int i = 0; i < message.descriptors().size(); i++) {
                    descriptors.add(
                            i < names.size() ? names.get(i) : "",
                            message.descriptors().get(i));
                }
                message = connection.receive(ANSWER_MS);
            }
            if (null == message || !HandoverServer.END.equals(message.text())) {
                throw failure(path, "does not hand over: " + (null == message ? "see its log" : message.text()), null);
            }
        } catch (final LinuxException failure) {
            throw failure(path, "does not hand over: " + failure.getMessage(), failure);
        }
    }

    /**
     * Has it stand still; it goes on if {@link #go} does not come soon.
     *
     * @throws PlaceFreeException if it has ended: nobody forwards.
     */
    public void pause() {
        exchange(path, connection, HandoverServer.PAUSE, ANSWER_MS);
    }

    /** Has its process end, with all that it has left as it is, and waits for that. */
    public void go() {
        end(HandoverServer.GO, ANSWER_MS);
    }

    /** Has it take its node down and end, and waits for that. */
    public void leave() {
        LOG.log(INFO, "{0} ends first{1}", this, LogFields.of("former", this));
        end(HandoverServer.LEAVE, END_MS);
    }

    private void end(final String how, final int timeoutMs) {
        try {
            connection.send(how, List.of());
            if (null != connection.receive(timeoutMs)) {
                throw new StartupException("the weftd that runs does not end: see its log");
            }
        } catch (final LinuxException failure) {
            if (!isGone(path)) {
                throw new StartupException("the weftd that runs does not end: " + failure.getMessage(), failure);
            }
        }
        requireGone();
    }

    /** One that was waited for too long closes the connection too, and goes on; it listens then. */
    private void requireGone() {
        final long deadlineNs = System.nanoTime() + GONE_NS;
        while (!isGone(path)) {
            if (System.nanoTime() - deadlineNs > 0) {
                throw new StartupException("the weftd that runs has not ended and goes on: see its log");
            }
            LockSupport.parkNanos(LOOK_NS);
        }
    }

    @Override
    public String toString() {
        return "the weftd that runs, process " + description.get(Description.PID) + ",";
    }

    @Override
    public void close() {
        connection.close();
    }
}
