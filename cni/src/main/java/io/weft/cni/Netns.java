/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What lies at the path in CNI_NETNS. */
final class Netns {
    /** All namespaces are files of one file system, which nothing else is of: Linux fs/nsfs.c. */
    private static final Path OWN = Path.of("/proc/self/ns/net");

    private static final String FILE_SYSTEM = "unix:dev";

    /** Stands for a byte that is no text in this locale. */
    private static final char UNREADABLE = '\uFFFD';

    private Netns() {}

    /**
     * What is amiss with the path, if no namespace lies there.
     *
     * @param path of CNI_NETNS, perhaps empty.
     * @return null if a namespace lies there, or where this process cannot tell: then the delegate does.
     */
    static @Nullable String fault(final String path) {
        if (path.indexOf(UNREADABLE) >= 0) {
            return null;
        }
        final Object namespaces;
        try {
            namespaces = Files.getAttribute(OWN, FILE_SYSTEM);
        } catch (final IOException e) {
            return null;
        }
        try {
            final Path file = Path.of(path);
            if (namespaces.equals(Files.getAttribute(file, FILE_SYSTEM))) {
                return null;
            }
            return Files.isDirectory(file) ? "it is a directory" : "it is another kind of file";
        } catch (final NoSuchFileException e) {
            return "there is no such file";
        } catch (final IOException | InvalidPathException e) {
            return null; // There may be one, with a device in it.
        }
    }

    /**
     * Refuses what would have the delegate leave half of its work.
     *
     * @param path of CNI_NETNS.
     * @throws CniException code 4 if no namespace lies there.
     */
    static void require(final String path) throws CniException {
        final String fault = fault(path);
        if (null != fault) {
            throw new CniException(
                    CniException.INVALID_ENVIRONMENT,
                    Invocation.NETNS + "=\"" + path + "\" is no network namespace: " + fault,
                    "the container has ended, or its runtime names another path than it has mounted the namespace at"
                            + " (ip netns, /proc/PID/ns/net)");
        }
    }
}
