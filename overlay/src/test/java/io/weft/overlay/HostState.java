/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.linux.testing.NetworkNamespace;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * All that a daemon may leave on a host: devices, addresses, routes, rules, neighbours, FDB entries, firewall rules, sockets and
 * files, as text that two moments can be compared by. Left out is what the kernel chooses: interface indices, ports, and the
 * MAC address of a TAP device.
 */
final class HostState {
    private static final List<String> COMMANDS = List.of(
            "ip -details -oneline link",
            "ip -oneline address",
            "ip route show table all",
            "ip -6 route show table all",
            "ip rule",
            "ip -6 rule",
            "ip neighbour show nud permanent",
            "bridge fdb show state permanent",
            "iptables-save",
            "ip6tables-save",
            "nft list tables",
            "tc qdisc show",
            "ss --no-header --numeric --all --udp",
            "ss --no-header --numeric --listening --tcp",
            "ss --no-header --numeric --listening --unix");

    private HostState() {}

    /**
     * Takes it down.
     *
     * @param namespace of the host.
     * @param directory whose files belong to the daemon.
     */
    static String of(final NetworkNamespace namespace, final Path directory) {
        return COMMANDS.stream()
                        .map(command -> "# " + command + "\n" + output(namespace, command.split(" ", -1)))
                        .collect(Collectors.joining())
                + "# files\n"
                + sorted(
                        namespace.exec("find", directory.toString(), "!", "-name", ".*.new", "-printf", "%y %m %P\\n"));
    }

    /** What a command says of a host, without what changes by itself. */
    static String output(final NetworkNamespace namespace, final String... command) {
        final String text = namespace
                .exec(command)
                .replaceAll("(?m)^#.*\n", "")
                .replaceAll("(?m)^\\d+: ", "") // of an interface
                .replaceAll("link/ether \\S+( .* type tap )", "link/ether any$1")
                .replaceAll("(?m)\\[\\d+:\\d+\\]", "") // a rule's packets and bytes
                .replaceAll(":(3[2-9]|[45]\\d|60)\\d{3}\\b", ":any") // net.ipv4.ip_local_port_range
                .replaceAll("_timer +\\S+", "") // a bridge's clocks
                .replaceAll("[ \\t]+", " ")
                .replaceAll("(?m)(UNCONN|LISTEN) \\d+ \\d+", "$1") // what waits in a socket
                .replaceAll("(?<=\\.(sock|new)) \\d+", ""); // a socket's inode
        return "ss".equals(command[0]) ? sorted(text) : text; // the kernel walks its sockets by hash
    }

    private static String sorted(final String lines) {
        return lines.lines().sorted().map(line -> line + "\n").collect(Collectors.joining());
    }
}
