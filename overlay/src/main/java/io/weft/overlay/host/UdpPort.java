/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.netlink.Vxlan;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The underlay's UDP port before weftd binds it. Binding alone would not tell: sockets that share a port by SO_REUSEPORT
 * would each get a part of the packets.
 */
public final class UdpPort {
    /** Linux Documentation/networking/proc_net_tcp.rst: local address and port in hexadecimal are the second column. */
    private static final Path TABLE = Path.of("/proc/thread-self/net/udp");

    private static final Path IPV6_TABLE = Path.of("/proc/thread-self/net/udp6");

    private UdpPort() {}

    /**
     * Checks that nobody receives on the port.
     *
     * @param rtnetlink of the same namespace.
     * @param port that weftd is about to bind.
     * @param replaced devices that may have it, for they are going to be taken over.
     * @throws StartupException naming the owner.
     */
    public static void requireFree(final Rtnetlink rtnetlink, final int port, final KernelDevices replaced) {
        for (final Link link : rtnetlink.links()) {
            final Vxlan vxlan = link.vxlan();
            if (null != vxlan && port == vxlan.port() && link.up() && !isOneOf(replaced, link)) {
                throw new StartupException("UDP port " + port + " belongs to the kernel VXLAN device " + link.name()
                        + " (VNI " + vxlan.vni() + "): stop what made it (flanneld) and remove it (ip link delete "
                        + link.name() + ")");
            }
        }
        // The socket of a kernel device is in the table as well; nobody else can have its port.
        if (!hasPort(replaced.device(), port)) {
            requireFree(TABLE, port);
        }
        if (!hasPort(replaced.ipv6Device(), port)) {
            requireFree(IPV6_TABLE, port);
        }
    }

    private static boolean hasPort(final @Nullable Link link, final int port) {
        if (null == link || !link.up()) {
            return false;
        }
        final Vxlan vxlan = link.vxlan();
        return null != vxlan && port == vxlan.port();
    }

    private static void requireFree(final Path table, final int port) {
        if (Files.exists(table)) {
            inodes(table, port).stream().findFirst().ifPresent(inode -> {
                throw new StartupException("UDP port " + port + " belongs to " + owner(inode, port)
                        + ", or, where it is of another network, give one of the two another \"Port\" in the Backend of"
                        + " its configuration");
            });
        }
    }

    private static boolean isOneOf(final KernelDevices replaced, final Link link) {
        return replaced.links().stream().anyMatch(device -> device.index() == link.index());
    }

    /** The sockets bound to the port, by the number of their inode: the tenth column. */
    private static List<String> inodes(final Path table, final int port) {
        final String suffix = String.format(Locale.ROOT, ":%04X", port);
        try {
            return Files.readAllLines(table).stream()
                    .skip(1)
                    .map(line -> line.strip().split("\\s+", 11))
                    .filter(columns -> columns[1].endsWith(suffix))
                    .map(columns -> columns[9])
                    .toList();
        } catch (final IOException failure) {
            throw new StartupException("read " + table + ": " + failure.getMessage() + ". Mount /proc", failure);
        }
    }

    /**
     * Who has the socket, and what to do about it. A process of another PID namespace cannot be seen, and of one that may more than
     * weftd, as anything does that root runs, not what it has open.
     */
    private static String owner(final String inode, final int port) {
        final Path socket = Path.of("socket:[" + inode + "]");
        return ProcessHandle.allProcesses()
                .filter(process -> hasOpen(process, socket))
                .map(process -> name(process) + ", process " + process.pid() + ": stop it first")
                .findFirst()
                .orElseGet(() -> RunningFlanneld.find()
                        .map(flanneld -> "a process that weftd may not look into, most likely flanneld, process "
                                + flanneld.pid() + ": stop it first")
                        .orElse("a process that weftd may not look into, or cannot see, as one of another container: as"
                                + " root on the host itself, ss -lunp 'sport = :" + port + "' names it; stop it"));
    }

    private static boolean hasOpen(final ProcessHandle process, final Path socket) {
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(proc(process, "fd"))) {
            for (final Path descriptor : descriptors) {
                if (isLinkTo(descriptor, socket)) {
                    return true;
                }
            }
            return false;
        } catch (final IOException | DirectoryIteratorException gone) {
            return false;
        }
    }

    private static boolean isLinkTo(final Path descriptor, final Path socket) {
        try {
            return Files.readSymbolicLink(descriptor).equals(socket);
        } catch (final IOException closedMeanwhile) {
            return false;
        }
    }

    private static String name(final ProcessHandle process) {
        try {
            return Files.readString(proc(process, "comm")).strip();
        } catch (final IOException gone) {
            return "a process that has ended meanwhile";
        }
    }

    private static Path proc(final ProcessHandle process, final String file) {
        return Path.of("/proc", String.valueOf(process.pid()), file);
    }
}
