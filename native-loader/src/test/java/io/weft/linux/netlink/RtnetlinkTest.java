/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.TunDevice;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What {@code ip} made is read back here, and what is made here is read back by {@code ip} and {@code bridge}. */
@RequiresRoot
class RtnetlinkTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:0a:0b");

    private NetworkNamespace namespace;

    @BeforeEach
    void createNamespace() {
        namespace = NetworkNamespace.create("rtnetlink");
        namespace.ip("link", "add", "u0", "address", "02:11:22:33:44:55", "type", "veth", "peer", "name", "u1");
        namespace.ip("link", "set", "u0", "up");
        namespace.ip("link", "set", "u1", "up");
        namespace.ip("addr", "add", "192.168.100.1/24", "dev", "u0");
    }

    @AfterEach
    void deleteNamespace() {
        namespace.close();
    }

    private void withRtnetlink(final Consumer<Rtnetlink> test) {
        namespace.run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                test.accept(rtnetlink);
            }
        });
    }

    private static Link link(final Rtnetlink rtnetlink, final String name) {
        return rtnetlink.link(name).orElseThrow();
    }

    private static InetAddress ip(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    @Test
    void shouldReadLinksAsIpMadeThem() {
        namespace.ip("link", "add", "br7", "type", "bridge");
        namespace.ip("link", "set", "u0", "mtu", "1432", "txqueuelen", "77", "gso_max_size", "40000", "master", "br7");
        withRtnetlink(rtnetlink -> {
            final Link link = link(rtnetlink, "u0");
            assertEquals("u0", link.name());
            assertEquals("veth", link.kind());
            assertEquals(1432, link.mtu());
            assertEquals(MacAddress.parse("02:11:22:33:44:55"), link.mac());
            assertEquals(77, link.txQueueLength());
            assertEquals(40_000, link.gsoMaxSize());
            assertTrue(link.up());
            assertTrue(link.carrier());
            assertFalse(link.loopback());
            assertEquals(link(rtnetlink, "br7").index(), link.masterIndex());
            assertFalse(link(rtnetlink, "br7").up());
            assertTrue(link(rtnetlink, "lo").loopback());
            assertEquals(link(rtnetlink, "u1").index(), link.peerIndex());
            assertEquals(link, rtnetlink.link(link.index()).orElseThrow());
            assertEquals(
                    List.of("br7", "lo", "u0", "u1"),
                    rtnetlink.links().stream().map(Link::name).sorted().toList());
            assertTrue(rtnetlink.links().contains(link));
        });
    }

    @Test
    void shouldTellTheOwnerOfAVxlanPort() {
        final String[] command = {
            "link",
            "add",
            "flannel.1",
            "type",
            "vxlan",
            "id",
            "7",
            "dstport",
            "8472",
            "local",
            "192.168.100.1",
            "dev",
            "u0"
        };
        namespace.ip(command);
        namespace.ip(
                "link", "add", "six", "type", "vxlan", "id", "8", "dstport", "4789", "local", "fd00::1", "nolearning");
        withRtnetlink(rtnetlink -> {
            final Vxlan expected = new Vxlan(
                    7, 8472, ip("192.168.100.1"), link(rtnetlink, "u0").index(), true);
            assertEquals(expected, link(rtnetlink, "flannel.1").vxlan());
            assertEquals(
                    new Vxlan(8, 4789, ip("fd00::1"), 0, false),
                    link(rtnetlink, "six").vxlan());
            assertNull(link(rtnetlink, "u0").vxlan());
        });
    }

    @Test
    void shouldReadATunDeviceWithoutAMacAddress() {
        withRtnetlink(rtnetlink -> {
            final List<TunDevice> queues = TunDevice.open("weft.1", 1, 10);
            try {
                final Link link = link(rtnetlink, "weft.1");
                assertEquals("tun", link.kind());
                assertNull(link.mac());
            } finally {
                CloseHelper.closeAll(queues);
            }
            assertTrue(rtnetlink.link("weft.1").isEmpty());
        });
    }

    @Test
    void shouldChangeLinksSoThatIpShowsIt() {
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            rtnetlink.setMtu(index, 1300);
            rtnetlink.setTxQueueLength(index, 55);
            rtnetlink.setGsoMaxSize(index, 65_000);
            rtnetlink.setDown(index);
            final String shown = namespace.ip("-d", "-j", "link", "show", "dev", "u0");
            assertTrue(shown.contains("\"mtu\":1300"), shown);
            assertTrue(shown.contains("\"txqlen\":55"), shown);
            assertTrue(shown.contains("\"gso_max_size\":65000"), shown);
            assertFalse(shown.contains("\"UP\""), shown);
            rtnetlink.setUp(index);
            assertTrue(namespace.ip("-j", "link", "show", "dev", "u0").contains("\"UP\""));
            assertTrue(rtnetlink.deleteLink(index));
            assertFalse(rtnetlink.deleteLink(index));
            assertTrue(rtnetlink.link("u0").isEmpty());
            assertTrue(rtnetlink.link(index).isEmpty());
        });
    }

    @Test
    void shouldSayWhatTheKernelSaysWhenItRefuses() {
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final LinuxException failure = assertThrows(LinuxException.class, () -> rtnetlink.setMtu(index, 1_000_000));
            assertEquals(Errno.EINVAL, failure.errno());
            assertEquals(
                    "set the MTU of link " + index + " to 1000000: EINVAL (invalid argument)."
                            + " The kernel says: mtu greater than device maximum",
                    failure.getMessage());
            // The words must also be found where the kernel does not cut the echoed request, and the socket still
            // works.
            assertEquals(1500, rtnetlink.link(index).orElseThrow().mtu());
        });
    }

    @Test
    void shouldReadAddressesAsIpMadeThem() {
        namespace.ip("addr", "add", "fd00:5::7/64", "dev", "u0", "nodad");
        namespace.ip("addr", "add", "10.9.8.7", "peer", "10.9.8.6/32", "dev", "u0");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final List<String> addresses = rtnetlink.addresses(index).stream()
                    .filter(address -> InterfaceAddress.SCOPE_GLOBAL == address.scope())
                    .map(InterfaceAddress::toString)
                    .toList();
            assertEquals(
                    List.of(
                            "192.168.100.1/24 on link " + index,
                            "10.9.8.7/32 on link " + index,
                            "fd00:5::7/64 on link " + index),
                    addresses);
            assertTrue(rtnetlink.addresses().stream()
                    .anyMatch(address -> "127.0.0.1/8 on link 1".equals(address.toString())));
            assertTrue(rtnetlink.addresses().size() > rtnetlink.addresses(index).size());
        });
    }

    @Test
    void shouldChangeAddressesSoThatIpShowsIt() {
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final InterfaceAddress v4 = new InterfaceAddress(index, ip("10.244.1.0"), 32);
            final InterfaceAddress v6 = new InterfaceAddress(
                    index,
                    ip("fd00:10:244:1::"),
                    64,
                    InterfaceAddress.SCOPE_GLOBAL,
                    InterfaceAddress.NO_DUPLICATE_DETECTION | InterfaceAddress.NO_PREFIX_ROUTE);
            for (int i = 0; i < 2; i++) { // the second time it is there already
                rtnetlink.replaceAddress(v4);
                rtnetlink.replaceAddress(v6);
            }
            final String shown = namespace.ip("addr", "show", "dev", "u0");
            assertTrue(shown.contains("inet 10.244.1.0/32 scope global u0"), shown);
            assertTrue(shown.contains("inet6 fd00:10:244:1::/64 scope global nodad noprefixroute"), shown);
            assertEquals(IpPrefix.of(ip("fd00:10:244:1::"), 64), v6.network());
            assertTrue(rtnetlink.deleteAddress(v4));
            assertFalse(rtnetlink.deleteAddress(v4));
            assertTrue(rtnetlink.deleteAddress(v6));
            assertFalse(rtnetlink.deleteAddress(v6));
            assertFalse(namespace.ip("addr", "show", "dev", "u0").contains("244"));
        });
    }

    @Test
    void shouldReadRoutesAsIpMadeThem() {
        namespace.ip("route", "add", "default", "via", "192.168.100.254");
        namespace.ip("route", "add", "10.244.2.0/24", "via", "10.244.2.0", "dev", "u0", "onlink");
        namespace.ip("route", "add", "blackhole", "10.244.0.0/16", "metric", "9");
        namespace.ip("-6", "route", "add", "fd00:9::/48", "dev", "u0", "metric", "5");
        namespace.ip(
                "route", "add", "10.1.0.0/16", "dev", "u0", "src", "192.168.100.1", "table", "1000", "proto", "static");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final List<Route> routes = rtnetlink.routes(RouteFilter.main());
            final Route onlink = Route.to(IpPrefix.parse("10.244.2.0/24"))
                    .via(ip("10.244.2.0"))
                    .dev(index)
                    .onlink();
            final Route defaultRoute = Route.to(IpPrefix.parse("0.0.0.0/0"))
                    .via(ip("192.168.100.254"))
                    .dev(index);
            final Route blackhole =
                    Route.blackhole(IpPrefix.parse("10.244.0.0/16")).metric(9);
            final Route v6 = Route.to(IpPrefix.parse("fd00:9::/48")).dev(index).metric(5);
            final Route connected = Route.to(IpPrefix.parse("192.168.100.0/24"))
                    .dev(index)
                    .src(ip("192.168.100.1"))
                    .protocol(Route.PROTOCOL_KERNEL);
            for (final Route expected : List.of(onlink, defaultRoute, blackhole, v6, connected)) {
                assertTrue(routes.contains(expected), () -> expected + " in " + routes);
            }
            final Route other = Route.to(IpPrefix.parse("10.1.0.0/16"))
                    .dev(index)
                    .src(ip("192.168.100.1"))
                    .table(1000)
                    .protocol(Route.PROTOCOL_STATIC);
            assertFalse(routes.contains(other));
            assertEquals(
                    List.of(defaultRoute), rtnetlink.routes(RouteFilter.main().onlyDefault()));
            assertEquals(List.of(blackhole), rtnetlink.routes(RouteFilter.main().type(RouteType.BLACKHOLE)));
            assertEquals(
                    Set.of(blackhole, v6),
                    Set.copyOf(rtnetlink.routes(RouteFilter.main()
                            .to(List.of(blackhole.destination(), v6.destination(), IpPrefix.parse("10.244.0.0/20"))))));
            assertEquals(List.of(), rtnetlink.routes(RouteFilter.main().to(List.of())));
            assertEquals(
                    List.of(other), rtnetlink.routes(RouteFilter.table(1000).protocol(Route.PROTOCOL_STATIC)));
            assertEquals(List.of(), rtnetlink.routes(RouteFilter.main().protocol(Route.PROTOCOL_STATIC)));
            assertTrue(rtnetlink.routes(RouteFilter.main().dev(index)).containsAll(List.of(onlink, v6)));
            assertEquals(List.of(), rtnetlink.routes(RouteFilter.main().dev(99)), "a device that is gone");
            assertEquals(List.of(other), rtnetlink.routes(RouteFilter.table(1000)));
            assertEquals(List.of(), rtnetlink.routes(RouteFilter.table(1001)));
            assertTrue(rtnetlink.routes(RouteFilter.table(Route.TABLE_LOCAL)).stream()
                    .anyMatch(route -> RouteType.LOCAL == route.type()
                            && "192.168.100.1/32".equals(route.destination().toString())));
        });
    }

    @Test
    void shouldKeepOneRouteOfEachKind() {
        for (int i = 0; i < 4; i++) {
            namespace.ip("route", "add", "10.1.0." + i, "dev", "u0", "metric", String.valueOf(i % 2));
        }
        namespace.ip("-6", "route", "add", "fd00:9::/48", "dev", "u0", "metric", "5");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final RouteFilter filter = RouteFilter.main().dev(index).protocol(Route.PROTOCOL_BOOT);
            assertEquals(5, rtnetlink.routes(filter).size());
            assertEquals(
                    List.of(
                            Route.to(IpPrefix.parse("10.1.0.0/32")).dev(index),
                            Route.to(IpPrefix.parse("10.1.0.1/32")).dev(index).metric(1),
                            Route.to(IpPrefix.parse("fd00:9::/48")).dev(index).metric(5)),
                    rtnetlink.routeOfEach(Route::metric, filter));
        });
    }

    @Test
    void shouldChangeRoutesSoThatIpShowsIt() {
        namespace.ip("addr", "add", "fd00:5::7/64", "dev", "u0", "nodad");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final Route flannels = Route.to(IpPrefix.parse("10.244.2.0/24"))
                    .via(ip("10.244.2.0"))
                    .dev(index)
                    .onlink();
            rtnetlink.replaceRoute(flannels);
            rtnetlink.replaceRoute(flannels);
            rtnetlink.replaceRoute(Route.blackhole(IpPrefix.parse("10.244.0.0/16")));
            rtnetlink.replaceRoute(Route.to(IpPrefix.parse("10.7.0.0/16"))
                    .dev(index)
                    .src(ip("192.168.100.1"))
                    .table(1000)
                    .protocol(Route.PROTOCOL_STATIC));
            final Route v6 = Route.to(IpPrefix.parse("fd00:10:244:2::/64"))
                    .via(ip("fd00:10:244:2::"))
                    .dev(index)
                    .onlink();
            rtnetlink.replaceRoute(v6);
            final String shown = namespace.ip("route", "show");
            assertTrue(shown.contains("10.244.2.0/24 via 10.244.2.0 dev u0 onlink"), shown);
            assertTrue(shown.contains("blackhole 10.244.0.0/16"), shown);
            assertTrue(namespace
                    .ip("route", "show", "table", "1000")
                    .contains("10.7.0.0/16 dev u0 proto static scope link src 192.168.100.1"));
            final String shownV6 = namespace.ip("-6", "route", "show");
            assertTrue(shownV6.contains("fd00:10:244:2::/64 via fd00:10:244:2:: dev u0"), shownV6);

            rtnetlink.replaceRoute(flannels.via(ip("10.244.2.9")));
            assertTrue(namespace.ip("route", "show").contains("10.244.2.0/24 via 10.244.2.9 dev u0 onlink"));
            assertFalse(rtnetlink.deleteRoute(flannels), "the gateway is another one");
            assertTrue(rtnetlink.deleteRoute(flannels.via(ip("10.244.2.9"))));
            assertTrue(rtnetlink.deleteRoute(v6));
            assertFalse(rtnetlink.deleteRoute(v6));
            assertFalse(namespace.ip("route", "show").contains("10.244.2.0/24"));
        });
    }

    @Test
    void shouldFindTheWayOfAPacket() {
        namespace.ip("route", "add", "10.0.0.0/8", "via", "192.168.100.254");
        namespace.ip("route", "add", "blackhole", "10.66.0.0/16");
        namespace.ip("addr", "add", "fd00:5::7/64", "dev", "u0", "nodad");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "u0").index();
            final Route far = rtnetlink.routeTo(ip("10.1.2.3"));
            assertEquals(index, far.linkIndex());
            assertEquals(ip("192.168.100.254"), far.gateway());
            assertEquals(ip("192.168.100.1"), far.source());
            assertEquals(Route.TABLE_MAIN, far.table());
            assertNull(rtnetlink.routeTo(ip("192.168.100.77")).gateway());
            assertEquals(RouteType.LOCAL, rtnetlink.routeTo(ip("192.168.100.1")).type());
            assertEquals(ip("fd00:5::7"), rtnetlink.routeTo(ip("fd00:5::9")).source());
            assertEquals(
                    List.of("10.0.0.0/8", "192.168.100.1/32", "fd00:5::/64"),
                    Stream.of("10.1.2.3", "192.168.100.1", "fd00:5::9")
                            .map(address -> rtnetlink
                                    .matchingRoute(ip(address))
                                    .destination()
                                    .toString())
                            .toList());
            assertEquals(
                    RouteType.LOCAL,
                    rtnetlink.matchingRoute(ip("192.168.100.1")).type());
            assertEquals(
                    Route.TABLE_MAIN, rtnetlink.matchingRoute(ip("10.1.2.3")).table());
            assertEquals(
                    Errno.ENETUNREACH,
                    assertThrows(LinuxException.class, () -> rtnetlink.routeTo(ip("11.1.2.3")))
                            .errno());
            assertEquals(
                    Errno.EINVAL,
                    assertThrows(LinuxException.class, () -> rtnetlink.routeTo(ip("10.66.2.3")))
                            .errno());
        });
    }

    @Test
    void shouldReadNeighboursAndFdbAsIpMadeThem() {
        namespace.ip("link", "add", "vx", "type", "vxlan", "id", "7", "dstport", "8472", "local", "192.168.100.1");
        namespace.ip("neigh", "add", "10.244.2.0", "lladdr", MAC.toString(), "dev", "vx", "nud", "permanent");
        namespace.ip("neigh", "add", "fd00:2::", "lladdr", MAC.toString(), "dev", "vx", "nud", "permanent");
        namespace.ip("neigh", "add", "192.168.100.9", "lladdr", MAC.toString(), "dev", "u0", "nud", "permanent");
        namespace.bridge("fdb", "add", MAC.toString(), "dev", "vx", "dst", "192.168.100.2");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "vx").index();
            final List<Neighbour> neighbours = rtnetlink.neighbours(index).stream()
                    .filter(Neighbour::permanent)
                    .toList();
            assertEquals(
                    List.of(new Neighbour(index, ip("10.244.2.0"), MAC), new Neighbour(index, ip("fd00:2::"), MAC)),
                    neighbours);
            // 'bridge' sets NUD_NOARP (0x40) beside NUD_PERMANENT.
            assertEquals(
                    List.of(new FdbEntry(index, MAC, ip("192.168.100.2"), 0x40 | Neighbour.PERMANENT, FdbEntry.SELF)),
                    rtnetlink.fdb(index));
        });
    }

    @Test
    void shouldChangeNeighboursAndFdbSoThatIpShowsIt() {
        namespace.ip("link", "add", "vx", "type", "vxlan", "id", "7", "dstport", "8472", "local", "192.168.100.1");
        withRtnetlink(rtnetlink -> {
            final int index = link(rtnetlink, "vx").index();
            final Neighbour neighbour = new Neighbour(index, ip("10.244.2.0"), MAC);
            final Neighbour neighbourV6 = new Neighbour(index, ip("fd00:2::"), MAC);
            final FdbEntry entry = new FdbEntry(index, MAC, ip("192.168.100.2"));
            rtnetlink.replaceNeighbour(new Neighbour(index, ip("10.244.2.0"), MacAddress.parse("02:00:00:00:00:01")));
            rtnetlink.replaceNeighbour(neighbour);
            rtnetlink.replaceNeighbour(neighbourV6);
            rtnetlink.replaceFdbEntry(new FdbEntry(index, MAC, ip("192.168.100.3")));
            rtnetlink.replaceFdbEntry(entry);
            final String neighbours = namespace.ip("neigh", "show", "dev", "vx");
            assertTrue(neighbours.contains("10.244.2.0 lladdr " + MAC + " PERMANENT"), neighbours);
            assertTrue(neighbours.contains("fd00:2:: lladdr " + MAC + " PERMANENT"), neighbours);
            final String fdb = namespace.bridge("fdb", "show", "dev", "vx");
            assertTrue(fdb.contains(MAC + " dst 192.168.100.2 self permanent"), fdb);
            assertFalse(fdb.contains("192.168.100.3"), fdb);
            assertTrue(rtnetlink.deleteNeighbour(neighbour));
            assertFalse(rtnetlink.deleteNeighbour(neighbour));
            assertTrue(rtnetlink.deleteNeighbour(neighbourV6));
            assertTrue(rtnetlink.deleteFdbEntry(entry));
            assertFalse(rtnetlink.deleteFdbEntry(entry));
            assertEquals("", namespace.bridge("fdb", "show", "dev", "vx"));
        });
    }

    @Test
    void shouldReadTheFdbThatABridgeHasForItsPort() {
        namespace.ip("link", "add", "br7", "type", "bridge");
        namespace.ip("link", "set", "u0", "master", "br7");
        namespace.bridge("fdb", "add", MAC.toString(), "dev", "u0", "master", "static");
        withRtnetlink(rtnetlink ->
                assertTrue(rtnetlink.fdb(link(rtnetlink, "u0").index()).stream()
                        .anyMatch(entry -> MAC.equals(entry.mac()) && null == entry.destination())));
    }
}
