/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.GatherList;
import io.weft.encap.InternetChecksum;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.UdpFlyweight;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.MessageVector;
import io.weft.linux.ReceivePort;
import io.weft.linux.SocketConstants;
import io.weft.linux.TunnelFilter;
import java.net.Inet4Address;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Receives by a {@link io.weft.linux.PacketSocket}, and by the UDP socket of the same port what that one leaves. All packets of a
 * flow come by one of the two, so order within a flow is kept. The headers are received beside the ring, so that a payload lies in its
 * slot as one that comes by UDP does:
 *
 * <pre>
 *   headers   | vnet header | Ethernet | IP | UDP |        slot   | VXLAN and Ethernet | IP packet |
 * </pre>
 *
 * What the kernel's UDP layer would refuse is refused here (net/ipv4/ip_input.c {@code ip_rcv_core}, net/ipv4/udp.c
 * {@code __udp4_lib_rcv}, net/ipv6/udp.c {@code udp6_csum_init}). Owned by the ingress receiver.
 */
public final class PacketReceiver implements UnderlayReceiver {
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final int IP_OFFSET = VNET_LENGTH + EthernetFlyweight.LENGTH;
    private static final int IOVECS = 2;

    /** A busy packet socket does not keep those waiting that come by UDP: one in so many cycles begins there. */
    private static final int CYCLES_BETWEEN_DATAGRAMS = 16;

    private final ReceivePort port;
    private final @Nullable Ipv6Reassembler reassembler;
    private final int ipLength;
    private final int headersLength;
    private final int headersStride;
    private final DatagramReceiver datagrams;
    private final WorkerCounters counters;
    private final UnsafeBuffer arena;
    private final UnsafeBuffer headers;
    private final UnsafeBuffer iovecs;
    private final MessageVector vector;
    private int cycles;
    private boolean isBatchOfPackets;

    /**
     * @param port the packet socket.
     * @param filter what it takes.
     * @param datagrams by the UDP socket, into the same ring.
     */
    public PacketReceiver(
            final ReceivePort port,
            final TunnelFilter filter,
            final DatagramReceiver datagrams,
            final IngressRing ring,
            final WorkerCounters counters) {
        this.port = port;
        final boolean isIpv4 = filter.local() instanceof Inet4Address;
        reassembler = isIpv4 ? null : new Ipv6Reassembler(filter.port(), SystemNanoClock.INSTANCE);
        ipLength = isIpv4 ? Ipv4Flyweight.MIN_LENGTH : Ipv6Flyweight.LENGTH;
        headersLength = IP_OFFSET + ipLength + UdpFlyweight.LENGTH;
        headersStride = BitUtil.align(headersLength, BitUtil.CACHE_LINE_LENGTH);
        this.datagrams = datagrams;
        this.counters = counters;
        arena = ring.arena();
        final int slotCount = ring.slotCount();
        headers = allocate(slotCount * headersStride);
        iovecs = allocate(slotCount * IOVECS * GatherList.ENTRY_LENGTH);
        vector = new MessageVector(slotCount);
        for (int slot = 0; slot < slotCount; slot++) {
            final int iovec = slot * IOVECS * GatherList.ENTRY_LENGTH;
            GatherList.put(iovecs, iovec, headers.addressOffset() + (long) slot * headersStride, headersLength);
            final long address = arena.addressOffset() + (long) slot * IngressRing.SLOT_LENGTH;
            GatherList.put(iovecs, iovec + GatherList.ENTRY_LENGTH, address, IngressRing.SLOT_LENGTH);
            vector.iovecs(slot, iovecs.addressOffset() + iovec, IOVECS);
        }
    }

