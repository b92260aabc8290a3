/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.FrameHeader;
import io.weft.encap.GatherList;
import io.weft.encap.IpPacket;
import io.weft.encap.Superframe;
import io.weft.encap.SuperframeCutter;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.FrameSink;
import io.weft.linux.Framing;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A superframe that the host's device does not take, to be written packet by packet. Linux 6.6.44, 6.10.3 and other kernels of that
 * summer refuse those whose last segment is short (include/linux/virtio_net.h, from e269d79c7d35 to 89add40066f9). What is cut is
 * copied first: it is rare. Owned by the ingress sender.
 */
final class RefusedSuperframe {
    /** Of one that comes unsegmented the sender says how short its segments are, which would cost a write for each byte. */
    private static final int MAX_SEGMENTS = 2 * (Superframe.MAX_SEGMENTS + 1);

    private static final int FRAME_LENGTH =
            BitUtil.align(FrameHeader.MAX_LENGTH + Framing.MAX_PACKET_LENGTH, BitUtil.CACHE_LINE_LENGTH);

    private static final int SEGMENT_LENGTH = FRAME_LENGTH + SuperframeCutter.HEADER_SLOT_LENGTH;

    private final int frameHeaderLength;
    private final UnsafeBuffer frame = allocate(FRAME_LENGTH);
    private final UnsafeBuffer segment = allocate(SEGMENT_LENGTH);
    private final IpPacket packet = new IpPacket();
    private final SuperframeCutter cutter = new SuperframeCutter();

    /** @param frameHeaderLength bytes that the host wants in front of a packet. */
    RefusedSuperframe(final int frameHeaderLength) {
        this.frameHeaderLength = frameHeaderLength;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** What it takes outside of the heap, in bytes. */
    static long memoryLength() {
        return (long) FRAME_LENGTH + SEGMENT_LENGTH;
    }

    /**
     * Takes a frame that was refused.
     *
     * @return false if it is one packet, or cannot be cut.
     */
    boolean take(final Superframe refused) {
        if (0 == refused.gsoSize() || refused.packets() > MAX_SEGMENTS) {
            return false;
        }
        final int length = copy(refused);
        // The host's header counts from its own end; what is left to do to the packet is done by cutting it.
        VirtioNetHeaderFlyweight.putPlain(frame, 0);
        return IpPacket.Fault.NONE == packet.parse(frame, frameHeaderLength, length - frameHeaderLength, false)
                && cutter.wrap(frame, packet, frameHeaderLength, refused.gsoSize());
    }

    /** Returns how many bytes there are. */
    private int copy(final Superframe refused) {
        long entry = refused.gatherAddress();
        int length = 0;
        for (int i = 0; i < refused.gatherCount(); i++) {
            final long pieceLength = UnsafeApi.getLong(entry + GatherList.LENGTH_OFFSET);
            UnsafeApi.copyMemory(
                    UnsafeApi.getLong(entry + GatherList.ADDRESS_OFFSET), frame.addressOffset() + length, pieceLength);
            length += (int) pieceLength;
            entry += GatherList.ENTRY_LENGTH;
        }
        return length;
    }

    /** How many packets it is cut into. */
    int segments() {
        return cutter.segments();
    }

    /** Length in bytes of one of the packets. */
    int packetLength(final int index) {
        return cutter.headersLength() - frameHeaderLength + cutter.payloadLength(index);
    }

    /** Writes one of the packets. Returns what the host says. */
    int write(final FrameSink host, final int index) {
        final int headersLength = cutter.headersLength();
        final int payloadLength = cutter.payloadLength(index);
        cutter.writeHeaders(segment, 0, index);
        segment.putBytes(headersLength, frame, cutter.payloadOffset(index), payloadLength);
        int result;
        do {
            result = host.write(segment.addressOffset(), headersLength + payloadLength);
        } while (-Errno.EINTR == result);
        return result;
    }
}
