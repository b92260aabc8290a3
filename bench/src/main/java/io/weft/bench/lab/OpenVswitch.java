/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Open vSwitch with its userspace datapath ({@code datapath_type=netdev}), as its documentation has it for tunnels: the underlay's
 * address moves to a bridge that has the underlay device as a port, and a second bridge has a VXLAN port to the peer. A database and
 * a switch of its own for each node, with all their files in one directory.
 *
 * <pre>
 *   cni0 -- routes -- br-int [ VXLAN port ] ... br-phy [ eth0 ] ====
 * </pre>
 */
final class OpenVswitch {
    private static final String SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
    private static final String UNDERLAY_BRIDGE = "br-phy";
    private static final String OVERLAY_BRIDGE = "br-int";

    /** How long ovs-vsctl waits for the database, and for the switch to have done what it says. */
    private static final String TIMEOUT = "--timeout=60";

    private OpenVswitch() {}

    /** @param started is given each process at once, the one that forwards last. */
    static void start(
            final Node node, final Node peer, final Path directory, final Path log, final Consumer<Process> started) {
        final Path database = directory.resolve("ovs-" + node.letter());
        Command.run("mkdir", database.toString());
        final Path file = database.resolve("conf.db");
        final String socket = database.resolve("db.sock").toString();
        Command.run("ovsdb-tool", "create", file.toString(), SCHEMA);
        final String runDirectory = "OVS_RUNDIR=" + database;
        started.accept(Command.start(
                log.toFile(),
                node.inNode(
                        "env",
                        runDirectory,
                        "ovsdb-server",
                        file.toString(),
                        "--remote=punix:" + socket,
                        "--unixctl=" + database.resolve("server.ctl"))));
        configure(socket, "--retry", "--no-wait", "init");
        started.accept(Command.start(
                log.toFile(),
                node.inNode(
                        "env",
                        runDirectory,
                        "ovs-vswitchd",
                        "unix:" + socket,
                        "--unixctl=" + database.resolve("switch.ctl"))));
        bridges(node, peer, socket);
    }

    private static void bridges(final Node node, final Node peer, final String socket) {
        addBridge(socket, UNDERLAY_BRIDGE);
        configure(socket, "add-port", UNDERLAY_BRIDGE, Node.UNDERLAY_DEVICE);
        final String underlay = node.underlayAddress() + Node.UNDERLAY_PREFIX;
        node.ip("addr", "del", underlay, "dev", Node.UNDERLAY_DEVICE);
        node.ip("addr", "add", underlay, "dev", UNDERLAY_BRIDGE);
        node.ip("link", "set", UNDERLAY_BRIDGE, "mtu", String.valueOf(Node.UNDERLAY_MTU), "up");
        addBridge(socket, OVERLAY_BRIDGE);
        configure(
                socket,
                "add-port",
                OVERLAY_BRIDGE,
                "vxlan0",
                "--",
                "set",
                "interface",
                "vxlan0",
                "type=vxlan",
                "options:key=1",
                "options:remote_ip=" + peer.underlayAddress());
        node.ip("addr", "add", node.vtepAddress() + "/32", "dev", OVERLAY_BRIDGE);
        node.ip("link", "set", OVERLAY_BRIDGE, "mtu", String.valueOf(Node.OVERLAY_MTU), "up");
        node.ip("route", "add", peer.subnet(), "via", peer.vtepAddress(), "dev", OVERLAY_BRIDGE, "onlink");
    }

    private static void addBridge(final String socket, final String bridge) {
        configure(socket, "add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev");
    }

    private static void configure(final String socket, final String... words) {
        Command.run(Command.words(List.of("ovs-vsctl", TIMEOUT, "--db=unix:" + socket), words));
    }
}
