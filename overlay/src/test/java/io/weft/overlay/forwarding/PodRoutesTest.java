/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.LoneNode;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** This node is 10.244.0.0/24 at 192.168.0.1. */
@RequiresRoot
class PodRoutesTest {
    private static final NetworkConfig CONFIG = LoneNode.config("10.244.0.0/16");
    private static final Lease OWN = LoneNode.own("10.244.0.0/24");
    private static final InetAddress PEER = inet("192.168.0.2");
    /** Within the cluster network: each subnet has a route of its own from then on. */
    private static final InetAddress COVERED = inet("10.244.2.7");

    private static final IpPrefix FIRST = IpPrefix.parse("10.244.1.0/24");
    private static final IpPrefix AROUND_COVERED = IpPrefix.parse("10.244.2.0/24");
    private static final IpPrefix THIRD = IpPrefix.parse("10.244.3.0/24");

    @TempDir
    private Path directory = Path.of(".");

    private final LoneNode node = new LoneNode("podroutes");

    @AfterEach
    void close() {
        node.close();
    }

    private static InetAddress inet(final String address) {
        return IpAddress.parse(address).toInetAddress();
    }

    private void withRoutes(final Consumer<PodRoutes> use) {
        node.namespace().run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                final Underlay underlay = LoneNode.underlay(rtnetlink);
                try (Forwarders forwarders = Forwarders.open(
                                LoneNode.options(directory), CONFIG, OWN, underlay, Descriptors.inherited(Map.of()));
                        GuardRoutes guards = new GuardRoutes(rtnetlink, 1, CONFIG.networks());
                        PodRoutes routes =
                                new PodRoutes(rtnetlink, CONFIG, OWN.key(), underlay, forwarders, guards, false)) {
                    routes.findDevices();
                    routes.repairDevices();
                    use.accept(routes);
                }
            }
        });
    }

    /** Which subnets have a guard. */
    private String guarded() {
        return node.namespace()
                .ip("route", "show", "type", "blackhole")
                .lines()
                .map(line -> line.replaceAll("^blackhole (\\S+) .*", "$1"))
                .sorted()
                .toList()
                .toString();
    }

    private static void add(final PodRoutes routes, final IpPrefix subnet, final InetAddress peer) {
        routes.add(subnet, UnderlayFamily.IPV4, peer);
    }

    @Test
    void shouldGuardASubnetWhenItsAddressIsNoPeersAnyMore() {
        withRoutes(routes -> {
            add(routes, FIRST, COVERED);
            add(routes, THIRD, PEER);
            routes.publish();
            assertEquals("[10.244.1.0/24, 10.244.3.0/24]", guarded());
            routes.remove(FIRST);
            add(routes, AROUND_COVERED, PEER);
            routes.publish();
            assertEquals("[10.244.2.0/24, 10.244.3.0/24]", guarded(), "the peer is gone");
        });
    }

    @Test
    void shouldGuardASubnetAsSoonAsNoPeerHasItsAddress() {
        withRoutes(routes -> {
            add(routes, FIRST, COVERED);
            add(routes, THIRD, COVERED);
            add(routes, AROUND_COVERED, PEER);
            routes.publish();
            assertEquals("[10.244.1.0/24, 10.244.3.0/24]", guarded());
            add(routes, FIRST, COVERED);
            add(routes, FIRST, PEER);
            routes.publish();
            assertEquals("[10.244.1.0/24, 10.244.3.0/24]", guarded(), "one has it still");
            add(routes, THIRD, PEER);
            routes.publish();
            assertEquals("[10.244.1.0/24, 10.244.2.0/24, 10.244.3.0/24]", guarded());
        });
    }

    /** Which is put right a moment later, while the routes of subnets would stay until weftd starts again. */
    @Test
    void shouldKeepTheOneRouteWhenSomebodyGivesTheTunnelsDeviceAWideAddress() {
        withRoutes(routes -> {
            add(routes, FIRST, PEER);
            routes.publish();
            node.namespace().ip("address", "add", "10.244.7.7/16", "dev", "weft.1", "noprefixroute");
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                routes.keepBridges(rtnetlink.addresses());
            }
            assertEquals("", node.namespace().ip("route", "show", "10.244.1.0/24"));
        });
    }

    @Test
    void shouldNeverGuardWhatTheHostNeedsItself() {
        withRoutes(routes -> {
            routes.keepReachable(Set.of(COVERED));
            add(routes, FIRST, COVERED);
            routes.remove(FIRST);
            add(routes, AROUND_COVERED, PEER);
            routes.publish();
            assertEquals("[]", guarded());
        });
    }
}
