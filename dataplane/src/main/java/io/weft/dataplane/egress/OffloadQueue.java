/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.encap.IpProtocol;
import io.weft.encap.TunnelSuperframe;
import io.weft.linux.FrameSink;
import io.weft.linux.SocketAddress;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The queue of the {@link TunnelOffload} that a worker writes superframes to, and what is allowed in the batch that is being sent.
 * Owned by the egress sender.
 */
final class OffloadQueue {
    /** The kernel's (net.ipv4.ip_default_ttl), and one more for the host, which counts as a router on this way. */
    private static final int TTL = 64 + 1;

    private final UnsafeBuffer arena;
    private final TunnelOffload offload;
    private final FrameSink port;
    private final WorkerCounters counters;
    private TunnelOffload.Mode mode = TunnelOffload.Mode.OFF;
    private int mtu;
    private long deviceMac;
    private boolean isTried;
    private int id;

    OffloadQueue(
            final UnsafeBuffer arena, final TunnelOffload offload, final WorkerCounters counters, final int worker) {
        this.arena = arena;
        this.offload = offload;
        this.counters = counters;
        port = offload.port(worker);
    }

    /** Asks what is allowed, for one batch. */
    void beginBatch() {
        mode = offload.mode();
        mtu = offload.mtu();
        deviceMac = offload.deviceMac();
        isTried &= TunnelOffload.Mode.TRIAL == mode;
    }

    /**
     * Whether {@link #send} may be tried with a superframe. A socket that receives one of TCP unsegmented is not told how it
     * was to be cut (net/ipv4/udp.c, {@code udp_cmsg_recv}), and takes it that the segments fill the MTU: so only such are
     * sent. A superframe no longer than a packet may be could not be told from one as it leaves, and is cut as well.
     */
    boolean takes(final EgressFrame frame) {
        return TunnelOffload.Mode.OFF != mode
                && !isTried
                && frame.needsChecksum
                && frame.checksumStart == frame.packet.transportOffset()
                && frame.packet.totalLength() > mtu
                && (IpProtocol.UDP == frame.packet.protocol() || fillsMtu(frame))
                && SocketAddress.IPV4_LENGTH == frame.sockaddrLength
                && TunnelSuperframe.fits(frame.tunnelHeaderLength, frame.packet.totalLength());
    }

    private boolean fillsMtu(final EgressFrame frame) {
        return frame.packet.payloadOffset() - frame.ipOffset + frame.gsoSize == mtu;
    }

    /**
     * Sends a superframe unsegmented.
     *
     * @param sourcePort of the socket that the flow belongs to.
     * @return false if the kernel did not take it; the frame is as it was.
     */
    boolean send(final EgressFrame frame, final int sourcePort) {
        isTried = TunnelOffload.Mode.TRIAL == mode;
        final int segments = frame.segments();
        final int innerLength = frame.packet.totalLength();
        final int length = frame.tunnelHeaderLength + innerLength;
        final int vxlan = frame.ipOffset - frame.tunnelHeaderLength;
        final int name = frame.ipOffset - EgressFrame.HEADROOM;
        TunnelSuperframe.putHeaders(
                arena,
                vxlan,
                length,
                deviceMac,
                frame.outerTos,
                id,
                TTL,
                offload.localIpv4(),
                arena.getInt(name + SocketAddress.IPV4_ADDRESS_OFFSET, BIG_ENDIAN),
                sourcePort,
                arena.getShort(name + SocketAddress.PORT_OFFSET, BIG_ENDIAN));
        TunnelSuperframe.putVnetHeader(arena, vxlan, frame.packet, frame.gsoType, frame.gsoSize);
        id += segments;
        counters.add(DataPlaneCounter.EGRESS_SEND_CALLS, 1);
        final int result =
                port.write(arena.addressOffset() + vxlan - TunnelSuperframe.LENGTH, TunnelSuperframe.LENGTH + length);
        if (result < 0) {
            counters.add(DataPlaneCounter.EGRESS_OFFLOAD_REFUSALS, 1);
            mode = TunnelOffload.Mode.OFF;
            return false;
        }
        final int headersLength = frame.packet.payloadOffset() - frame.ipOffset;
        final int bytes = innerLength + (segments - 1) * headersLength;
        counters.sentTo(frame.peer, segments, bytes);
        counters.add(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES, 1);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, segments);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
        return true;
    }
}
