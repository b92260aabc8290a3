/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.LoneNode;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.RoutingTables;
import java.lang.management.ManagementFactory;
import java.net.Inet4Address;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** This node is 10.32.0.0/24 at 192.168.0.1, node N has the Nth /24 after it. */
@RequiresRoot
class LeaseTableTest {
    private static final NetworkConfig CONFIG = LoneNode.config("10.32.0.0/11");
    private static final Lease OWN = LoneNode.own("10.32.0.0/24");
    private static final IpAddress FIRST = IpAddress.parse("198.18.0.0");
    /** Of a node that has moved. */
    private static final IpAddress FIRST_LATER = IpAddress.parse("198.19.0.0");

    private static final int CHANGES = 200;
    /** In a table of twice as many rows, a page more may be touched; all else is for what has changed. */
    private static final int FACTOR = 2;

    @TempDir
    private Path directory = Path.of(".");

    private final LoneNode self = new LoneNode("leases");
    private final NetworkNamespace namespace = self.namespace();

    @AfterEach
    void close() {
        self.close();
    }

    private static Lease lease(final int node, final IpAddress publicIp) {
        return lease(node, publicIp, node);
    }

    private static Lease lease(final int node, final IpAddress publicIp, final int mac) {
        return new Lease(
                new LeaseKey(new IpPrefix(base(node), 24), null),
                new LeaseAttributes(
                        (Inet4Address) publicIp.toInetAddress(),
                        null,
                        "vxlan",
                        new VtepData(1, new MacAddress(0x0200_0000_0000L + mac)),
                        null));
    }

    private static IpAddress base(final int node) {
        return IpAddress.parse("10.32.0.0").plus((long) node << 8);
    }

    /** What is done with a table, and the forwarders that it fills. */
    private interface Use<T> {
        T of(LeaseTable table, Forwarders forwarders);
    }

