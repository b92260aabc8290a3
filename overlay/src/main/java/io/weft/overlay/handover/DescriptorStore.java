/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.NotifySocket;
import io.weft.overlay.host.OwnDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The service manager's store of descriptors (systemd's {@code FileDescriptorStoreMax}): what is in it outlives the process, however
 * that ends, and is given to the next one. What the descriptors fit is in a file beside, in the run directory. Used by the control
 * thread alone.
 */
public final class DescriptorStore {
    private static final System.Logger LOG = System.getLogger(DescriptorStore.class.getName());
    private static final String SUFFIX = ".kept";

    private final @Nullable String socket;

    /**
     * The store of this process's unit.
     *
     * @param environment NOTIFY_SOCKET, and FDSTORE, which is how many descriptors there is room for; systemd before 254 does not set
     *     it, so the unit file does.
     */
    public DescriptorStore(final Map<String, String> environment) {
        final String path = environment.getOrDefault("NOTIFY_SOCKET", "");
        socket = !path.isEmpty() && environment.getOrDefault("FDSTORE", "").matches("[1-9]\\d*") ? path : null;
    }

    /** Whether there is one. */
    public boolean isThere() {
        return null != socket;
    }

    /**
     * Puts descriptors into the store. Those that are there already stay.
     *
     * @param description what they fit.
     * @param file where that is kept.
     * @return false if that is not possible: then they end with the process.
     */
    boolean put(final Map<String, Integer> descriptors, final Description description, final Path file) {
        if (null == socket) {
            return false;
        }
        try {
            final Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.deleteIfExists(fresh);
            try {
                Files.createFile(fresh, OwnDirectory.OWN_FILE);
                Files.writeString(fresh, description.text());
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(fresh);
            }
            // Not to be looked at for a hang-up or error, for which the manager would take it out.
            descriptors.forEach(
                    (name, fd) -> NotifySocket.send(socket, "FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, List.of(fd)));
            return true;
        } catch (final LinuxException | IOException failure) {
            LOG.log(WARNING, "device and sockets are not kept for the next start: {0}", failure.getMessage());
            return false;
        }
    }

    /** Takes descriptors out, and waits until they are. */
    void remove(final Collection<String> names) {
        if (null == socket || names.isEmpty()) {
            return;
        }
        try {
            names.forEach(name -> NotifySocket.send(socket, "FDSTOREREMOVE=1\nFDNAME=" + name));
            NotifySocket.barrier(socket);
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "device and sockets of before stay: {0}", failure.getMessage());
        }
    }

    /** Tells that the process ends. */
    void stopping() {
        if (null != socket) {
            try {
                NotifySocket.send(socket, "STOPPING=1");
            } catch (final LinuxException failure) {
                LOG.log(INFO, failure.getMessage());
            }
        }
    }

    /** Where what is kept is described. */
    static Path file(final Path runDirectory, final String deviceName) {
        return runDirectory.resolve(deviceName + SUFFIX);
    }

    /** What the descriptors fit that were kept; null if it is not known. */
    static @Nullable Description description(final Path file) {
        try {
            return Description.parse(Files.readString(file));
        } catch (final IOException none) {
            return null;
        }
    }
}
