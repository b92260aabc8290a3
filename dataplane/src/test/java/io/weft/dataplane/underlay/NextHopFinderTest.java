/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.testing.PodTun;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** That the kernel keeps the next hops of both families on one link, whoever else changes its neighbours. */
@RequiresRoot
class NextHopFinderTest {
    private static final int PORT = 8472;
    private static final int HOP_LIMIT = 64;

    private final CloseAll resources = new CloseAll();
    private final Topology topology =
            resources.add(Topology.builder().dualStack().build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final Rtnetlink rtnetlink = resources.add(node.namespace().call(Rtnetlink::open));
    private final int linkIndex =
            rtnetlink.link(node.underlayDevice()).orElseThrow().index();
    private final NextHopFinder ipv4 = finder(node.underlayAddress());
    private final NextHopFinder ipv6 = finder(node.underlayAddressV6());

    private NextHopFinder finder(final String local) {
        return resources.add(new NextHopFinder(rtnetlink, PodTun.inet(local), PORT));
    }

    @BeforeEach
    void setUp() {
        Await.until(() -> "next hops: " + neighbours(), Await.TIMEOUT_MS, () -> 2 == look());
        assumeTrue(!managed().isEmpty(), "the kernel keeps neighbours, from Linux 5.16 on");
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    /** How many peers are reached, of one in each family. */
    private int look() {
        return ipv4.find(linkIndex, List.of(IpAddress.parse(peer.underlayAddress())), HOP_LIMIT)
                        .size()
                + ipv6.find(linkIndex, List.of(IpAddress.parse(peer.underlayAddressV6())), HOP_LIMIT)
                        .size();
    }

    private List<Neighbour> neighbours() {
        return rtnetlink.neighbours(linkIndex);
    }

    private Set<String> managed() {
        return neighbours().stream()
                .filter(Neighbour::isManaged)
                .map(neighbour -> IpAddress.of(neighbour.address()).toString())
                .collect(Collectors.toSet());
    }

    private Set<String> both() {
        return Set.of(peer.underlayAddress(), peer.underlayAddressV6());
    }

    @Test
    void shouldKeepTheNeighboursOfBothFamiliesBesideEachOther() {
        for (int i = 0; i < 3; i++) {
            look();
            assertEquals(both(), managed(), () -> neighbours().toString());
        }
        ipv4.close();
        assertEquals(
                Set.of(peer.underlayAddressV6()), managed(), () -> neighbours().toString());
        ipv6.close();
        assertEquals(Set.of(), managed(), () -> neighbours().toString());
    }

    /** As whoever sets an entry by hand, or the kernel that learns one anew. */
    @Test
    void shouldKeepAgainWhatSomebodyHasReplaced() {
        for (final String address : both()) {
            node.namespace()
                    .ip("neigh", "replace", address, "lladdr", mac(), "dev", node.underlayDevice(), "nud", "reachable");
        }
        assertEquals(Set.of(), managed(), () -> neighbours().toString());
        look();
        assertEquals(both(), managed(), () -> neighbours().toString());
    }

    private String mac() {
        return peer.namespace()
                .exec("cat", "/sys/class/net/" + peer.underlayDevice() + "/address")
                .trim();
    }

    /** One that takes over has asked for nothing itself. */
    @Test
    void shouldTakeAwayAtItsEndWhatAnotherHasLeft() {
        final NextHopFinder next = finder(node.underlayAddress());
        next.find(linkIndex, List.of(IpAddress.parse(peer.underlayAddress())), HOP_LIMIT);
        next.close();
        assertEquals(
                Set.of(peer.underlayAddressV6()), managed(), () -> neighbours().toString());
    }
}
