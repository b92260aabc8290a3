/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import java.nio.ByteBuffer;
import java.util.Random;

/** Builds TCP and UDP packets with nothing of weft's: the judge of weft's headers and checksums. */
final class PacketBuilder {
    /** IP version and transport. */
    enum Kind {
        TCP4,
        TCP6,
        UDP4,
        UDP6;

        PacketBuilder builder() {
            return switch (this) {
                case TCP4 -> tcp4();
                case TCP6 -> tcp6();
                case UDP4 -> udp4();
                case UDP6 -> udp6();
            };
        }
    }

    /** What the checksum field of the transport holds. */
    enum Checksum {
        RIGHT,
        PARTIAL,
        WRONG,
        ZERO
    }

    static final int HOP_BY_HOP = 0;
    static final int DESTINATION_OPTIONS = 60;

    int version = 4;
    int protocol = 6;
    int tos;
    int ttl = 64;
    int id = 1;
    int fragment = 0x4000;
    int flowLabel = 0x12345;
    int lastByteOfSource = 2;
    byte[] ipOptions = {};
    byte[] extensions = {};
    int firstExtension;
    int sourcePort = 40000;
    int destinationPort = 5201;
    int sequence = 1000;
    int acknowledgment = 2000;
    int reservedBits;
    int flags = TcpFlyweight.ACK;
    int window = 500;
    int urgentPointer;
    byte[] tcpOptions = Bytes.hex("01 01 08 0a 00 00 00 01 00 00 00 02"); // NOP, NOP, timestamps
    byte[] payload = {};
    Checksum checksum = Checksum.RIGHT;

    static PacketBuilder tcp4() {
        return new PacketBuilder();
    }

    static PacketBuilder tcp6() {
        final PacketBuilder builder = new PacketBuilder();
        builder.version = 6;
        return builder;
    }

    static PacketBuilder udp4() {
        final PacketBuilder builder = new PacketBuilder();
        builder.protocol = 17;
        return builder;
    }

    static PacketBuilder udp6() {
        final PacketBuilder builder = udp4();
        builder.version = 6;
        return builder;
    }

    PacketBuilder payload(final int length) {
        payload = new byte[length];
        new Random(length + 31L * sequence + id).nextBytes(payload);
        return this;
    }

    /** One header of destination options, or of hop-by-hop options, of the smallest size. */
    PacketBuilder extension(final int number) {
        firstExtension = number;
        extensions = new byte[] {(byte) protocol, 0, 1, 4, 0, 0, 0, 0};
        return this;
    }

    byte[] build() {
        final byte[] transport = 6 == protocol ? buildTcp() : buildUdp();
        final byte[] network = 4 == version ? buildIpv4(transport.length) : buildIpv6(transport.length);
        final int field = 6 == protocol ? 16 : 6;
        final int sum = pseudoHeaderSum(network, transport.length);
        final int whole = ~NaiveChecksum.sum(transport, 0, transport.length, sum) & 0xFFFF;
        final int right = 17 == protocol && 0 == whole ? 0xFFFF : whole;
        final int value = switch (checksum) {
            case RIGHT -> right;
            case PARTIAL -> sum;
            case WRONG -> right ^ 0x0100;
            case ZERO -> 0;
        };
        ByteBuffer.wrap(transport).putShort(field, (short) value);
        return Bytes.concat(network, transport);
    }

    private int pseudoHeaderSum(final byte[] network, final int transportLength) {
        final int addresses = 4 == version ? 12 : 8;
        final int addressesLength = 4 == version ? 8 : 32;
        final byte[] rest = {0, (byte) protocol, (byte) (transportLength >> 8), (byte) transportLength};
        return NaiveChecksum.sum(rest, 0, 4, NaiveChecksum.sum(network, addresses, addressesLength, 0));
    }

    private byte[] buildIpv4(final int transportLength) {
        final ByteBuffer header = ByteBuffer.allocate(20 + ipOptions.length);
        header.put((byte) (0x45 + ipOptions.length / 4));
        header.put((byte) tos);
        header.putShort((short) (header.capacity() + transportLength));
        header.putShort((short) id);
        header.putShort((short) fragment);
        header.put((byte) ttl);
        header.put((byte) protocol);
        header.putShort((short) 0);
        header.put(new byte[] {10, 1, 15, (byte) lastByteOfSource, 10, 1, 20, 3});
        header.put(ipOptions);
        header.putShort(10, (short) ~NaiveChecksum.sum(header.array(), 0, header.capacity(), 0));
        return header.array();
    }

    private byte[] buildIpv6(final int transportLength) {
        final ByteBuffer header = ByteBuffer.allocate(40 + extensions.length);
        header.putInt((6 << 28) | (tos << 20) | flowLabel);
        header.putShort((short) (extensions.length + transportLength));
        header.put((byte) (0 == extensions.length ? protocol : firstExtension));
        header.put((byte) ttl);
        header.put(Bytes.hex("fd00 0000 0000 0000 0000 0000 0000 0f"));
        header.put((byte) lastByteOfSource);
        header.put(Bytes.hex("fd00 0000 0000 0001 0000 0000 0000 1403"));
        header.put(extensions);
        return header.array();
    }

    private byte[] buildTcp() {
        final ByteBuffer segment = ByteBuffer.allocate(20 + tcpOptions.length + payload.length);
        segment.putShort((short) sourcePort);
        segment.putShort((short) destinationPort);
        segment.putInt(sequence);
        segment.putInt(acknowledgment);
        segment.put((byte) ((((20 + tcpOptions.length) / 4) << 4) | reservedBits));
        segment.put((byte) flags);
        segment.putShort((short) window);
        segment.putShort((short) 0);
        segment.putShort((short) urgentPointer);
        segment.put(tcpOptions);
        segment.put(payload);
        return segment.array();
    }

    private byte[] buildUdp() {
        final ByteBuffer datagram = ByteBuffer.allocate(8 + payload.length);
        datagram.putShort((short) sourcePort);
        datagram.putShort((short) destinationPort);
        datagram.putShort((short) datagram.capacity());
        datagram.putShort((short) 0);
        datagram.put(payload);
        return datagram.array();
    }
}
