/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.MacAddress;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.GatherList;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.MessageVector;
import io.weft.linux.PacketSocket;
import io.weft.linux.TunnelFilter;
import io.weft.linux.testing.Topology;
import java.nio.ByteBuffer;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** Whole Ethernet frames from a node's underlay device, with addresses that its own IP stack would never send. */
public final class FrameSender implements AutoCloseable {
    private static final int CAPACITY = 2048;
    private static final int HEADERS_LENGTH = VirtioNetHeaderFlyweight.LENGTH + EthernetFlyweight.LENGTH;
    private static final short IPV4 = 0x0800;
    private static final short IPV6 = (short) 0x86DD;
    private static final MacAddress SOURCE = MacAddress.parse("02:00:00:00:66:66");

    private final PacketSocket socket;
    private final MessageVector vector = new MessageVector(1);
    private final UnsafeBuffer iovec = new UnsafeBuffer(BufferUtil.allocateDirectAligned(GatherList.ENTRY_LENGTH, 64));
    private final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(CAPACITY, 64));

    public FrameSender(final Topology.Node node) {
        final int linkIndex = Integer.parseInt(node.namespace()
                .exec("cat", "/sys/class/net/" + node.underlayDevice() + "/ifindex")
                .trim());
        final TunnelFilter nothing = new TunnelFilter(linkIndex, PodTun.inet("192.0.2.1"), 1);
        socket = node.namespace()
                .call(() -> PacketSocket.open(nothing, 1, CAPACITY))
                .get(0);
        vector.iovecs(0, iovec.addressOffset(), 1);
    }

    /** Sends one frame. */
    public void send(final MacAddress destination, final byte[] packet) {
        final byte[] frame = ByteBuffer.allocate(HEADERS_LENGTH + packet.length)
                .position(VirtioNetHeaderFlyweight.LENGTH)
                .putShort((short) (destination.value() >>> Integer.SIZE))
                .putInt((int) destination.value())
                .putShort((short) (SOURCE.value() >>> Integer.SIZE))
                .putInt((int) SOURCE.value())
                .putShort(6 == (packet[0] & 0xFF) >>> 4 ? IPV6 : IPV4)
                .put(packet)
                .array();
        buffer.putBytes(0, frame);
        GatherList.put(iovec, 0, buffer.addressOffset(), frame.length);
        assertEquals(1, socket.send(vector, 0, 1), "frames sent, or a negative errno");
    }

    @Override
    public void close() {
        socket.close();
    }
}
