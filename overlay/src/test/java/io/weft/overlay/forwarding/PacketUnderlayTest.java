/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class PacketUnderlayTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final Inet4Address ADDRESS =
            (Inet4Address) IpAddress.parse("192.168.0.1").toInetAddress();
    private static final NetworkConfig CONFIG = new NetworkConfig(
            IpPrefix.parse("10.244.0.0/16"),
            null,
            null,
            null,
            false,
            new BackendConfig(BackendType.VXLAN, 1, BackendConfig.PORT_DEFAULT, 0, false, false));
    private static final Lease OWN = new Lease(
            new LeaseKey(IpPrefix.parse("10.244.0.0/24"), null),
            new LeaseAttributes(ADDRESS, null, "vxlan", new VtepData(1, MAC), null));

    private final NetworkNamespace namespace = NetworkNamespace.create("packets");

    @AfterEach
    void close() {
        namespace.close();
    }

    /** As many as the namespace has, whoever holds them. */
    private static int packetSockets() throws IOException {
        return Files.readAllLines(Path.of("/proc/thread-self/net/packet")).size() - 1;
    }

    private static Forwarder.Settings settings() {
        final WeftOptions options = new WeftOptions();
        options.underlayPort = WeftOptions.UnderlayPort.PACKET;
        final int linkIndex;
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            linkIndex = rtnetlink.link("eth0").orElseThrow().index();
        }
        return new Forwarder.Settings(
                options,
                UnderlayFamily.IPV4,
                1450,
                CONFIG,
                OWN,
                new Underlay("eth0", linkIndex, 1500, ADDRESS, null, ADDRESS, null, Set.of(ADDRESS), false));
    }

    /** A start that fails is tried again every second. */
    @Test
    void shouldLeaveNoPacketSocketWhenSendingCannotBePrepared() {
        namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1");
        namespace.ip("address", "add", "192.168.0.1/24", "dev", "eth0");
        namespace.ip("link", "set", "eth0", "up");
        final int left = namespace.call(() -> {
            try (UnderlaySockets udp = UnderlaySockets.open(
                            ADDRESS, BackendConfig.PORT_DEFAULT, 1, 1, UnderlaySockets.BUFFER_LENGTH_DEFAULT);
                    RoutingTables tables =
                            new RoutingTables(new RoutingContext().vni(1).vtepMac(MAC))) {
                assertThrows(
                        IllegalStateException.class,
                        () -> PacketUnderlay.open(
                                settings(), udp, List.of(), tables, counter -> 0, () -> {}, remark -> {
                                    throw new IllegalStateException(remark);
                                }));
                return packetSockets();
            }
        });
        assertEquals(0, left);
    }
}
