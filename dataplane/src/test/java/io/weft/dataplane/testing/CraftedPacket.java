/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/**
 * An IP packet made byte by byte, right or wrong as a test wants it. Its checksums are RFC 1071 word by word and owe
 * nothing to the code under test.
 */
public final class CraftedPacket {
    public static final int ICMP = 1;
    public static final int TCP = 6;
    public static final int UDP = 17;
    public static final int HOP_BY_HOP = 0;
    public static final int DESTINATION_OPTIONS = 60;

    public static final int FIN = 0x01;
    public static final int SYN = 0x02;
    public static final int RST = 0x04;
    public static final int PSH = 0x08;
    public static final int ACK = 0x10;
    public static final int URG = 0x20;
    public static final int ECE = 0x40;
    public static final int CWR = 0x80;

    /** In the word of IPv4's flags and fragment offset. */
    public static final int DO_NOT_FRAGMENT = 0x4000;

    public static final int MORE_FRAGMENTS = 0x2000;

    private static final int IPV4_LENGTH = 20;
    private static final int IPV6_LENGTH = 40;
    private static final int UDP_LENGTH = 8;
    private static final int TCP_LENGTH = 20;

    /** What the checksum field of TCP or UDP holds. */
    public enum Checksum {
        RIGHT,
        /** The folded sum of the pseudo header, as the kernel leaves it to a device. */
        PARTIAL,
        WRONG,
        ZERO
    }

    private final InetAddress source;
    private final InetAddress destination;
    private final int protocol;
    private final byte[] transport;
    private final int payloadLength;
    private byte[] options = {};
    private int extensionType = -1;
    private int tos;
    private int ttl = 64;
    private int id = 0x1234;
    private int fragment;
    private Checksum checksum = Checksum.RIGHT;

    private CraftedPacket(
            final InetAddress source,
            final InetAddress destination,
            final int protocol,
            final byte[] transport,
            final int payloadLength) {
        this.source = source;
        this.destination = destination;
        this.protocol = protocol;
        this.transport = transport;
        this.payloadLength = payloadLength;
    }

    /** A superframe of UDP by IPv6, to be cut at 100 bytes, whose headers are too long for the wire's. */
    public static CraftedPacket withLongHeaders() {
        final byte[] extension = new byte[240];
        extension[1] = (byte) (extension.length / 8 - 1);
        return udp(PodTun.inet("fd00:10:244::77"), PodTun.inet("fd00:10:244:1::77"), 1000, 2000, new byte[450])
                .extension(DESTINATION_OPTIONS, extension);
    }

    public static CraftedPacket udp(
            final InetAddress source,
            final InetAddress destination,
            final int sourcePort,
            final int destinationPort,
            final byte[] payload) {
        final ByteBuffer header = ByteBuffer.allocate(UDP_LENGTH + payload.length)
                .putShort((short) sourcePort)
                .putShort((short) destinationPort)
                .putShort((short) (UDP_LENGTH + payload.length))
                .putShort((short) 0)
                .put(payload);
        return new CraftedPacket(source, destination, UDP, header.array(), payload.length);
    }

    /**
     * A packet of TCP without IP options.
     *
     * @param tcpOptions a multiple of four bytes.
     */
    public static CraftedPacket tcp(
            final InetAddress source,
            final InetAddress destination,
            final int sourcePort,
            final int destinationPort,
            final int sequence,
            final int flags,
            final byte[] tcpOptions,
            final byte[] payload) {
        final int headerLength = TCP_LENGTH + tcpOptions.length;
        final ByteBuffer header = ByteBuffer.allocate(headerLength + payload.length)
                .putShort((short) sourcePort)
                .putShort((short) destinationPort)
                .putInt(sequence)
                .putInt(0x0A0B0C0D)
                .put((byte) (headerLength << 2))
                .put((byte) flags)
                .putShort((short) 0x1000)
                .putShort((short) 0)
                .putShort((short) 0)
                .put(tcpOptions)
                .put(payload);
        return new CraftedPacket(source, destination, TCP, header.array(), payload.length);
    }

    /** Any other protocol, its bytes as they are. */
    public static CraftedPacket raw(
            final InetAddress source, final InetAddress destination, final int protocol, final byte[] bytes) {
        return new CraftedPacket(source, destination, protocol, bytes, bytes.length);
    }

    public CraftedPacket tos(final int value) {
        tos = value;
        return this;
    }

    public CraftedPacket ttl(final int value) {
        ttl = value;
        return this;
    }

    public CraftedPacket id(final int value) {
        id = value;
        return this;
    }

    /** IPv4's word of flags and fragment offset. */
    public CraftedPacket fragment(final int word) {
        fragment = word;
        return this;
    }

    /** IPv4 options, a multiple of four bytes. */
    public CraftedPacket options(final byte... bytes) {
        options = bytes;
        return this;
    }

