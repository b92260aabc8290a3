/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What lies at the path in CNI_NETNS. */
final class Netns {
    /** All namespaces are files of one file system, which nothing else is of: Linux fs/nsfs.c. */
    private static final Path OWN = Path.of("/proc/self/ns/net");

    private static final String FILE_SYSTEM = "unix:dev";

    /** {@code 1} or {@code true} where a runtime means the plugin's own namespace: containernetworking/cni, pkg/skel. */
    static final String OVERRIDE = "CNI_NETNS_OVERRIDE";

    /** Stands for a byte that is no text in this locale. */
    private static final char UNREADABLE = '\uFFFD';

    private Netns() {}

    /**
     * What is amiss with the path in CNI_NETNS, if no namespace of a container lies there. The plugin's own is the node's: a
     * path as /proc/PID/ns/net leads there when the container has ended and a process of the node has its number, and the delegate
     * would give the node a pod's address and routes, or take away a device of the node.
     *
     * @param environment the process's variables.
     * @return null if a namespace lies there, or where this process cannot tell: then the delegate does.
     */
    static @Nullable String fault(final Map<String, String> environment) {
        final String path = path(environment);
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
                return Files.isSameFile(OWN, file) && !isOwnMeant(environment)
                        ? "it is the one that weft-cni runs in, the node's own"
                        : null;
            }
            return Files.isDirectory(file) ? "it is a directory" : "it is another kind of file";
        } catch (final NoSuchFileException e) {
            return "there is no such file";
        } catch (final IOException | InvalidPathException e) {
            return null; // There may be one, with a device in it.
        }
    }

    private static boolean isOwnMeant(final Map<String, String> environment) {
        final String override = environment.getOrDefault(OVERRIDE, "");
        return "1".equals(override) || "true".equalsIgnoreCase(override);
    }

    private static String path(final Map<String, String> environment) {
        return environment.getOrDefault(Invocation.NETNS, "");
    }

    /**
     * Refuses what would have the delegate leave half of its work, or do it to the node.
     *
     * @param environment the process's variables.
     * @throws CniException code 4 if no namespace of a container lies at CNI_NETNS.
     */
    static void require(final Map<String, String> environment) throws CniException {
        final String fault = fault(environment);
        if (null != fault) {
            throw new CniException(
                    CniException.INVALID_ENVIRONMENT,
                    Invocation.NETNS + "=\"" + path(environment) + "\" is no network namespace of a container: "
                            + fault,
                    "the container has ended, or its runtime names another path than it has mounted the namespace at"
                            + " (ip netns, /proc/PID/ns/net)");
        }
    }
}
