/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Where the parts of one IPv4 or IPv6 packet lie: the bounds are checked here, once, and nowhere after.
 *
 * <pre>
 *  offset            transportOffset            payloadOffset             offset + totalLength
 * +-----------------+--------------------------+-------------------------+
 * | IP header       | TCP or UDP header        | payload                 |
 * +-----------------+--------------------------+-------------------------+
 * |&lt;-headerLength-&gt;|&lt;-transportHeaderLength-&gt; |&lt;-----payloadLength----&gt;|
 * </pre>
 *
 * The IP header counts options and extension headers in. Mutable and reused: belongs to one thread.
 */
public final class IpPacket {
    /** Why a packet is not one. */
    public enum Fault {
        NONE,
        TRUNCATED,
        VERSION,
        HEADER_LENGTH,
        TOTAL_LENGTH,
        HEADER_CHECKSUM
    }

    private static final int EXTENSION_UNIT = 8;
    private static final int AUTHENTICATION_UNIT = 4;
    private static final int MIN_EXTENSION_LENGTH = 8;
    private static final int SEGMENTS_LEFT_OFFSET = 3;

    /** Source and destination port, the beginning of TCP and UDP alike. */
    private static final int PORTS_LENGTH = 2 * Short.BYTES;

    private int offset;
    private int version;
    private int headerLength;
    private int totalLength;
    private int protocol;
    private int transportHeaderLength;
    private int flowHash;
    private boolean fragment;
    private boolean plain;
    private boolean stopsLeft;
    private boolean flowKnown;

    /**
     * Takes the packet at {@code offset} apart.
     *
     * @param available how many bytes there are; more than the packet says is padding.
     * @param verifyHeader whether to check the IPv4 header checksum; a packet from the own kernel needs no such check.
     * @return {@link Fault#NONE}, or what is wrong with it, in which case no other method gives anything.
     */
    public Fault parse(final UnsafeBuffer buffer, final int offset, final int available, final boolean verifyHeader) {
        this.offset = offset;
        transportHeaderLength = 0;
        fragment = false;
        stopsLeft = false;
        flowKnown = true;
        if (available < Ipv4Flyweight.MIN_LENGTH) {
            return Fault.TRUNCATED;
        }
        version = Ipv4Flyweight.version(buffer, offset);
        if (4 == version) {
            return parseIpv4(buffer, available, verifyHeader);
        }
        return 6 == version ? parseIpv6(buffer, available) : Fault.VERSION;
    }

    private Fault parseIpv4(final UnsafeBuffer buffer, final int available, final boolean verifyHeader) {
        headerLength = Ipv4Flyweight.headerLength(buffer, offset);
        totalLength = Ipv4Flyweight.totalLength(buffer, offset);
        if (headerLength < Ipv4Flyweight.MIN_LENGTH || headerLength > available) {
            return Fault.HEADER_LENGTH;
        }
        if (totalLength < headerLength || totalLength > available) {
            return Fault.TOTAL_LENGTH;
        }
        if (verifyHeader && !Ipv4Flyweight.isChecksumRight(buffer, offset, headerLength)) {
            return Fault.HEADER_CHECKSUM;
        }
        plain = Ipv4Flyweight.MIN_LENGTH == headerLength;
        protocol = Ipv4Flyweight.protocol(buffer, offset);
        final int fragmentMask = Ipv4Flyweight.MORE_FRAGMENTS | Ipv4Flyweight.FRAGMENT_OFFSET_MASK;
        fragment = 0 != (Ipv4Flyweight.fragment(buffer, offset) & fragmentMask);
        flowHash =
                FlowHash.of(protocol, Ipv4Flyweight.source(buffer, offset), Ipv4Flyweight.destination(buffer, offset));
        parseTransport(buffer);
        return Fault.NONE;
    }

    private Fault parseIpv6(final UnsafeBuffer buffer, final int available) {
        if (available < Ipv6Flyweight.LENGTH) {
            return Fault.TRUNCATED;
        }
        totalLength = Ipv6Flyweight.LENGTH + Ipv6Flyweight.payloadLength(buffer, offset);
        if (totalLength > available) {
            return Fault.TOTAL_LENGTH;
        }
        headerLength = Ipv6Flyweight.LENGTH;
        protocol = Ipv6Flyweight.nextHeader(buffer, offset);
        plain = !isExtension(protocol);
        if (!plain) {
            walkExtensions(buffer);
            flowKnown = !isExtension(protocol);
        }
        final long source = Ipv6Flyweight.sourceHigh(buffer, offset) ^ Ipv6Flyweight.sourceLow(buffer, offset);
        final long destination =
                Ipv6Flyweight.destinationHigh(buffer, offset) ^ Ipv6Flyweight.destinationLow(buffer, offset);
        flowHash = FlowHash.of(protocol, Long.hashCode(source), Long.hashCode(destination));
        parseTransport(buffer);
        return Fault.NONE;
    }

    /**
     * Passes over the extension headers (RFC 8200, section 4). Stops at one that does not fit, as Linux does when it
     * forwards: the far end judges it. A fragment header is the last: what follows it is a piece of something, and all
     * pieces must hash alike.
     */
    private void walkExtensions(final UnsafeBuffer buffer) {
        while (!fragment && isExtension(protocol) && headerLength + MIN_EXTENSION_LENGTH <= totalLength) {
            final int at = offset + headerLength;
            final int next = buffer.getByte(at) & 0xFF;
            final int units = buffer.getByte(at + 1) & 0xFF;
            final int length = switch (protocol) {
                case IpProtocol.FRAGMENT -> MIN_EXTENSION_LENGTH;
                case IpProtocol.AUTHENTICATION -> (units + 2) * AUTHENTICATION_UNIT;
                default -> (units + 1) * EXTENSION_UNIT;
            };
            if (headerLength + length > totalLength) {
                return;
            }
            fragment = IpProtocol.FRAGMENT == protocol;
            stopsLeft |= IpProtocol.ROUTING == protocol && 0 != buffer.getByte(at + SEGMENTS_LEFT_OFFSET);
            headerLength += length;
            protocol = next;
        }
    }

