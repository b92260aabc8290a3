/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.capture.PacketStreams;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.ControlSocket;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The answers that a forwarder's control socket gives: from the tables in use, between two tasks of the control thread. */
final class ControlAnswers {
    private static final String EXPLAIN = "explain ";

    private ControlAnswers() {}

    /**
     * Opens the socket of a forwarder.
     *
     * @param source of the forwarder's packets.
     * @param config of the network.
     * @param own this node's lease.
     * @param loop that the tables belong to.
     * @throws StartupException when it cannot be made.
     */
    static ControlSocket open(
            final Path runDirectory,
            final PacketSource source,
            final NetworkConfig config,
            final LeaseKey own,
            final ControlLoop loop) {
        final Path path = runDirectory.resolve(source.deviceName() + ".sock");
        try {
            return ControlSocket.open(
                    path,
                    question -> loop.ask(() -> answer(question, source.tables(), config, own)),
                    new PacketStreams(source));
        } catch (final IOException failure) {
            throw new StartupException(
                    "make control socket " + path + ": " + failure + ". Choose a writable place by --run-dir", failure);
        }
    }

    private static String answer(
            final String question, final RoutingTables tables, final NetworkConfig config, final LeaseKey own) {
        if (question.startsWith(EXPLAIN)) {
            final IpAddress address = IpAddress.parse(question.substring(EXPLAIN.length()));
            final String notOurs = notOurs(address, tables, config, own);
            return notOurs.isEmpty() ? tables.explain(address.toInetAddress()).toString() : address + "\n  " + notOurs;
        }
        throw new IllegalArgumentException("\"" + question + "\" is not known here, ask: " + EXPLAIN + "ADDRESS");
    }

    /** Why a packet to an address does not come to the overlay; empty if it does. */
    private static String notOurs(
            final IpAddress address, final RoutingTables tables, final NetworkConfig config, final LeaseKey own) {
        final InetAddress destination = address.toInetAddress();
        for (final IpPrefix subnet : prefixes(own.subnet(), own.ipv6Subnet())) {
            if (subnet.contains(destination)) {
                return "own        of this node's subnet " + subnet
                        + ": the host brings it to the pod by its bridge, not by the overlay";
            }
        }
        final List<IpPrefix> networks = prefixes(config.network(), config.ipv6Network());
        final boolean isInside = networks.stream().anyMatch(network -> network.contains(destination));
        return isInside || null != tables.explain(destination).route()
                ? ""
                : "outside    of the cluster's network "
                        + networks.stream().map(IpPrefix::toString).collect(Collectors.joining(" and "))
                        + ": the host routes it, not the overlay";
    }

    private static List<IpPrefix> prefixes(final @Nullable IpPrefix ipv4, final @Nullable IpPrefix ipv6) {
        return Stream.of(ipv4, ipv6).flatMap(Stream::ofNullable).toList();
    }
}
