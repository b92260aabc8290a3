/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What tables take, which is the same on every machine. What they cost in time is in {@code ./weft bench --only=budgets}. */
class RoutingMemoryTest {
    private static final int NODES = 10_000;
    private static final int INTERNET = 900_000;
    private static final long MEBIBYTE = 1 << 20;

    private static RoutingTables newTables() {
        return new RoutingTables(new RoutingContext().vtepMac(new MacAddress(0x5e_0000_0000_01L)));
    }

    private static InetAddress ipv4(final int address) {
        return IpAddress.ofIpv4(address).toInetAddress();
    }

    private static IpPrefix nodeSubnet(final int node) {
        return new IpPrefix(IpAddress.ofIpv4(10 << 24 | node << 8), 24);
    }

    /** A node as a lease brings it: route, neighbour, FDB entry. */
    private static void addNode(final RoutingTables tables, final int node) {
        final InetAddress gateway = ipv4(10 << 24 | node << 8);
        tables.addRoute(nodeSubnet(node), gateway);
        tables.addNeighbour(gateway, new MacAddress(0x5e_0001_0000_00L + node));
        tables.addFdb(new MacAddress(0x5e_0001_0000_00L + node), ipv4(0xc0a8_0000 + node + 1));
    }

    @Test
    void shouldTakeLittleMemoryWhenNodesAreFew() {
        try (RoutingTables tables = newTables()) {
            final long empty = tables.memoryLength();
            for (int node = 0; node < 10; node++) {
                addNode(tables, node);
            }
            tables.publish();
            assertTrue(empty < MEBIBYTE / 8, () -> "empty: " + empty);
            assertTrue(tables.memoryLength() < MEBIBYTE / 8, () -> "10 nodes: " + tables.memoryLength());
        }
    }

    @Test
    void shouldTakeSixMegabytesAtMostWhenNodesAreTenThousand() {
        try (RoutingTables tables = newTables()) {
            for (int node = 0; node < NODES; node++) {
                addNode(tables, node);
            }
            tables.publish();
            assertTrue(tables.memoryLength() < 6 * MEBIBYTE, () -> "10 000 nodes: " + tables.memoryLength());
        }
    }

    @Test
    void shouldTakeSixtyFourMegabytesAtMostWhenRoutesAreThoseOfTheInternet() {
        final SplittableRandom random = new SplittableRandom(4);
        final InetAddress[] gateways = new InetAddress[128];
        for (int i = 0; i < gateways.length; i++) {
            gateways[i] = ipv4(0xc0a8_0001 + i);
        }
        final Set<IpPrefix> distinct = new LinkedHashSet<>();
        while (distinct.size() < INTERNET) {
            final int length = random.nextInt(10) < 6 ? 24 : 10 + random.nextInt(15);
            distinct.add(IpPrefix.containing(IpAddress.ofIpv4(random.nextInt()), length));
        }
        final List<IpPrefix> prefixes = List.copyOf(distinct);
        try (RoutingTables tables = newTables()) {
            for (int i = 0; i < INTERNET; i++) {
                tables.addRoute(prefixes.get(i), gateways[i % gateways.length]);
            }
            tables.publish();
            assertEquals(INTERNET, tables.routeCount());
            assertTrue(tables.memoryLength() < 64 * MEBIBYTE, () -> "takes " + tables.memoryLength() + " bytes");
        }
    }
}
