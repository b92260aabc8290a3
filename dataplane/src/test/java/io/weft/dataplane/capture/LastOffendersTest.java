/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Nobody looks at the packets here: what is dropped is kept all the same. */
class LastOffendersTest {
    private static final byte[] NO_PACKET = {0, 1, 2};

    private final Tap tap = new Tap(new Captures(), 0);

    private static InetAddress inet(final String address) {
        return IpAddress.parse(address).toInetAddress();
    }

    private static byte[] packet(final String source, final String destination) {
        return CraftedPacket.udp(inet(source), inet(destination), 1, 2, new byte[8])
                .bytes();
    }

    private void show(
            final Direction direction,
            final @Nullable DropReason reason,
            final @Nullable String peer,
            final byte[] packet) {
        final UnsafeBuffer memory = new UnsafeBuffer(BufferUtil.allocateDirectAligned(256, 64));
        memory.putBytes(0, packet);
        tap.begin(Step.RECEIVED, Tap.NO_SEQUENCE, direction, reason, 1, 0);
        if (null != peer) {
            final IpAddress address = IpAddress.parse(peer);
            tap.peer(inet(peer).getAddress().length == 4, address.high(), address.low(), 8472, 0);
        }
        tap.show(memory, 0, packet.length, 0);
    }

    private List<String> taken() {
        final List<String> taken = new ArrayList<>();
        tap.offenders().take(offender -> taken.add(offender.reason() + " " + offender.addresses()));
        return taken;
    }

    @Test
    void shouldKeepWhatWasDroppedLastUntilItIsTaken() {
        show(Direction.EGRESS, DropReason.IP_OUTNOROUTES, null, packet("10.244.0.2", "10.244.77.1"));
        show(Direction.EGRESS, DropReason.IP_OUTNOROUTES, null, packet("10.244.0.2", "10.244.77.7"));
        show(Direction.EGRESS, DropReason.UNDERLAY_REFUSED, "192.168.100.2", packet("10.244.0.2", "10.244.1.2"));
        show(Direction.INGRESS, DropReason.OWN_SUBNET_SOURCE, "2001:db8::7", packet("fd00::8", "fd00::9"));
        show(Direction.INGRESS, DropReason.PKT_TOO_SMALL, "192.168.100.9", NO_PACKET);
        show(Direction.INGRESS, DropReason.HOST_DOWN, null, packet("10.244.1.2", "10.244.0.2"));
        show(Direction.EGRESS, DropReason.IP_INHDR, null, NO_PACKET); // from whom is in no packet
        show(Direction.EGRESS, null, "192.168.100.3", packet("10.244.0.2", "10.244.2.2")); // not dropped
        assertEquals(
                List.of(
                        "IP_OUTNOROUTES 10.244.0.2 > 10.244.77.7",
                        "UNDERLAY_REFUSED 10.244.0.2 > 10.244.1.2, to 192.168.100.2",
                        "PKT_TOO_SMALL 192.168.100.9",
                        "HOST_DOWN 10.244.1.2 > 10.244.0.2",
                        "OWN_SUBNET_SOURCE 2001:db8::7, inside fd00::8 > fd00::9"),
                taken());
        assertEquals(List.of(), taken(), "they were taken");
    }
}
