/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The checks that come before anything is touched. */
public final class Privileges {
    /** Linux include/uapi/linux/capability.h. */
    private static final int CAP_NET_ADMIN = 12;

    private static final int CAP_NET_RAW = 13;
    private static final int CAP_SYS_NICE = 23;

    private static final Path STATUS = Path.of("/proc/self/status");

    private static final System.Logger LOG = System.getLogger(Privileges.class.getName());

    private Privileges() {}

    /** Throws a {@link StartupException} unless this process may configure the network of its namespace. */
    public static void requireNetAdmin() {
        if (0 == (effectiveCapabilities() & 1L << CAP_NET_ADMIN)) {
            throw new StartupException("weftd has no CAP_NET_ADMIN and so may not make a device or a route:"
                    + " run it as root, or give it that and CAP_NET_RAW, without which pods are not told when a"
                    + " destination has no route, and CAP_SYS_NICE, without which a pod that floods delays others (systemd:"
                    + " AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_NICE, Kubernetes:"
                    + " securityContext.capabilities.add: [NET_ADMIN, NET_RAW, SYS_NICE])");
        }
    }

    /**
     * Tells the log of capabilities that weftd does not need. bin/weftd takes them away, before there are threads that would each
     * have them; it cannot where a container has CAP_SETPCAP taken away and not the others.
     */
    public static void tellWhatIsTooMuch() {
        final long tooMany = effectiveCapabilities() & ~(1L << CAP_NET_ADMIN | 1L << CAP_NET_RAW | 1L << CAP_SYS_NICE);
        if (0 != tooMany) {
            LOG.log(
                    INFO,
                    "weftd needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_NICE, and has others as well (mask {0}): start it by bin/weftd, with setpriv"
                            + " installed, or give it no more than these{1}",
                    Long.toHexString(tooMany),
                    LogFields.of("mask", Long.toHexString(tooMany)));
        }
    }

    private static long effectiveCapabilities() {
        try {
            for (final String line : Files.readAllLines(STATUS)) {
                if (line.startsWith("CapEff:")) {
                    return Long.parseUnsignedLong(
                            line.substring("CapEff:".length()).trim(), 16);
                }
            }
        } catch (final IOException failure) {
            throw new StartupException("read " + STATUS + ": " + failure.getMessage() + ". Mount /proc", failure);
        }
        throw new StartupException(STATUS + " has no line CapEff: a kernel without capabilities is not supported");
    }
}