    /** What a receiver takes outside of the heap, in bytes. */
    static long memoryLength(final int slotCount) {
        final int headersMost = IP_OFFSET + Ipv6Flyweight.LENGTH + UdpFlyweight.LENGTH;
        final int ofSlot = BitUtil.align(headersMost, BitUtil.CACHE_LINE_LENGTH)
                + IOVECS * GatherList.ENTRY_LENGTH
                + MessageVector.MESSAGE_LENGTH;
        return (long) slotCount * ofSlot + Ipv6Reassembler.memoryLength();
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    @Override
    public int fd() {
        return port.fd();
    }

    @Override
    public int secondFd() {
        return datagrams.fd();
    }

    @Override
    public int receive(final int firstSlot, final int count) {
        cycles++;
        if (0 != cycles % CYCLES_BETWEEN_DATAGRAMS) {
            final int received = receivePackets(firstSlot, count);
            if (received > 0) {
                return received;
            }
            countSecondCall();
            return receiveDatagrams(firstSlot, count, received);
        }
        final int received = receiveDatagrams(firstSlot, count, 0);
        if (received > 0) {
            return received;
        }
        countSecondCall();
        return receivePackets(firstSlot, count);
    }

    /** The ingress receiver counts one for each time that it asks. */
    private void countSecondCall() {
        counters.add(DataPlaneCounter.INGRESS_RECEIVE_CALLS, 1);
    }

    private int receivePackets(final int firstSlot, final int count) {
        isBatchOfPackets = true;
        final int received = port.receive(vector, firstSlot, count);
        if (received > 0) {
            counters.add(DataPlaneCounter.INGRESS_PACKET_MESSAGES, received);
        }
        return received;
    }

    /** @param failure of the packet socket before, which is told if the UDP socket has nothing. */
    private int receiveDatagrams(final int firstSlot, final int count, final int failure) {
        isBatchOfPackets = false;
        final int received = datagrams.receive(firstSlot, count);
        return received > 0 || 0 == failure ? received : failure;
    }

    @Override
    public void read(final int slot, final ReceivedMessage message) {
        if (isBatchOfPackets) {
            readPacket(slot, message);
        } else {
            datagrams.read(slot, message);
        }
    }

    private void readPacket(final int slot, final ReceivedMessage message) {
        final int vnet = slot * headersStride;
        final int ip = vnet + IP_OFFSET;
        message.isTold = true;
        message.isPart = false;
        message.offset = slot * IngressRing.SLOT_LENGTH;
        message.length = 0;
        message.segmentLength = 0;
        message.gsoSize = 0;
        message.partialStart = 0;
        message.sourcePort = 0;
        message.outerTos = 0;
        readSource(ip, message);
        final int available = vector.length(slot) - headersLength;
        if (0 != (vector.flags(slot) & SocketConstants.MSG_TRUNC)) {
            message.refusal = DropReason.DATAGRAM_TRUNCATED;
        } else if (null == reassembler) {
            final boolean isSound = Ipv4Flyweight.isChecksumRight(headers, ip, Ipv4Flyweight.MIN_LENGTH);
            message.outerTos = Ipv4Flyweight.tos(headers, ip);
            final int length = Ipv4Flyweight.totalLength(headers, ip) - Ipv4Flyweight.MIN_LENGTH;
            readDatagram(vnet, message, isSound ? length - UdpFlyweight.LENGTH : -1, available);
        } else {
            readIpv6(vnet, message, available, reassembler);
        }
    }

    private void readSource(final int ip, final ReceivedMessage message) {
        message.isIpv4 = null == reassembler;
        message.sourceHigh = message.isIpv4
                ? (long) Ipv4Flyweight.source(headers, ip) << Integer.SIZE
                : Ipv6Flyweight.sourceHigh(headers, ip);
        message.sourceLow = message.isIpv4 ? 0 : Ipv6Flyweight.sourceLow(headers, ip);
    }

    private void readIpv6(
            final int vnet, final ReceivedMessage message, final int available, final Ipv6Reassembler assembler) {
        final int ip = vnet + IP_OFFSET;
        final int length = Ipv6Flyweight.payloadLength(headers, ip) - Ipv6Reassembler.FRAGMENT_HEADER_LENGTH;
        if (IpProtocol.FRAGMENT != Ipv6Flyweight.nextHeader(headers, ip)) {
            message.outerTos = Ipv6Flyweight.trafficClass(headers, ip);
            readDatagram(vnet, message, length, available);
            return;
        }
        final int whole = assembler.add(headers, ip, arena, message.offset, length > available ? -1 : length, message);
        message.isPart = 0 == whole && null == message.refusal;
        message.outerTos = Ipv6Flyweight.trafficClass(headers, ip);
        if (whole > 0) {
            VirtioNetHeaderFlyweight.putPlain(headers, vnet); // what was said is said of one fragment
            readDatagram(vnet, message, whole - UdpFlyweight.LENGTH, IngressRing.SLOT_LENGTH);
        }
    }

    /**
     * @param told bytes behind the UDP header, as the IP header says; negative if that is broken.
     * @param available bytes behind the UDP header that were received.
     */
    private void readDatagram(final int vnet, final ReceivedMessage message, final int told, final int available) {
        final int udp = vnet + IP_OFFSET + ipLength;
        final int length = UdpFlyweight.length(headers, udp) - UdpFlyweight.LENGTH;
        message.sourcePort = headers.getShort(udp + UdpFlyweight.SOURCE_PORT_OFFSET, BIG_ENDIAN) & 0xFFFF;
        final int flags = VirtioNetHeaderFlyweight.flags(headers, vnet);
        final boolean isPartial = 0 != (flags & VirtioNetHeaderFlyweight.NEEDS_CHECKSUM);
        final boolean isVerified = isPartial || 0 != (flags & VirtioNetHeaderFlyweight.DATA_VALID);
        if (length < 0 || length > told || told > available) {
            message.refusal = DropReason.OUTER_HEADER;
            return;
        }
        message.length = length;
        final boolean hasChecksum = 0 != UdpFlyweight.checksum(headers, udp);
        final boolean mayBeWithout = null == reassembler; // over IPv6 there has to be one
        if (hasChecksum ? isVerified || isChecksumRight(vnet + IP_OFFSET, message) : mayBeWithout) {
            message.refusal = null;
            readOffloads(vnet, message, isPartial);
        } else {
            message.refusal = DropReason.UDP_CSUM;
        }
    }

    /** A device that cannot check the outer checksum leaves it to the UDP layer, and so to this. */
    private boolean isChecksumRight(final int ip, final ReceivedMessage message) {
        final int udp = ip + ipLength;
        final int length = UdpFlyweight.LENGTH + message.length;
        final long pseudoHeader =
                InternetChecksum.pseudoHeader(headers, ip, null == reassembler ? 4 : 6, IpProtocol.UDP, length);
        final long sum = InternetChecksum.sum(headers, udp, UdpFlyweight.LENGTH, pseudoHeader);
        return InternetChecksum.ALL_ONES
                == InternetChecksum.fold(InternetChecksum.sum(arena, message.offset, message.length, sum));
    }

    /**
     * What begins behind the outer UDP header concerns the packet inside: a superframe that came unsegmented, or one packet whose
     * checksum was left to a device. What begins at the outer UDP header concerns the datagrams, which the device or the kernel has
     * joined, as for {@code UDP_GRO}.
     */
    private void readOffloads(final int vnet, final ReceivedMessage message, final boolean isPartial) {
        final int inside = VirtioNetHeaderFlyweight.checksumStart(headers, vnet) + VNET_LENGTH - headersLength;
        final boolean isInner = isPartial && inside > 0 && inside < message.length;
        if (isInner) {
            message.partialStart = message.offset + inside;
        }
        if (VirtioNetHeaderFlyweight.GSO_NONE == VirtioNetHeaderFlyweight.gsoType(headers, vnet)) {
            return;
        }
        final int gsoSize = VirtioNetHeaderFlyweight.gsoSize(headers, vnet);
        if (isInner) {
            message.gsoSize = gsoSize;
        } else {
            message.segmentLength = gsoSize;
        }
    }
}
