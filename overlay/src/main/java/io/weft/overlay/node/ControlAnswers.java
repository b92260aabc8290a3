/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.capture.EgressAnswer;
import io.weft.overlay.capture.IngressAnswer;
import io.weft.overlay.capture.PacketStreams;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The answers that a forwarder's control socket gives: from the node's tables in use, between two tasks of the control thread. */
final class ControlAnswers {
    private static final String EXPLAIN = "explain ";

    private ControlAnswers() {}

    /**
     * Opens the socket of a forwarder.
     *
     * @param source of the forwarder's packets.
     * @param all those of the node's other forwarders as well.
     * @param config of the network.
     * @param own this node's lease.
     * @param loop that the tables belong to.
     * @throws StartupException when it cannot be made.
     */
    static ControlSocket open(
            final Path runDirectory,
            final PacketSource source,
            final Collection<PacketSource> all,
            final NetworkConfig config,
            final LeaseKey own,
            final ControlLoop loop) {
        final Path path = runDirectory.resolve(source.deviceName() + ".sock");
        try {
            return ControlSocket.open(
                    path,
                    question -> loop.ask(() -> answer(question, all, config, own)),
                    new PacketStreams(source, loop));
        } catch (final IOException failure) {
            throw new StartupException(
                    "make control socket " + path + ": " + FileFailure.words(failure)
                            + ". Choose a writable place by --run-dir",
                    failure);
        }
    }

    private static String answer(
            final String question, final Collection<PacketSource> all, final NetworkConfig config, final LeaseKey own) {
        if (!question.startsWith(EXPLAIN)) {
            throw new IllegalArgumentException(
                    "\"" + question + "\" is not known here, ask: " + EXPLAIN + "ADDRESS [SOURCE]");
        }
        final String[] addresses = question.substring(EXPLAIN.length()).split(" ", 2);
        final IpAddress destination = IpAddress.parse(addresses[0]);
        final @Nullable IpAddress source = addresses.length > 1 ? IpAddress.parse(addresses[1]) : null;
        if (null != source && source.family() != destination.family()) {
            throw new IllegalArgumentException(source + " and " + destination + " are not of one IP version");
        }
        final String answer = EgressAnswer.of(
                withRoute(all, destination).tables(),
                destination,
                prefixes(own.subnet(), own.ipv6Subnet()),
                config.networks());
        return null == source ? answer : withSource(answer, source, destination, withRoute(all, source), own);
    }

    /** The forwarder that packets to an address go by; where none has a route, any of them. The leases say which has it. */
    private static PacketSource withRoute(final Collection<PacketSource> all, final IpAddress address) {
        return all.stream()
                .filter(each ->
                        null != each.tables().explain(address.toInetAddress()).route())
                .findFirst()
                .orElseGet(() -> all.iterator().next());
    }

    /** Of a packet between two of this node's pods there is no more to say than that it is one. */
    private static String withSource(
            final String answer,
            final IpAddress source,
            final IpAddress destination,
            final PacketSource node,
            final LeaseKey own) {
        final boolean isFromHere = isOfSubnet(source, own);
        final boolean isToHere = isOfSubnet(destination, own);
        if (isToHere && !isFromHere) {
            return destination + " from " + source + IngressAnswer.of(node, source, destination);
        }
        return isFromHere || isToHere ? answer : answer + "\n" + EgressAnswer.notOfThisNode(source);
    }

    private static boolean isOfSubnet(final IpAddress address, final LeaseKey own) {
        return prefixes(own.subnet(), own.ipv6Subnet()).stream().anyMatch(subnet -> subnet.contains(address));
    }

    private static List<IpPrefix> prefixes(final @Nullable IpPrefix ipv4, final @Nullable IpPrefix ipv6) {
        return Stream.of(ipv4, ipv6).flatMap(Stream::ofNullable).toList();
    }
}
