/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.options.WeftOptions;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** This node is 10.244.0.0/24 at 192.168.0.1. */
@RequiresRoot
class PodRoutesTest {
    private static final NetworkConfig CONFIG = new NetworkConfig(
            IpPrefix.parse("10.244.0.0/16"),
            null,
            null,
            null,
            false,
            new BackendConfig(BackendType.VXLAN, 1, BackendConfig.PORT_DEFAULT, 0, false, false));
    private static final Inet4Address ADDRESS = inet("192.168.0.1");
    private static final Lease OWN = new Lease(
            new LeaseKey(IpPrefix.parse("10.244.0.0/24"), null),
            new LeaseAttributes(ADDRESS, null, "vxlan", new VtepData(1, MacAddress.parse("02:00:00:00:00:01")), null));
    private static final InetAddress PEER = inet("192.168.0.2");
    /** Within the cluster network: each subnet has a route of its own from then on. */
    private static final InetAddress COVERED = inet("10.244.2.7");

    private static final IpPrefix FIRST = IpPrefix.parse("10.244.1.0/24");
    private static final IpPrefix AROUND_COVERED = IpPrefix.parse("10.244.2.0/24");
    private static final IpPrefix THIRD = IpPrefix.parse("10.244.3.0/24");

    @TempDir
    private Path directory = Path.of(".");

    private final NetworkNamespace namespace = NetworkNamespace.create("podroutes");

    @AfterEach
    void close() {
        namespace.close();
    }

    private static Inet4Address inet(final String address) {
        return (Inet4Address) IpAddress.parse(address).toInetAddress();
    }

    private void withRoutes(final Consumer<PodRoutes> use) {
        namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1");
        namespace.ip("address", "add", "192.168.0.1/24", "dev", "eth0");
        namespace.ip("link", "set", "eth0", "up");
        namespace.ip("link", "set", "eth1", "up");
        namespace.run(() -> {
            final WeftOptions options = new WeftOptions();
            options.runDirectory = directory;
            options.tunnelOffload = WeftOptions.TunnelOffloading.OFF;
            options.underlayPort = WeftOptions.UnderlayPort.UDP;
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                final int linkIndex = rtnetlink.link("eth0").orElseThrow().index();
                final Underlay underlay =
                        new Underlay("eth0", linkIndex, 1500, ADDRESS, null, ADDRESS, null, Set.of(ADDRESS), false);
                try (Forwarders forwarders =
                                Forwarders.open(options, CONFIG, OWN, underlay, Descriptors.inherited(Map.of()));
                        GuardRoutes guards = new GuardRoutes(rtnetlink, 1, List.of(IpPrefix.parse("10.244.0.0/16")));
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
        return namespace
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