    private <T> T withTable(final Use<T> use) {
        final WeftOptions options = LoneNode.options(directory);
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final Underlay underlay = LoneNode.underlay(rtnetlink);
            try (Forwarders forwarders =
                            Forwarders.open(options, CONFIG, OWN, underlay, Descriptors.inherited(Map.of()));
                    GuardRoutes guards = new GuardRoutes(rtnetlink, 1, CONFIG.networks());
                    PodRoutes routes =
                            new PodRoutes(rtnetlink, CONFIG, OWN.key(), underlay, forwarders, guards, false)) {
                routes.findDevices();
                routes.repairDevices();
                return use.of(new LeaseTable(CONFIG, OWN.key(), forwarders, routes, options), forwarders);
            }
        }
    }

    /** What a node has to collect after one lease of many has changed does not grow with their number. */
    @Test
    void shouldLeaveAsMuchToCollectHoweverManyLeasesThereAre() {
        final long few = namespace.call(() -> withTable((table, forwarders) -> bytesPerChange(table, 50)));
        final long many = namespace.call(() -> withTable((table, forwarders) -> bytesPerChange(table, 5000)));
        assertTrue(many <= FACTOR * few, () -> "one lease changed of 5000: " + many + " B, of 50: " + few + " B");
    }

    private static long bytesPerChange(final LeaseTable table, final int nodes) {
        table.snapshot(IntStream.rangeClosed(1, nodes)
                .mapToObj(node -> lease(node, FIRST.plus(node)))
                .toList());
        assertTrue(table.publish());
        assertEquals(nodes, table.size());
        final List<Lease> changed = IntStream.rangeClosed(1, 2 * CHANGES)
                .mapToObj(i -> lease(1 + i * 911 % nodes, FIRST_LATER.plus(i)))
                .toList();
        // What is made once, as by a growing table or the first use of a class, is made by the first half.
        change(table, changed.subList(0, CHANGES));
        return change(table, changed.subList(CHANGES, 2 * CHANGES)) / CHANGES;
    }

    private static long change(final LeaseTable table, final List<Lease> changed) {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final long before = threads.getCurrentThreadAllocatedBytes();
        for (final Lease lease : changed) {
            table.put(lease);
            table.publish();
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    /** It is in use by the node whose lease came last; a lease that is there still has it again when that one goes. */
    @Test
    void shouldGiveAMacBackToTheLeaseThatHadItBefore() {
        namespace.run(() -> withTable((table, forwarders) -> {
            table.snapshot(List.of(lease(1, FIRST.plus(1), 7), lease(2, FIRST.plus(2), 7)));
            table.put(lease(3, FIRST.plus(3), 7));
            assertEquals(FIRST.plus(3), underlay(table, forwarders, 1));
            table.remove(lease(2, FIRST.plus(2), 7).key());
            assertEquals(FIRST.plus(3), underlay(table, forwarders, 1));
            table.put(lease(3, FIRST.plus(3), 8));
            assertEquals(FIRST.plus(1), underlay(table, forwarders, 1));
            assertEquals(FIRST.plus(3), underlay(table, forwarders, 3));
            table.remove(lease(1, FIRST.plus(1), 7).key());
            assertNull(underlay(table, forwarders, 1));
            return table.size();
        }));
    }

    /** Machines made from one image have one MAC: the kernel's FDB has it once as well, and nothing says why pods are not reached. */
    @Test
    void shouldTellOfALeaseWhoseMacAnotherNodeHas() {
        namespace.run(() -> withTable((table, forwarders) -> {
            table.snapshot(List.of(lease(1, FIRST.plus(1), 7), lease(2, FIRST.plus(2), 8)));
            table.publish();
            assertEquals(Map.of(), table.contested());
            table.put(lease(3, FIRST.plus(3), 7));
            table.put(lease(4, FIRST.plus(2), 8)); // one node with two leases
            table.publish();
            final LeaseKey first = lease(1, FIRST).key();
            assertEquals(Set.of(first), table.contested().keySet());
            final String fault = Objects.requireNonNull(table.contested().get(first));
            assertTrue(
                    fault.startsWith("has VtepMAC 02:00:00:00:00:07, as 10.32.3.0-24 has, which came later:")
                            && fault.contains(", " + FIRST.plus(3) + ". "),
                    fault);
            table.put(lease(3, FIRST.plus(3), 9));
            table.publish();
            assertEquals(Map.of(), table.contested());
            return table.size();
        }));
    }

    /** Of two that begin at one address as well, which the next hop is made of. */
    @Test
    void shouldSendToTheNodeOfTheNarrowerSubnetAndTellOfBoth() {
        namespace.run(() -> withTable((table, forwarders) -> {
            final Lease wide = lease("10.32.4.0-22", 9);
            final Lease within = lease(5, FIRST.plus(5));
            final Lease atItsBase = lease(4, FIRST.plus(4));
            table.snapshot(List.of(within, wide, atItsBase, lease(8, FIRST.plus(8))));
            assertEquals(FIRST.plus(4), underlay(table, forwarders, 4));
            assertEquals(FIRST.plus(5), underlay(table, forwarders, 5));
            assertEquals(FIRST.plus(9), underlay(table, forwarders, 6));
            assertEquals(Set.of(wide.key()), table.contested().keySet());
            final String fault = Objects.requireNonNull(table.contested().get(wide.key()));
            assertTrue(
                    fault.startsWith("of the node " + FIRST.plus(9) + " overlaps 10.32.4.0-24 of the node "
                            + FIRST.plus(4) + ", 10.32.5.0-24 of the node " + FIRST.plus(5) + ": "),
                    fault);
            table.remove(atItsBase.key());
            assertEquals(FIRST.plus(9), underlay(table, forwarders, 4));
            table.put(atItsBase);
            table.remove(wide.key());
            assertEquals(FIRST.plus(4), underlay(table, forwarders, 4));
            assertNull(underlay(table, forwarders, 6));
            assertEquals(Map.of(), table.contested());
            table.put(lease("10.32.8.0-22", 8)); // one node with two leases
            table.publish();
            assertEquals(Map.of(), table.contested());
            return table.size();
        }));
    }

    /** Leases of one and of two IP versions have keys of their own, and one subnet may be in both: the kernel's route of it is one. */
    @Test
    void shouldGiveASubnetBackToTheLeaseThatHasItAsWell() {
        namespace.run(() -> withTable((table, forwarders) -> {
            final Lease first = lease(4, FIRST.plus(4));
            final Lease later = lease("10.32.4.0-24&fd00:5::-64", 5);
            table.snapshot(List.of(first, later, lease(8, FIRST.plus(8))));
            assertEquals(FIRST.plus(5), underlay(table, forwarders, 4));
            assertEquals(Set.of(first.key()), table.contested().keySet());
            final String fault = Objects.requireNonNull(table.contested().get(first.key()));
            assertTrue(
                    fault.startsWith("of the node " + FIRST.plus(4)
                            + " has 10.32.4.0/24, as 10.32.4.0-24&fd00:5::-64 of the node " + FIRST.plus(5)
                            + " has, which came later: "),
                    fault);
            table.remove(later.key());
            assertEquals(FIRST.plus(4), underlay(table, forwarders, 4));
            assertEquals(Map.of(), table.contested());
            table.put(later);
            table.remove(first.key());
            assertEquals(FIRST.plus(5), underlay(table, forwarders, 4));
            assertEquals(Map.of(), table.contested());
            table.remove(later.key());
            assertNull(underlay(table, forwarders, 4));
            return table.size();
        }));
    }

    /** A lease that gets its subnet back has not come anew: its MAC stays with the node whose lease came after it. */
    @Test
    void shouldLeaveAMacToTheNewerLeaseWhenTheOlderGetsItsSubnetBack() {
        namespace.run(() -> withTable((table, forwarders) -> {
            final Lease first = lease(4, FIRST.plus(4), 7);
            final Lease sameSubnet = lease("10.32.4.0-24&fd00:5::-64", 5);
            final Lease sameMac = lease(3, FIRST.plus(3), 7);
            table.snapshot(List.of(first, sameSubnet));
            table.put(sameMac);
            table.remove(sameSubnet.key());
            assertEquals(FIRST.plus(3), underlay(table, forwarders, 3));
            assertEquals(Set.of(first.key()), table.contested().keySet());
            table.remove(sameMac.key());
            assertEquals(FIRST.plus(4), underlay(table, forwarders, 4));
            return table.size();
        }));
    }

    private static Lease lease(final String key, final int node) {
        return new Lease(LeaseKey.parse(key), lease(node, FIRST.plus(node)).attributes());
    }

    private static @Nullable IpAddress underlay(final LeaseTable table, final Forwarders forwarders, final int node) {
        table.publish();
        final RoutingTables tables = Objects.requireNonNull(forwarders.tables(UnderlayFamily.IPV4));
        return tables.explain(base(node).toInetAddress()).underlay();
    }
}
