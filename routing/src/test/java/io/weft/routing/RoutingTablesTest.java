/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RoutingTablesTest {
    private static final MacAddress OWN_MAC = MacAddress.parse("5e:00:53:00:00:01");
    private static final MacAddress PEER_MAC = MacAddress.parse("5e:00:53:00:00:02");
    private static final MacAddress OTHER_MAC = MacAddress.parse("5e:00:53:00:00:03");
    private static final IpPrefix SUBNET = IpPrefix.parse("10.244.1.0/24");
    private static final InetAddress GATEWAY = address("10.244.1.0");
    private static final InetAddress PEER = address("192.0.2.2");
    private static final InetAddress OWN = address("192.0.2.1");

    private final RoutingTables tables =
            new RoutingTables(new RoutingContext().vtepMac(OWN_MAC).addUnderlayAddress(OWN));

    private static InetAddress address(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    private void addPeer() {
        tables.addRoute(SUBNET, GATEWAY);
        tables.addNeighbour(GATEWAY, PEER_MAC);
        tables.addFdb(PEER_MAC, PEER);
    }

    @AfterEach
    void close() {
        tables.close();
    }

    @Test
    void shouldFindNoRouteWhenEmpty() {
        final RoutingReader reader = tables.newReader();
        final RoutingSnapshot snapshot = reader.acquire();
        assertEquals(RoutingSnapshot.NO_ROUTE, snapshot.lookup4(0x0af40101));
        assertEquals(RoutingSnapshot.NO_ROUTE, snapshot.lookup6(0xfd00L << 48, 1));
        reader.release();
    }

    @Test
    void shouldShowChangesWhenPublishedAndNotBefore() {
        final RoutingReader reader = tables.newReader();
        addPeer();
        assertEquals(RoutingSnapshot.NO_ROUTE, reader.acquire().lookup4(0x0af40101));
        reader.release();
        tables.publish();
        final RoutingSnapshot snapshot = reader.acquire();
        final int nextHop = snapshot.lookup4(0x0af40101);
        assertNotEquals(RoutingSnapshot.NO_ROUTE, nextHop);
        assertEquals(RewriteBlock.RESOLVED, RewriteBlock.state(snapshot.rewriteBlocks(), RewriteBlock.offset(nextHop)));
        reader.release();
    }

    @Test
    void shouldExplainEachStepWhenResolved() {
        addPeer();
        tables.publish();
        final Explanation explanation = tables.explain(address("10.244.1.7"));
        assertTrue(explanation.isForwarded());
        assertEquals(SUBNET, explanation.route());
        assertEquals(IpAddress.of(GATEWAY), explanation.gateway());
        assertEquals(PEER_MAC, explanation.neighbourMac());
        assertEquals(IpAddress.of(PEER), explanation.underlay());
        assertEquals(RoutingContext.UNDERLAY_PORT_DEFAULT, explanation.underlayPort());
        assertTrue(
                explanation
                        .toString()
                        .endsWith(
                                "\n  rewrite    next hop 0: 22 bytes in front of the packet: VXLAN flags 0x08 vni 1, Ethernet from"
                                        + " 5e:00:53:00:00:01 to 5e:00:53:00:00:02 type IPv4"),
                explanation::toString);
        assertFalse(tables.explain(address("10.244.2.7")).isForwarded());
        assertNull(tables.explain(address("10.244.2.7")).route());
    }

    /** Gateways share MACs, MACs underlay addresses, and each of the three comes and goes. */
    @Test
    void shouldTellOfPeersThatComeAndGo() {
        final Random random = new Random(15);
        final Set<IpAddress> told = new HashSet<>();
        for (int i = 0; i < 2_000; i++) {
            for (int changes = random.nextInt(3); changes >= 0; changes--) {
                changeOneOfEight(random);
            }
            tables.publish();
            tables.takePeerChanges((peer, isPresent) -> {
                if (isPresent) {
                    told.add(peer);
                } else {
                    told.remove(peer);
                }
            });
            final Set<IpAddress> reached = new HashSet<>();
            tables.eachRoute((prefix, gateway) -> Optional.of(
                            tables.explain(prefix.base().toInetAddress()))
                    .filter(Explanation::isForwarded)
                    .ifPresent(explanation -> reached.add(explanation.underlay())));
            assertEquals(reached, told);
            assertEquals(reached.size(), tables.peerCount());
        }
    }

    private void changeOneOfEight(final Random random) {
        final IpAddress base = IpAddress.parse("10.244.0.0").plus((long) random.nextInt(8) << 8);
        final InetAddress gateway =
                IpAddress.parse("10.244.0.0").plus(random.nextInt(8)).toInetAddress();
        final MacAddress mac = new MacAddress(PEER_MAC.value() + random.nextInt(8));
        final InetAddress underlay = IpAddress.of(PEER).plus(random.nextInt(8)).toInetAddress();
        switch (random.nextInt(6)) {
            case 0 -> tables.removeRoute(new IpPrefix(base, 24));
            case 1 -> tables.removeNeighbour(gateway);
            case 2 -> tables.removeFdb(mac);
            case 3 -> tables.replaceRoute(new IpPrefix(base, 24), gateway);
            case 4 -> tables.replaceNeighbour(gateway, mac);
            default -> tables.replaceFdb(mac, underlay, RoutingTables.DEFAULT_PORT, RoutingTables.DEFAULT_VNI);
        }
    }

    @Test
    void shouldLeadStraightToTheUnderlayAddressWhenNothingIsEncapsulated() {
        final RoutingContext context = new RoutingContext()
                .encapsulation(Encapsulation.BARE_IP)
                .underlayPort(8285)
                .addUnderlayAddress(OWN);
        try (RoutingTables bare = new RoutingTables(context)) {
            bare.addRoute(SUBNET, PEER);
            bare.publish();
            final Explanation explanation = bare.explain(address("10.244.1.7"));
            assertTrue(explanation.isForwarded());
            assertEquals(IpAddress.of(PEER), explanation.gateway());
            assertEquals(IpAddress.of(PEER), explanation.underlay());
            assertEquals(8285, explanation.underlayPort());
            assertEquals(
                    "10.244.1.7\n  route      10.244.1.0/24 via 192.0.2.2 port 8285"
                            + "\n  rewrite    next hop 0: nothing in front of the packet",
                    explanation.toString());
            bare.replaceRoute(SUBNET, address("192.0.2.3"));
            bare.publish();
            assertEquals(
                    IpAddress.parse("192.0.2.3"),
                    bare.explain(address("10.244.1.7")).underlay());
            assertThrows(IllegalArgumentException.class, () -> bare.replaceRoute(SUBNET, OWN));
            assertThrows(IllegalArgumentException.class, () -> bare.replaceRoute(SUBNET, address("2001:db8::1")));
            assertThrows(IllegalArgumentException.class, () -> bare.addRoute(IpPrefix.parse("2001:db8::/64"), PEER));
        }
    }

    @Test
    void shouldNameWhatIsMissingWhenNotResolved() {
        tables.addRoute(SUBNET, GATEWAY);
        tables.publish();
        assertEquals(RewriteBlock.NO_NEIGHBOUR, state());
        tables.addNeighbour(GATEWAY, PEER_MAC);
        tables.publish();
        assertEquals(RewriteBlock.NO_FDB, state());
        tables.addFdb(PEER_MAC, PEER);
        tables.publish();
        assertEquals(RewriteBlock.RESOLVED, state());
        assertTrue(tables.removeFdb(PEER_MAC));
        tables.publish();
        assertEquals(RewriteBlock.NO_FDB, state());
        assertTrue(tables.removeNeighbour(GATEWAY));
        tables.publish();
        assertEquals(RewriteBlock.NO_NEIGHBOUR, state());
        assertTrue(tables.removeRoute(SUBNET));
        tables.publish();
        assertEquals(
                RoutingSnapshot.NO_ROUTE, tables.explain(address("10.244.1.7")).nextHop());
    }

    private int state() {
        return RewriteBlock.state(tables.explain(address("10.244.1.7")).block(), 0);
    }

    @Test
    void shouldCarrySocketAddressOfEitherFamilyWhenResolved() {
        addPeer();
        tables.publish();
        final DirectBuffer ipv4 = tables.explain(address("10.244.1.7")).block();
        assertEquals(RewriteBlock.SOCKADDR_IN_LENGTH, RewriteBlock.sockaddrLength(ipv4, 0));
        assertEquals("0200" + "2118" + "c0000202" + "0000000000000000", hex(ipv4, RewriteBlock.SOCKADDR_IN_LENGTH));

        tables.replaceFdb(PEER_MAC, address("2001:db8::2"), 4789, 70_000);
        tables.publish();
        final Explanation explanation = tables.explain(address("10.244.1.7"));
        final DirectBuffer ipv6 = explanation.block();
        assertEquals(RewriteBlock.SOCKADDR_IN6_LENGTH, RewriteBlock.sockaddrLength(ipv6, 0));
        assertEquals(IpFamily.IPV6.socketFamily(), RewriteBlock.underlayFamily(ipv6, 0));
        assertEquals(
                "0a00" + "12b5" + "00000000" + "20010db8000000000000000000000002" + "00000000",
                hex(ipv6, RewriteBlock.SOCKADDR_IN6_LENGTH));
        assertEquals(70_000, explanation.vni());
        assertEquals(4789, explanation.underlayPort());
    }

    private static String hex(final DirectBuffer block, final int length) {
        final byte[] bytes = new byte[length];
        block.getBytes(RewriteBlock.SOCKADDR_OFFSET, bytes);
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void shouldRouteIpv6ByItsGatewayWhenPublished() {
        final InetAddress gateway = address("fd00:10:244:1::");
        tables.addRoute(IpPrefix.parse("fd00:10:244:1::/64"), gateway);
        tables.addNeighbour(gateway, PEER_MAC);
        tables.addFdb(PEER_MAC, PEER);
        tables.publish();
        final Explanation explanation = tables.explain(address("fd00:10:244:1::7"));
        assertTrue(explanation.isForwarded());
        assertEquals(IpAddress.of(gateway), explanation.gateway());
        assertFalse(tables.explain(address("fd00:10:244:2::7")).isForwarded());
    }

    static Stream<Arguments> badEntries() {
        return Stream.of(
                bad("10.244.1.0/24 via 10.244.9.0", tables -> tables.addRoute(SUBNET, address("10.244.9.0"))),
                bad(
                        "10.244.2.0/24 via 224.0.0.1",
                        tables -> tables.addRoute(IpPrefix.parse("10.244.2.0/24"), address("224.0.0.1"))),
                bad(
                        "10.244.2.0/24 via 0.0.0.0",
                        tables -> tables.addRoute(IpPrefix.parse("10.244.2.0/24"), address("0.0.0.0"))),
                bad("neighbour 10.244.1.0", tables -> tables.addNeighbour(GATEWAY, OTHER_MAC)),
                bad("neighbour 10.244.2.0", tables -> tables.addNeighbour(address("10.244.2.0"), new MacAddress(0))),
                bad("neighbour ff02::1", tables -> tables.addNeighbour(address("ff02::1"), OTHER_MAC)),
                bad(
                        "neighbour 10.244.2.0: 01:00:5e:00:00:01 is a multicast MAC",
                        tables -> tables.addNeighbour(address("10.244.2.0"), MacAddress.parse("01:00:5e:00:00:01"))),
                bad("5e:00:53:00:00:02 dst 192.0.2.3", tables -> tables.addFdb(PEER_MAC, address("192.0.2.3"))),
                bad("5e:00:53:00:00:03 dst 192.0.2.1", tables -> tables.addFdb(OTHER_MAC, OWN)),
                bad("5e:00:53:00:00:03 dst 239.0.0.1", tables -> tables.addFdb(OTHER_MAC, address("239.0.0.1"))),
                bad(
                        "5e:00:53:00:00:03 dst 255.255.255.255",
                        tables -> tables.addFdb(OTHER_MAC, address("255.255.255.255"))),
                bad(
                        "00:00:00:00:00:00 dst 192.0.2.3",
                        tables -> tables.addFdb(new MacAddress(0), address("192.0.2.3"))),
                bad(
                        "ff:ff:ff:ff:ff:ff dst 192.0.2.3",
                        tables -> tables.addFdb(MacAddress.parse("ff:ff:ff:ff:ff:ff"), address("192.0.2.3"))),
                bad("port 65536", tables -> tables.addFdb(OTHER_MAC, address("192.0.2.3"), 65_536, 1)),
                bad("vni 16777216", tables -> tables.addFdb(OTHER_MAC, address("192.0.2.3"), 0, 1 << 24)));
    }

    private static Arguments bad(final String named, final Consumer<RoutingTables> attempt) {
        return Arguments.of(named, attempt);
    }

    @ParameterizedTest
    @MethodSource("badEntries")
    void shouldNameTheEntryAndKeepTablesWhenItIsBad(final String named, final Consumer<RoutingTables> attempt) {
        addPeer();
        tables.publish();
        final long version = tables.current().version();
        final Exception refused = assertThrows(IllegalArgumentException.class, () -> attempt.accept(tables));
        assertTrue(String.valueOf(refused.getMessage()).contains(named), refused::toString);
        tables.publish();
        assertEquals(version, tables.current().version(), "nothing was to be published");
        assertTrue(tables.explain(address("10.244.1.7")).isForwarded());
    }

    @Test
    void shouldNameTheSettingWhenContextIsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> new RoutingTables(new RoutingContext()));
        final Exception vni = assertThrows(
                IllegalArgumentException.class,
                () -> new RoutingTables(new RoutingContext().vtepMac(OWN_MAC).vni(1 << 24)));
        assertTrue(String.valueOf(vni.getMessage()).contains("vni 16777216"), vni::toString);
    }

    @Test
    void shouldKeepMemoryWhenAReaderHoldsIt() {
        addPeer();
        tables.publish();
        final RoutingReader reader = tables.newReader();
        reader.acquire();
        tables.removeRoute(SUBNET);
        tables.publish();
        assertEquals(1, tables.reclaim());
        assertThrows(IllegalStateException.class, tables::close);
        reader.release();
        assertEquals(0, tables.reclaim());
    }
}
