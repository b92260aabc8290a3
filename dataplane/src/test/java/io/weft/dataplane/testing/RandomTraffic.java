/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.routing.Encapsulation;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * What a pod with much imagination sends: streams of TCP and UDP, single packets and superframes, with all that may stand
 * in a header; and what of it must arrive on the other side of the tunnel.
 */
public final class RandomTraffic {
    private static final int FLOWS = 4;
    private static final int POD_MTU = 1_450;
    private static final byte[] NONE = {};
    private static final byte[] TIMESTAMPS = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};

    private final Random random;
    private final PodTun from;
    private final PodTun to;
    private final boolean largestSegmentsOnly;
    private final boolean carriesIpv6;

    /** The kernels of both nodes count as routers, and without VXLAN the tunnel's ends do so too. */
    private final int hops;

    private final List<byte[]> expected = new ArrayList<>();
    private final int[] sequences = new int[FLOWS];
    private final int[] ids = new int[FLOWS];

    /**
     * @param largestSegmentsOnly whether TCP superframes are cut at the largest segment only, as a host's own TCP does.
     * @param encapsulation of the tunnel.
     */
    public RandomTraffic(
            final long seed,
            final PodTun from,
            final PodTun to,
            final boolean largestSegmentsOnly,
            final Encapsulation encapsulation) {
        random = new Random(seed);
        this.from = from;
        this.to = to;
        this.largestSegmentsOnly = largestSegmentsOnly;
        carriesIpv6 = Encapsulation.VXLAN == encapsulation;
        hops = Encapsulation.VXLAN == encapsulation ? 2 : 4;
    }

    /** Sends some packets of one flow and returns how many packets must arrive for them. */
    public int sendSome() {
        final int before = expected.size();
        final boolean ipv6 = random.nextInt(3) == 0 && carriesIpv6;
        final int flow = random.nextInt(FLOWS);
        switch (random.nextInt(8)) {
            case 0 -> superframe(true, ipv6, flow);
            case 1 -> {
                if (from.takesUdpSuperframes()) {
                    superframe(false, ipv6, flow);
                } else {
                    run(false, ipv6, flow);
                }
            }
            case 2 -> odd(ipv6, flow);
            case 3, 4 -> run(false, ipv6, flow);
            default -> run(true, ipv6, flow);
        }
        return expected.size() - before;
    }

    /** What must arrive, in no order between flows; forgets it. */
    public List<byte[]> takeExpected() {
        final List<byte[]> taken = List.copyOf(expected);
        expected.clear();
        return taken;
    }

    private InetAddress source(final boolean ipv6) {
        return ipv6 ? from.addressV6() : from.address();
    }

    private InetAddress destination(final boolean ipv6) {
        return ipv6 ? to.addressV6() : to.address();
    }

    private CraftedPacket packet(
            final boolean tcp,
            final boolean ipv6,
            final int flow,
            final int sequence,
            final int flags,
            final byte[] options,
            final byte[] payload) {
        return tcp
                ? CraftedPacket.tcp(source(ipv6), destination(ipv6), 1000 + flow, 80, sequence, flags, options, payload)
                : CraftedPacket.udp(source(ipv6), destination(ipv6), 2000 + flow, 53, payload);
    }

    private byte[] payload(final int length) {
        final byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Packets that follow one another as those of a stream do, now and then with a break that forbids to join them. */
    private void run(final boolean tcp, final boolean ipv6, final int flow) {
        final byte[] options = random.nextInt(3) == 0 ? TIMESTAMPS : NONE;
        final int mss = 1 + random.nextInt(random.nextInt(4) == 0 ? 16 : 1_350);
        final int fragment = random.nextBoolean() ? CraftedPacket.DO_NOT_FRAGMENT : 0;
        final int tos = random.nextInt(4);
        final int count = 1 + random.nextInt(12);
        for (int i = 0; i < count; i++) {
            final int odd = random.nextInt(20);
            final byte[] payload = payload(0 == odd ? random.nextInt(mss + 1) : mss);
            final int flags = 1 == odd ? random.nextInt(0x100) : CraftedPacket.ACK;
            final int ttl = 2 == odd ? 60 : 64;
            final CraftedPacket.Checksum checksum =
                    3 == odd ? CraftedPacket.Checksum.WRONG : CraftedPacket.Checksum.RIGHT;
            final boolean partial = CraftedPacket.Checksum.RIGHT == checksum && random.nextBoolean();
            final CraftedPacket packet = packet(tcp, ipv6, flow, sequences[flow], flags, options, payload)
                    .fragment(ipv6 ? 0 : fragment)
                    .id(4 == odd ? ids[flow] + 1 : ids[flow])
                    .tos(5 == odd ? random.nextInt(256) : tos)
                    .checksum(checksum);
            if (tcp && 6 == odd) {
                packet.reservedTcpBits(random.nextInt(16));
            }
            if (tcp && 7 == odd) {
                packet.tcpWindow(random.nextInt(0x10000));
            }
            expected.add(packet.ttl(ttl - hops).bytes());
            if (partial) {
                from.sendPartial(packet.ttl(ttl), 0);
            } else {
                from.send(packet.ttl(ttl).bytes());
            }
            sequences[flow] += payload.length;
            ids[flow]++;
        }
    }

    private void superframe(final boolean tcp, final boolean ipv6, final int flow) {
        final byte[] options = tcp && random.nextBoolean() ? TIMESTAMPS : NONE;
        final int largest = POD_MTU - (ipv6 ? 40 : 20) - (tcp ? 20 + options.length : 8);
        final boolean isLargest = tcp && (largestSegmentsOnly || random.nextBoolean());
        final int gsoSize = isLargest ? largest : 500 + random.nextInt(largest - 499);
        final int length = gsoSize + 1 + random.nextInt(Math.min(40 * gsoSize, 64_000 - gsoSize));
        final byte[] payload = payload(length);
        final int flags = CraftedPacket.ACK
                | (random.nextBoolean() ? CraftedPacket.PSH : 0)
                | (random.nextInt(4) == 0 ? CraftedPacket.FIN : 0);
        final int fragment = tcp && !ipv6 ? CraftedPacket.DO_NOT_FRAGMENT : 0;
        final int tos = random.nextInt(256);
        final int id = ids[flow];
        for (int at = 0, i = 0; at < length; at += gsoSize, i++) {
            final boolean last = at + gsoSize >= length;
            final byte[] piece = Arrays.copyOfRange(payload, at, Math.min(length, at + gsoSize));
            final int pieceFlags = last ? flags : CraftedPacket.ACK;
            expected.add(packet(tcp, ipv6, flow, sequences[flow] + at, pieceFlags, options, piece)
                    .fragment(fragment)
                    .id(id + i)
                    .tos(tos)
                    .ttl(64 - hops)
                    .bytes());
            ids[flow]++;
        }
        from.sendPartial(
                packet(tcp, ipv6, flow, sequences[flow], flags, options, payload)
                        .fragment(fragment)
                        .id(id)
                        .tos(tos),
                gsoSize);
        sequences[flow] += length;
    }

    /** What is never joined or cut. */
    private void odd(final boolean ipv6, final int flow) {
        final byte[] payload = payload(random.nextInt(1_300));
        final CraftedPacket packet = switch (random.nextInt(4)) {
            case 0 -> CraftedPacket.raw(source(ipv6), destination(ipv6), 253, payload);
            case 1 ->
                ipv6
                        ? packet(false, true, flow, 0, 0, NONE, payload)
                                .extension(44, new byte[] {0, 0, 0, 1, 9, 9, 9, (byte) flow})
                        : packet(false, false, flow, 0, 0, NONE, payload).fragment(CraftedPacket.MORE_FRAGMENTS);
            case 2 ->
                ipv6
                        ? packet(false, true, flow, 0, 0, NONE, payload)
                                .extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 0, 1, 4, 0, 0, 0, 0})
                        : packet(true, false, flow, 1, CraftedPacket.ACK, NONE, payload)
                                .options((byte) 1, (byte) 1, (byte) 1, (byte) 0);
            default -> packet(false, ipv6, flow, 0, 0, NONE, payload).checksum(CraftedPacket.Checksum.WRONG);
        };
        expected.add(packet.ttl(64 - hops).bytes());
        from.send(packet.ttl(64).bytes());
    }
}
