/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.LoneNode;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class PacketUnderlayTest {
    private final LoneNode node = new LoneNode("packets");

    @AfterEach
    void close() {
        node.close();
    }

    /** As many as the namespace has, whoever holds them. */
    private static int packetSockets() throws IOException {
        return Files.readAllLines(Path.of("/proc/thread-self/net/packet")).size() - 1;
    }

    private static Forwarder.Settings settings() {
        final WeftOptions options = new WeftOptions();
        options.underlayPort = WeftOptions.UnderlayPort.PACKET;
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            return new Forwarder.Settings(
                    options,
                    UnderlayFamily.IPV4,
                    1450,
                    LoneNode.config("10.244.0.0/16"),
                    LoneNode.own("10.244.0.0/24"),
                    LoneNode.underlay(rtnetlink));
        }
    }

    /** A start that fails is tried again every second. */
    @Test
    void shouldLeaveNoPacketSocketWhenSendingCannotBePrepared() {
        final int left = node.namespace().call(() -> {
            try (UnderlaySockets udp = UnderlaySockets.open(
                            LoneNode.ADDRESS, BackendConfig.PORT_DEFAULT, 1, 1, UnderlaySockets.BUFFER_LENGTH_DEFAULT);
                    RoutingTables tables =
                            new RoutingTables(new RoutingContext().vni(1).vtepMac(LoneNode.VTEP_MAC))) {
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
