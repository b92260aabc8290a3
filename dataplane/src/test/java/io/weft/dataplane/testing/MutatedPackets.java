/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import java.net.InetAddress;
import java.util.Arrays;
import java.util.Random;

/** Packets of every kind with something wrong, or only unusual, about them; the same ones for the same seed. */
public final class MutatedPackets {
    /** IPv6, UDP and the beginning of the payload: what is behind is no concern of a tunnel. */
    private static final int HEADERS_LENGTH = 72;

    /** Of TCP, whose number it may have. */
    private static final int RAW_LENGTH_MIN = 20;

    private static final int PAYLOAD_LENGTH_MAX = 1_300;
    private static final int PADDING_LENGTH_MAX = 64;
    private static final int CHANGES_MAX = 3;
    private static final int[] TAG_TYPES = {0x8100, 0x88A8, 0x9100};

    private final Random random;
    private final InetAddress[] sources;
    private final InetAddress[] destinations;

    /**
     * A stream.
     *
     * @param sources an IPv4 address and an IPv6 address.
     * @param destinations likewise.
     */
    public MutatedPackets(final long seed, final InetAddress[] sources, final InetAddress[] destinations) {
        random = new Random(seed);
        this.sources = sources.clone();
        this.destinations = destinations.clone();
    }

    /** The next IP packet, mutated. */
    public byte[] packet() {
        byte[] packet = good();
        for (int changes = random.nextInt(CHANGES_MAX + 1); changes > 0; changes--) {
            packet = changed(packet, 0);
        }
        return packet;
    }

    /** The next datagram of VXLAN, mutated in any of its parts. */
    public byte[] datagram() {
        final byte[] packet = random.nextBoolean() ? packet() : good();
        final VxlanDatagram datagram = new VxlanDatagram(0 == packet.length ? good() : packet);
        if (0 == random.nextInt(4)) {
            final int[] tags = new int[1 + random.nextInt(3)];
            Arrays.setAll(tags, i -> tag());
            datagram.tagged(tags);
        }
        byte[] bytes = datagram.bytes();
        for (int changes = random.nextInt(CHANGES_MAX); changes > 0; changes--) {
            // Mostly behind the VXLAN header: what is before is a few bits, of which each change but one ends it all.
            bytes = changed(bytes, 0 == random.nextInt(4) ? 0 : VxlanDatagram.DESTINATION_OFFSET);
        }
        return bytes;
    }

    /** A type of service for the header outside. */
    public int typeOfService() {
        return random.nextInt(1 << Byte.SIZE);
    }

    private int tag() {
        final int id = random.nextBoolean() ? 0 : random.nextInt(1 << 12);
        return TAG_TYPES[random.nextInt(TAG_TYPES.length)] << 16 | random.nextInt(1 << 4) << 12 | id;
    }

    private byte[] good() {
        final int family = random.nextInt(2);
        final InetAddress source = sources[family];
        final InetAddress destination = destinations[family];
        final byte[] payload = CraftedPacket.payload(
                random.nextInt(4) > 0 ? random.nextInt(64) : random.nextInt(PAYLOAD_LENGTH_MAX), random.nextInt());
        final int port = 1 + random.nextInt(0xFFFE);
        final CraftedPacket packet = switch (random.nextInt(4)) {
            case 0 -> CraftedPacket.udp(source, destination, port, 0x10000 - port, payload);
            case 1 ->
                CraftedPacket.tcp(
                        source,
                        destination,
                        port,
                        0x10000 - port,
                        random.nextInt(),
                        random.nextInt(1 << Byte.SIZE),
                        new byte[4 * random.nextInt(4)],
                        payload);
            case 2 ->
                CraftedPacket.raw(
                        source,
                        destination,
                        random.nextInt(1 << Byte.SIZE),
                        Arrays.copyOf(payload, RAW_LENGTH_MIN + payload.length));
            default -> CraftedPacket.udp(source, destination, port, port, payload);
        };
        return varied(packet).bytes();
    }

    private CraftedPacket varied(final CraftedPacket packet) {
        final CraftedPacket.Checksum[] checksums = CraftedPacket.Checksum.values();
        if (random.nextBoolean()) {
            packet.checksum(checksums[random.nextInt(checksums.length)]);
        }
        if (0 == random.nextInt(3)) {
            packet.tos(random.nextInt(1 << Byte.SIZE)).ttl(random.nextInt(1 << Byte.SIZE));
        }
        if (0 == random.nextInt(4) && packet.isIpv6()) {
            final byte[] extension = new byte[8];
            random.nextBytes(extension);
            packet.extension(random.nextInt(1 << Byte.SIZE), extension);
        } else if (0 == random.nextInt(4)) {
            packet.fragment(random.nextInt(1 << Short.SIZE)).id(random.nextInt(1 << Short.SIZE));
        }
        return packet;
    }

    private byte[] changed(final byte[] bytes, final int from) {
        final int to = Math.min(bytes.length, from + HEADERS_LENGTH);
        if (from >= to) {
            return bytes;
        }
        final int at = from + random.nextInt(to - from);
        switch (random.nextInt(5)) {
            case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(Byte.SIZE));
            case 1 -> bytes[at] = (byte) random.nextInt();
            case 2 -> {
                return Arrays.copyOf(bytes, from + random.nextInt(bytes.length - from + 1));
            }
            case 3 -> {
                return Arrays.copyOf(bytes, bytes.length + random.nextInt(PADDING_LENGTH_MAX));
            }
            default -> changeHeader(bytes, at);
        }
        return bytes;
    }

    /** Changes a byte of an IPv4 header and makes the header's checksum right again, so that what is behind it is looked at. */
    private void changeHeader(final byte[] bytes, final int at) {
        final int ip = bytes.length > VxlanDatagram.IP_OFFSET && 0x08 == bytes[0] && 0 == bytes[1]
                ? VxlanDatagram.IP_OFFSET
                : 0;
        bytes[at] = (byte) random.nextInt();
        if (bytes.length >= ip + 20 && 4 == (bytes[ip] & 0xFF) >>> 4) {
            final byte[] packet = CraftedPacket.tail(bytes, ip);
            if (packet.length >= 4 * (packet[0] & 0xF) && (packet[0] & 0xF) >= 5) {
                CraftedPacket.fixIpv4Checksum(packet);
                System.arraycopy(packet, 0, bytes, ip, packet.length);
            }
        }
    }
}
