/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The table that senders find next hops in. */
class NextHopsTest {
    private static final int PEERS = 10_000;
    private static final int FIRST = 0x0A00_0000;

    @Test
    void shouldFindEveryPeerAndNoOther() {
        final Map<IpAddress, NextHops.NextHop> peers = new HashMap<>();
        for (int i = 0; i < PEERS; i++) {
            peers.put(IpAddress.ofIpv4(FIRST + i), new NextHops.NextHop(0xFFFF_0000_0000L + i, 1_500 + i % 2));
        }
        final IpAddress ipv6 = IpAddress.parse("fd00::1");
        peers.put(ipv6, new NextHops.NextHop(1, 0x1_0000));
        final NextHops hops = new NextHops(7, 64, peers);
        for (int i = 0; i < PEERS; i++) {
            final IpAddress peer = IpAddress.ofIpv4(FIRST + i);
            final long hop = hops.find(peer.high(), peer.low());
            assertEquals(0xFFFF_0000_0000L + i, NextHops.mac(hop));
            assertEquals(1_500 + i % 2, NextHops.mtu(hop));
        }
        assertEquals(1, NextHops.mac(hops.find(ipv6.high(), ipv6.low())));
        assertEquals(0xFFFF, NextHops.mtu(hops.find(ipv6.high(), ipv6.low())));
        assertEquals(PEERS + 1, hops.size());
        final IpAddress stranger = IpAddress.ofIpv4(FIRST - 1);
        assertEquals(NextHops.ABSENT, hops.find(stranger.high(), stranger.low()));
    }

    @Test
    void shouldFindNobodyWhenThereIsNobody() {
        assertEquals(NextHops.ABSENT, NextHops.NONE.find(0, 0));
        assertEquals(0, NextHops.mtu(NextHops.ABSENT));
    }
}
