/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RoutingTablesTest {
    private static final long OWN_MAC = MacAddress.parse("5e:00:53:00:00:01");
    private static final long PEER_MAC = MacAddress.parse("5e:00:53:00:00:02");
    private static final long OTHER_MAC = MacAddress.parse("5e:00:53:00:00:03");
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
        assertEquals("0800000000000100" + "5e0053000002" + "5e0053000001" + "0800", explanation.tunnelHeader());
        assertFalse(tables.explain(address("10.244.2.7")).isForwarded());
        assertNull(tables.explain(address("10.244.2.7")).route());
    }

    @Test
    void shouldRefuseAndKeepTablesWhenEntryIsBad() {
        addPeer();
        tables.publish();
        final Exception duplicate =
                assertThrows(IllegalArgumentException.class, () -> tables.addRoute(SUBNET, address("10.244.9.0")));
        assertTrue(String.valueOf(duplicate.getMessage()).contains("10.244.1.0/24"), duplicate::toString);
        final Exception own = assertThrows(IllegalArgumentException.class, () -> tables.addFdb(OTHER_MAC, OWN));
        assertTrue(String.valueOf(own.getMessage()).contains("5e:00:53:00:00:03 dst 192.0.2.1"), own::toString);
        tables.publish();
        assertTrue(tables.explain(address("10.244.1.7")).isForwarded());
    }
}
