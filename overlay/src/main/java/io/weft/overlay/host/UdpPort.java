/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.netlink.Vxlan;
import io.weft.overlay.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The underlay's UDP port before weftd binds it. Binding alone would not tell: sockets that share a port by SO_REUSEPORT
 * would each get a part of the packets.
 */
public final class UdpPort {
    /** Linux Documentation/networking/proc_net_tcp.rst: local address and port in hexadecimal are the second column. */
    private static final Path[] TABLES = {Path.of("/proc/thread-self/net/udp"), Path.of("/proc/thread-self/net/udp6")};

    private UdpPort() {}

    /**
     * Checks that nobody receives on the port.
     *
     * @param rtnetlink of the same namespace.
     * @param port that weftd is about to bind.
     * @throws StartupException naming the owner.
     */
    public static void requireFree(final Rtnetlink rtnetlink, final int port) {
        for (final Link link : rtnetlink.links()) {
            final Vxlan vxlan = link.vxlan();
            if (null != vxlan && port == vxlan.port() && link.up()) {
                throw new StartupException("UDP port " + port + " belongs to the kernel VXLAN device " + link.name()
                        + " (VNI " + vxlan.vni() + "): stop what made it (flanneld) and remove it (ip link delete "
                        + link.name() + ")");
            }
        }
        for (final Path table : TABLES) {
            if (Files.exists(table) && hasPort(table, port)) {
                throw new StartupException("UDP port " + port + " belongs to another process:"
                        + " find it (ss --udp --listening --numeric --processes) and stop it");
            }
        }
    }

    private static boolean hasPort(final Path table, final int port) {
        final String suffix = String.format(Locale.ROOT, ":%04X", port);
        try {
            return Files.readAllLines(table).stream()
                    .skip(1)
                    .map(line -> line.strip().split("\\s+", 3))
                    .anyMatch(columns -> columns[1].endsWith(suffix));
        } catch (final IOException failure) {
            throw new StartupException("read " + table + ": " + failure.getMessage() + ". Mount /proc", failure);
        }
    }
}