    private static boolean isExtension(final int protocol) {
        return IpProtocol.HOP_BY_HOP == protocol
                || IpProtocol.ROUTING == protocol
                || IpProtocol.FRAGMENT == protocol
                || IpProtocol.AUTHENTICATION == protocol
                || IpProtocol.DESTINATION_OPTIONS == protocol;
    }

    /**
     * A transport header that does not fit is left alone: the packet goes its way, for the far end to judge, and in its flow, which
     * the ports alone tell.
     */
    private void parseTransport(final UnsafeBuffer buffer) {
        flowKnown &= !fragment;
        if (fragment || (IpProtocol.TCP != protocol && IpProtocol.UDP != protocol)) {
            return;
        }
        final int transportOffset = transportOffset();
        final int transportLength = transportLength();
        flowKnown = transportLength >= PORTS_LENGTH;
        if (!flowKnown) {
            return;
        }
        flowHash = FlowHash.with(flowHash, buffer.getInt(transportOffset, nativeOrder()));
        if (IpProtocol.TCP == protocol) {
            final int length =
                    transportLength < TcpFlyweight.MIN_LENGTH ? 0 : TcpFlyweight.headerLength(buffer, transportOffset);
            if (length >= TcpFlyweight.MIN_LENGTH && length <= transportLength) {
                transportHeaderLength = length;
            }
        } else if (transportLength >= UdpFlyweight.LENGTH
                && UdpFlyweight.length(buffer, transportOffset) == transportLength) {
            transportHeaderLength = UdpFlyweight.LENGTH;
        }
    }

    /** Makes this say of a packet what the other says of it. */
    void copy(final IpPacket other) {
        offset = other.offset;
        version = other.version;
        headerLength = other.headerLength;
        totalLength = other.totalLength;
        protocol = other.protocol;
        transportHeaderLength = other.transportHeaderLength;
        flowHash = other.flowHash;
        fragment = other.fragment;
        plain = other.plain;
        stopsLeft = other.stopsLeft;
        flowKnown = other.flowKnown;
    }

    /** Where the IP header begins. */
    public int offset() {
        return offset;
    }

    /** 4 or 6. */
    public int version() {
        return version;
    }

    /** Length in bytes of the IP header with its options or extension headers. */
    public int headerLength() {
        return headerLength;
    }

    /** Length in bytes of the packet, by its own word. */
    public int totalLength() {
        return totalLength;
    }

    /**
     * Transport protocol, behind all extension headers (see {@link IpProtocol}). The number of an extension header if that
     * does not fit into the packet, or if the packet is a fragment that says so.
     */
    public int protocol() {
        return protocol;
    }

    /** Whether the receiver tells the sender how much it may send. */
    public boolean isFlowControlled() {
        return IpProtocol.TCP == protocol || IpProtocol.SCTP == protocol;
    }

    /** Whether this is a fragment, the first one included. */
    public boolean isFragment() {
        return fragment;
    }

    /** Whether the IP header has neither options nor extension headers. */
    public boolean isPlain() {
        return plain;
    }

    /**
     * Whether a routing header names stops still to come. The checksum of the transport then counts the last of them in,
     * not the destination of the IP header (RFC 8200, section 8.1).
     */
    public boolean hasStopsLeft() {
        return stopsLeft;
    }

    /** Whether there is a complete TCP or UDP header. */
    public boolean hasTransport() {
        return 0 != transportHeaderLength;
    }

    /** Where the transport header begins. */
    public int transportOffset() {
        return offset + headerLength;
    }

    /** Length in bytes of transport header and payload. */
    public int transportLength() {
        return totalLength - headerLength;
    }

    /** Length in bytes of the TCP or UDP header; 0 if there is none. */
    public int transportHeaderLength() {
        return transportHeaderLength;
    }

    /** Where the payload of TCP or UDP begins. */
    public int payloadOffset() {
        return offset + headerLength + transportHeaderLength;
    }

    /** Length in bytes of all in front of the payload: IP header and TCP or UDP header. */
    public int headersLength() {
        return headerLength + transportHeaderLength;
    }

    /** Length in bytes of the payload of TCP or UDP. */
    public int payloadLength() {
        return totalLength - headerLength - transportHeaderLength;
    }

    /** DSCP and ECN of the IP header. */
    public int tos(final UnsafeBuffer buffer) {
        return 4 == version ? Ipv4Flyweight.tos(buffer, offset) : Ipv6Flyweight.trafficClass(buffer, offset);
    }

    /**
     * Whether {@link #flowHash} tells the flow. Not of a fragment, nor of a packet that ends before its ports or in an extension
     * header: it may belong to any flow between its addresses.
     */
    public boolean isFlowKnown() {
        return flowKnown;
    }

    /** The {@link FlowHash} of addresses, protocol and, where there are any, ports. */
    public int flowHash() {
        return flowHash;
    }

    /** Where, from the transport header, the checksum is. Only if there is a transport. */
    public int transportChecksumOffset() {
        return IpProtocol.TCP == protocol ? TcpFlyweight.CHECKSUM_OFFSET : UdpFlyweight.CHECKSUM_OFFSET;
    }
}
