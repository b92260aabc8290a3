/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.record.PeerPath;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two kernel nodes, and their overlay over IPv6. Of IPv4 tells {@code PathFaultsTest}. */
@RequiresRoot
class PathProbeTest {
    private static final int POD_MTU = 1_400;
    private static final String WELL = "ok underlay 1470 of 1470 overlay 1400 of 1400";

    private static String probe(final Topology topology) {
        final Topology.Node peer = topology.node(1);
        return topology.node(0).namespace().call(() -> {
            final ProbedTunnel tunnel = new ProbedTunnel(
                    BackendType.VXLAN,
                    1,
                    KernelVxlan.PORT,
                    List.of(IpAddress.parse(topology.node(0).underlayAddressV6())),
                    List.of(),
                    List.of());
            try (PathProbe probe = PathProbe.open(tunnel, POD_MTU, 1_000)) {
                final PathResult result = probe.probe(List.of(new PeerPath(
                                "flannel-v6.1",
                                IpAddress.parse(peer.underlayAddressV6()),
                                IpPrefix.parse(peer.subnetV6()))))
                        .get(0);
                return result.state().label() + (result.losses().isLimit() ? " limits pings" : "") + " underlay "
                        + result.underlayMtu() + " of " + result.underlayNeeded() + " overlay " + result.overlayMtu()
                        + " of " + result.overlayNeeded();
            }
        });
    }

    /** A busy machine may be late with an answer. */
    private static void await(final Topology topology, final String expected) {
        final String[] found = {""};
        Await.until(() -> expected + ", not " + found[0], Await.TIMEOUT_MS, () -> {
            found[0] = probe(topology);
            return expected.equals(found[0]);
        });
    }

    /** What is longer than the far end's MTU and a VLAN's 4 bytes, its veth pair drops, and the far tunnel cannot answer by what is longer than the MTU. */
    @Test
    void shouldTellTheWayToAnIpv6PeerAndHowLongPacketsMayBe() {
        try (Topology topology = Topology.builder().dualStack().build()) {
            topology.nodes().forEach(topology::kernelVxlan);
            final Topology.Node peer = topology.node(1);
            await(topology, WELL);
            peer.namespace().ip("link", "set", peer.underlayDevice(), "mtu", "1300");
            await(topology, "fabric-mtu underlay 1304 of 1470 overlay 1230 of 1400");
            peer.namespace().ip("address", "flush", "dev", peer.underlayDevice());
            final String silent = " underlay 0 of 1470 overlay 0 of 1400";
            await(topology, "fabric" + silent);
            topology.node(0).namespace().ip("-6", "route", "add", "unreachable", peer.underlayAddressV6());
            await(topology, "local" + silent);
        }
    }

    /**
     * What is found behind rules of the peer's, once all was well without them.
     *
     * @param quota that a rule may name, as it is to be before each probe; empty for none.
     */
    private static void awaitBehind(
            final String hook, final String quota, final List<String> rules, final Predicate<String> isExpected) {
        try (Topology topology = Topology.builder().dualStack().build()) {
            topology.nodes().forEach(topology::kernelVxlan);
            final NetworkNamespace peer = topology.node(1).namespace();
            await(topology, WELL);
            peer.exec("nft", "add table ip6 t");
            peer.exec("nft", "add chain ip6 t in { type filter hook " + hook + " priority 0 ; }");
            if (!quota.isEmpty()) {
                peer.exec("nft", "add quota ip6 t q { until " + quota + " }");
            }
            rules.forEach(rule -> peer.exec("nft", "add rule ip6 t in " + rule));
            final String[] found = {""};
            Await.until(() -> rules + ": " + found[0], Await.TIMEOUT_MS, () -> {
                if (!quota.isEmpty()) {
                    peer.exec("nft", "reset quota ip6 t q");
                }
                found[0] = probe(topology);
                return isExpected.test(found[0]);
            });
        }
    }

    /** As many long packets are lost as the first look sends: the search then finds what is a byte shorter to be carried. */
    @Test
    void shouldNotTellOfANarrowWayThatIsWideWhenItIsAskedAgain() {
        awaitBehind(
                "input",
                "3000 bytes",
                List.of("meta l4proto icmpv6 meta length 1470 quota name \"q\" drop"),
                WELL::equals);
    }

    /** A length that comes through once, and not again, is no MTU. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "loss    | limit rate 1/second burst 1 packets accept", // a rate limit
                "loss    | numgen inc mod 16 < 15 accept             ", // each sixteenth packet is lost
                "overlay | quota name \"q\" accept                   " // all is lost from the second packet on
            })
    void shouldNotTakeForNarrowWhatLosesPacketsOfAnyLength(final String state, final String accepted) {
        awaitBehind(
                "input",
                "250 bytes",
                List.of("udp dport 8472 " + accepted, "udp dport 8472 drop"),
                found -> found.startsWith(state + " "));
    }

    /** On the underlay as well as through the overlay, and however slowly it is asked. */
    @Test
    void shouldNotTakeForALimitOfPingsThatTheFabricLosesSome() {
        awaitBehind(
                "prerouting",
                "",
                List.of(
                        "udp dport 8472 numgen inc mod 11 == 0 drop",
                        "icmpv6 type echo-request numgen inc mod 11 == 0 drop"),
                "loss underlay 1470 of 1470 overlay 1400 of 1400"::equals);
    }

    /** A firewall's limit on pings is no loss of what pods send. */
    @Test
    void shouldNotTakeForLossThatANodeLimitsPings() {
        awaitBehind(
                "input",
                "",
                List.of(
                        "icmpv6 type echo-request limit rate 1/second burst 5 packets accept",
                        "icmpv6 type echo-request drop"),
                "ok limits pings underlay 1470 of 1470 overlay 1400 of 1400"::equals);
    }
}
