/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What the headers of a packet say as far as they are there, also of one that is cut short or is no packet: unlike
 * {@link io.weft.encap.IpPacket}, this takes whatever there is. Reused; any thread, one at a time.
 */
public final class InnerHeaders {
    /** Of a port that is not there. */
    private static final int NO_PORT = -2;

    private static final int EXTENSION_UNIT = 8;
    private static final int AUTHENTICATION_UNIT = 4;

    private final UnsafeBuffer packet = new UnsafeBuffer(0, 0);
    private boolean isValid;
    private boolean isIpv4;
    private int protocol;
    private int sourcePort;
    private int destinationPort;

    /** Nothing yet. */
    public InnerHeaders() {}

    /** Reads what begins at an address. */
    void wrap(final long address, final int available) {
        packet.wrap(address, available);
        parse();
    }

    /** Reads what begins somewhere in a buffer. */
    public InnerHeaders wrap(final DirectBuffer buffer, final int offset, final int available) {
        packet.wrap(buffer, offset, available);
        parse();
        return this;
    }

    private void parse() {
        final int available = packet.capacity();
        final int version = 0 == available ? 0 : Ipv4Flyweight.version(packet, 0);
        isIpv4 = 4 == version;
        sourcePort = NO_PORT;
        destinationPort = NO_PORT;
        isValid = isIpv4 ? available >= Ipv4Flyweight.MIN_LENGTH : 6 == version && available >= Ipv6Flyweight.LENGTH;
        if (!isValid) {
            return;
        }
        if (isIpv4) {
            protocol = Ipv4Flyweight.protocol(packet, 0);
            if (0 == (Ipv4Flyweight.fragment(packet, 0) & Ipv4Flyweight.FRAGMENT_OFFSET_MASK)) {
                parsePorts(Ipv4Flyweight.headerLength(packet, 0));
            }
        } else {
            parseExtensions();
        }
    }

    /** Of the headers that RFC 8200, section 4, has: those that are there as a whole. */
    private void parseExtensions() {
        protocol = Ipv6Flyweight.nextHeader(packet, 0);
        int at = Ipv6Flyweight.LENGTH;
        while (isExtension(protocol) && at + EXTENSION_UNIT <= packet.capacity()) {
            final int units = packet.getByte(at + 1) & 0xFF;
            final boolean isFragment = IpProtocol.FRAGMENT == protocol;
            final int length = IpProtocol.AUTHENTICATION == protocol
                    ? (units + 2) * AUTHENTICATION_UNIT
                    : (isFragment ? 1 : units + 1) * EXTENSION_UNIT;
            protocol = packet.getByte(at) & 0xFF;
            if (isFragment && 0 != (packet.getShort(at + Short.BYTES, BIG_ENDIAN) & ~0x7)) {
                return;
            }
            at += length;
        }
        parsePorts(at);
    }

    private static boolean isExtension(final int protocol) {
        return IpProtocol.HOP_BY_HOP == protocol
                || IpProtocol.ROUTING == protocol
                || IpProtocol.FRAGMENT == protocol
                || IpProtocol.AUTHENTICATION == protocol
                || IpProtocol.DESTINATION_OPTIONS == protocol;
    }

    private void parsePorts(final int at) {
        if ((IpProtocol.TCP == protocol || IpProtocol.UDP == protocol) && at + 2 * Short.BYTES <= packet.capacity()) {
            sourcePort = packet.getShort(at, BIG_ENDIAN) & 0xFFFF;
            destinationPort = packet.getShort(at + Short.BYTES, BIG_ENDIAN) & 0xFFFF;
        }
    }

    /** Whether there is an IP header; nothing else is to be asked without. */
    public boolean isValid() {
        return isValid;
    }

    /** Whether the packet is IPv4, else IPv6. */
    public boolean isIpv4() {
        return isIpv4;
    }

    /** First half of the source, as {@link io.weft.address.IpAddress#high}. */
    public long sourceHigh() {
        return isIpv4 ? (long) Ipv4Flyweight.source(packet, 0) << Integer.SIZE : Ipv6Flyweight.sourceHigh(packet, 0);
    }

    /** Second half of the source. */
    public long sourceLow() {
        return isIpv4 ? 0 : Ipv6Flyweight.sourceLow(packet, 0);
    }

    /** First half of the destination. */
    public long destinationHigh() {
        return isIpv4
                ? (long) Ipv4Flyweight.destination(packet, 0) << Integer.SIZE
                : Ipv6Flyweight.destinationHigh(packet, 0);
    }

    /** Second half of the destination. */
    public long destinationLow() {
        return isIpv4 ? 0 : Ipv6Flyweight.destinationLow(packet, 0);
    }

    /** Transport protocol behind the extension headers that are there. */
    public int protocol() {
        return protocol;
    }

    /** TCP or UDP port; negative where there is none. */
    public int sourcePort() {
        return sourcePort;
    }

    /** TCP or UDP port; negative where there is none. */
    public int destinationPort() {
        return destinationPort;
    }
}