    /** One IPv6 extension header, a multiple of eight bytes; its first byte is set to the protocol that follows. */
    public CraftedPacket extension(final int type, final byte... bytes) {
        extensionType = type;
        options = bytes;
        return this;
    }

    /** TCP's four bits between data offset and flags. */
    public CraftedPacket reservedTcpBits(final int bits) {
        transport[12] = (byte) ((transport[12] & 0xF0) | bits);
        return this;
    }

    public CraftedPacket tcpWindow(final int window) {
        transport[14] = (byte) (window >>> 8);
        transport[15] = (byte) window;
        return this;
    }

    public CraftedPacket checksum(final Checksum state) {
        checksum = state;
        return this;
    }

    /** Where the transport header begins: the length of all before it. */
    public int transportOffset() {
        return (isIpv6() ? IPV6_LENGTH : IPV4_LENGTH) + options.length;
    }

    /** Where the payload begins. */
    public int payloadOffset() {
        return transportOffset() + transport.length - payloadLength;
    }

    /** Where, from the transport header, its checksum is. */
    public int checksumOffset() {
        return TCP == protocol ? 16 : 6;
    }

    public boolean isTcp() {
        return TCP == protocol;
    }

    public boolean isIpv6() {
        return 16 == source.getAddress().length;
    }

    /** The packet, all lengths and checksums filled in. */
    public byte[] bytes() {
        final int offset = transportOffset();
        final byte[] packet = new byte[offset + transport.length];
        final ByteBuffer buffer = ByteBuffer.wrap(packet);
        if (isIpv6()) {
            putIpv6(buffer);
        } else {
            putIpv4(buffer);
            fixIpv4Checksum(packet);
        }
        System.arraycopy(transport, 0, packet, offset, transport.length);
        if (TCP == protocol || UDP == protocol) {
            buffer.putShort(offset + checksumOffset(), (short) transportChecksum(packet, offset));
        }
        return packet;
    }

    private void putIpv4(final ByteBuffer buffer) {
        buffer.put((byte) (0x40 | ((IPV4_LENGTH + options.length) / 4)))
                .put((byte) tos)
                .putShort((short) buffer.capacity())
                .putShort((short) id)
                .putShort((short) fragment)
                .put((byte) ttl)
                .put((byte) protocol)
                .putShort((short) 0)
                .put(source.getAddress())
                .put(destination.getAddress())
                .put(options);
    }

    private void putIpv6(final ByteBuffer buffer) {
        buffer.putInt(0x6000_0000 | (tos << 20))
                .putShort((short) (buffer.capacity() - IPV6_LENGTH))
                .put((byte) (extensionType < 0 ? protocol : extensionType))
                .put((byte) ttl)
                .put(source.getAddress())
                .put(destination.getAddress())
                .put(options);
        if (extensionType >= 0) {
            buffer.put(IPV6_LENGTH, (byte) protocol);
        }
    }

    private int transportChecksum(final byte[] packet, final int offset) {
        final long pseudoHeader = sum(source.getAddress(), 0, source.getAddress().length)
                + sum(destination.getAddress(), 0, destination.getAddress().length)
                + protocol
                + transport.length;
        final int whole = ~fold(pseudoHeader + sum(packet, offset, transport.length)) & 0xFFFF;
        return switch (checksum) {
            case RIGHT -> 0 == whole && UDP == protocol ? 0xFFFF : whole;
            case PARTIAL -> fold(pseudoHeader);
            case WRONG -> whole ^ 0x5A5A;
            case ZERO -> 0;
        };
    }

    /** Writes the IPv4 header checksum that the other bytes ask for. */
    public static void fixIpv4Checksum(final byte[] packet) {
        final int headerLength = (packet[0] & 0xF) * 4;
        packet[10] = 0;
        packet[11] = 0;
        final int sum = ~fold(sum(packet, 0, headerLength));
        packet[10] = (byte) (sum >>> 8);
        packet[11] = (byte) sum;
    }

    private static long sum(final byte[] bytes, final int from, final int length) {
        long sum = 0;
        for (int i = 0; i < length; i++) {
            sum += (long) (bytes[from + i] & 0xFF) << (0 == (i & 1) ? 8 : 0);
        }
        return sum;
    }

    private static int fold(final long sum) {
        long folded = sum;
        while (folded > 0xFFFF) {
            folded = (folded & 0xFFFF) + (folded >>> 16);
        }
        return (int) folded;
    }

    /** {@code length} bytes that differ from place to place and from {@code seed} to seed. */
    public static byte[] payload(final int length, final int seed) {
        final byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** The bytes from {@code from} on. */
    public static byte[] tail(final byte[] bytes, final int from) {
        return Arrays.copyOfRange(bytes, from, bytes.length);
    }
}
