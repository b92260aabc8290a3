/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * All that stands in front of an IP packet for the host: the vnet header and, for a device that has one, an Ethernet header,
 * which is always the same but for its type.
 *
 * <pre>
 *  0                          10                       24
 * +--------------------------+------------------------+-----------
 * | VirtioNetHeaderFlyweight | Ethernet header        | IP packet
 * +--------------------------+------------------------+-----------
 *                            | offsets in the vnet header count from here
 * </pre>
 *
 * No state that changes: any thread.
 */
public final class FrameHeader {
    /** Bytes of the longest there is. */
    public static final int MAX_LENGTH = VirtioNetHeaderFlyweight.LENGTH + EthernetFlyweight.LENGTH;

    private final int linkLength;
    private final long destinationMac;
    private final long sourceMac;

    private FrameHeader(final int linkLength, final long destinationMac, final long sourceMac) {
        this.linkLength = linkLength;
        this.destinationMac = destinationMac;
        this.sourceMac = sourceMac;
    }

    /** For a device of bare packets. */
    public static FrameHeader ofPackets() {
        return new FrameHeader(0, 0, 0);
    }

    /**
     * For a device of Ethernet frames.
     *
     * @param destinationMac that the host takes them in by, in the low 48 bits.
     * @param sourceMac likewise.
     */
    public static FrameHeader ofEthernet(final long destinationMac, final long sourceMac) {
        return new FrameHeader(EthernetFlyweight.LENGTH, destinationMac, sourceMac);
    }

    /** Bytes in front of the packet. */
    public int length() {
        return VirtioNetHeaderFlyweight.LENGTH + linkLength;
    }

    /**
     * Writes the header of a packet that needs nothing done.
     *
     * @param offset where the header begins.
     * @param version of the packet, 4 or 6.
     */
    public void putPlain(final UnsafeBuffer buffer, final int offset, final int version) {
        VirtioNetHeaderFlyweight.putPlain(buffer, offset);
        putLink(buffer, offset, version);
    }

    /**
     * Writes the header of a packet whose checksum is to be completed, and which is to be cut if gsoType says so.
     *
     * @param offset where the header begins.
     * @param version of the packet, 4 or 6.
     * @param gsoType one of the {@code GSO_} constants of {@link VirtioNetHeaderFlyweight}.
     * @param headersLength bytes of the packet in front of its payload.
     * @param gsoSize payload bytes of each segment.
     * @param transportOffset where in the packet the sum that is to be completed begins.
     * @param checksumOffset where from there the checksum goes.
     */
    public void put(
            final UnsafeBuffer buffer,
            final int offset,
            final int version,
            final int gsoType,
            final int headersLength,
            final int gsoSize,
            final int transportOffset,
            final int checksumOffset) {
        VirtioNetHeaderFlyweight.put(
                buffer,
                offset,
                gsoType,
                linkLength + headersLength,
                gsoSize,
                linkLength + transportOffset,
                checksumOffset);
        putLink(buffer, offset, version);
    }

    private void putLink(final UnsafeBuffer buffer, final int offset, final int version) {
        if (0 != linkLength) {
            EthernetFlyweight.put(
                    buffer,
                    offset + VirtioNetHeaderFlyweight.LENGTH,
                    destinationMac,
                    sourceMac,
                    4 == version ? EthernetFlyweight.TYPE_IPV4 : EthernetFlyweight.TYPE_IPV6);
        }
    }
}
