/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.PathState;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.record.PeerPath;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class HostRoutesTest {
    private static final List<IpPrefix> NETWORKS =
            List.of(IpPrefix.parse("10.244.0.0/16"), IpPrefix.parse("fd00:10:244::/48"));
    private static final PeerPath PEER =
            new PeerPath("weft.1", IpAddress.parse("192.168.100.2"), IpPrefix.parse("10.244.1.0/24"));
    private static final PeerPath IPV6_PEER =
            new PeerPath("weft.1", IpAddress.parse("192.168.100.2"), IpPrefix.parse("fd00:10:244:1::/64"));
    private static final HostWay TO_OTHER = new HostWay(HostWay.Kind.ELSEWHERE, "other0");
    private static final HostWay ROUTELESS = new HostWay(HostWay.Kind.ROUTELESS, "eth0");

    private final NetworkNamespace namespace = NetworkNamespace.create("routes");

    /** Of a host with a default route, in front of which the tunnel's route for the network is. */
    @BeforeEach
    void addDevicesAndRoutes() {
        for (final String device : List.of("eth0", "weft.1", "other0")) {
            namespace.ip("link", "add", device, "type", "veth", "peer", "name", device + "-end");
            namespace.ip("link", "set", device, "up");
            namespace.ip("link", "set", device + "-end", "up");
        }
        namespace.ip("address", "add", "192.168.100.1/24", "dev", "eth0");
        namespace.ip("route", "add", "default", "via", "192.168.100.254");
        namespace.ip("-6", "route", "add", "default", "dev", "eth0");
        for (final IpPrefix network : NETWORKS) {
            namespace.ip("route", "add", network.toString(), "dev", "weft.1");
        }
    }

    @AfterEach
    void close() {
        namespace.close();
    }

    private HostWay way(final PeerPath path) {
        return way(path, path.overlayAddress());
    }

    private HostWay way(final PeerPath path, final IpAddress destination) {
        return namespace.call(() -> {
            try (HostRoutes routes = HostRoutes.open(NETWORKS, List.of())) {
                return routes.of(path, destination);
            }
        });
    }

    @Test
    void shouldSayNothingWhereTheTunnelsRouteIsTaken() {
        assertEquals(HostWay.TUNNEL, way(PEER));
        assertEquals(HostWay.TUNNEL, way(IPV6_PEER));
    }

    /** Nobody is to take away the host's default route because of it. */
    @Test
    void shouldTellThatTheTunnelsRouteIsMissingWhereAWiderOneIsTaken() {
        for (final IpPrefix network : NETWORKS) {
            namespace.ip("route", "delete", network.toString());
        }
        assertEquals(ROUTELESS, way(PEER));
        assertEquals(ROUTELESS, way(IPV6_PEER));
        namespace.ip("route", "add", "10.0.0.0/8", "dev", "eth0");
        assertEquals(ROUTELESS, way(PEER));
        assertEquals(PathState.LOCAL, state(ROUTELESS));
        namespace.ip("route", "delete", "default");
        namespace.ip("route", "delete", "10.0.0.0/8");
        assertEquals(HostWay.TUNNEL, way(PEER), "the send tells that there is none");
    }

    @Test
    void shouldNameTheDeviceThatAnotherRouteLeadsTo() {
        namespace.ip("route", "add", "10.244.0.0/20", "dev", "other0");
        namespace.ip("route", "add", "fd00:10:244:1::/64", "dev", "other0");
        assertEquals(TO_OTHER, way(PEER));
        assertEquals(TO_OTHER, way(IPV6_PEER));
        assertEquals(PathState.ROUTE, state(TO_OTHER));
    }

    /** As where a third node takes the packets on, and the answer comes by the underlay. */
    @Test
    void shouldNotTakeAnAnswerThatCameAnotherWayForTheOverlays() {
        assertEquals(PathState.OK, answered(HostWay.TUNNEL));
        assertEquals(PathState.ROUTE, answered(TO_OTHER));
        assertEquals(PathState.LOCAL, answered(ROUTELESS));
    }

    @Test
    void shouldTellOfARouteForOnePodAlone() {
        namespace.ip("route", "add", "10.244.1.7/32", "via", "192.168.100.3");
        assertEquals(HostWay.TUNNEL, way(PEER));
        assertEquals(new HostWay(HostWay.Kind.ELSEWHERE, "eth0"), way(PEER, IpAddress.parse("10.244.1.7")));
    }

    @Test
    void shouldNameTheDeviceThatHasThePeersAddress() {
        namespace.ip("address", "add", "10.244.1.0/32", "dev", "other0");
        assertEquals(HostWay.Kind.ELSEWHERE, way(PEER).kind());
    }

    /** Before the table that the tunnel's route is in, whatever the length. */
    @Test
    void shouldNameTheDeviceThatARuleLeadsTo() {
        namespace.ip("route", "add", "default", "dev", "other0", "table", "100");
        namespace.ip("rule", "add", "to", "10.0.0.0/8", "table", "100");
        assertEquals(TO_OTHER, way(PEER));
    }

    @Test
    void shouldTakeARouteToThePeerItselfForTheWay() {
        namespace.ip("route", "add", "10.244.1.0/24", "via", "192.168.100.2");
        assertEquals(HostWay.TUNNEL, way(PEER));
    }

    @Test
    void shouldNameNoDeviceWhereThereAreSeveral() {
        namespace.ip("route", "delete", NETWORKS.get(0).toString());
        namespace.ip("route", "replace", "default", "nexthop", "dev", "eth0", "nexthop", "dev", "other0");
        assertEquals(new HostWay(HostWay.Kind.ROUTELESS, ""), way(PEER));
    }

    /** Whatever the error, as for a name that the kernel takes for none: peers are asked all the same. */
    @Test
    void shouldSayNothingWhereTheKernelRefusesTheQuestion() {
        final PeerPath refused = new PeerPath("longer-than-a-device's", PEER.peer(), PEER.subnet());
        assertEquals(
                Errno.ERANGE,
                assertThrows(LinuxException.class, () -> namespace.call(() -> link(refused.device())))
                        .errno());
        assertEquals(HostWay.TUNNEL, way(refused));
    }

    private static Optional<Link> link(final String name) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            return rtnetlink.link(name);
        }
    }

    private static PathState answered(final HostWay way) {
        return PathResults.answered(way).state();
    }

    private static PathState state(final HostWay way) {
        return PathResults.silent(way).state();
    }
}
