/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.encap.ChecksumState;
import io.weft.encap.Ecn;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Superframe;
import io.weft.encap.TransportChecksum;
import io.weft.encap.VxlanFlyweight;
import io.weft.linux.ControlMessage;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * First half of a packet's way from the underlay to the host; {@link IngressSender} is the second.
 *
 * <ol>
 *   <li>receive messages into the ring; one may hold many datagrams of one length ({@code UDP_GRO});
 *   <li>check VXLAN flags and VNI, inner MAC addresses, ether type, inner IP header;
 *   <li>carry a congestion mark from outside to inside (RFC 6040);
 *   <li>find the state of the inner checksum: verified, partial or wrong;
 *   <li>join what continues a superframe of this batch, else begin a new one; hand all over at the end of the batch.
 * </ol>
 *
 * Nothing waits for a later batch. Within a flow, order is kept: a packet that does not continue its flow's superframe
 * shuts it and begins the next one.
 */
final class IngressReceiver implements PolledAgent {
    private static final int MAX_MESSAGES = 16;

    /** About what the second-level cache holds beside everything else. */
    private static final int MAX_BYTES = 0x40000;

    private static final int OPEN_FLOWS = 64;
    private static final int IP_OFFSET = VxlanFlyweight.LENGTH + EthernetFlyweight.LENGTH;
    private static final int MIN_DATAGRAM_LENGTH = IP_OFFSET + Ipv4Flyweight.MIN_LENGTH;
    private static final int HASH_MULTIPLIER = 0x9E3779B1;
    private static final int FLOW_SHIFT = Integer.SIZE - Integer.numberOfTrailingZeros(OPEN_FLOWS);

    private final DatagramPort underlay;
    private final IngressRing ring;
    private final UnsafeBuffer arena;
    private final MessageVector messages;
    private final CommandQueue commands;
    private final WorkerCounters counters;
    private final Doorbell senderDoorbell;
    private final String roleName;
    private final IpPacket packet = new IpPacket();
    private final @Nullable Superframe[] openFlows = new Superframe[OPEN_FLOWS];
    private final int vniWord;
    private final long vtepMac;
    private int mtu;
    private int window = MAX_MESSAGES;
    private boolean senderBehind;

    private int outerTos;
    private int groSize;

    IngressReceiver(
            final DatagramPort underlay,
            final IngressRing ring,
            final DataPlaneContext context,
            final CommandQueue commands,
            final WorkerCounters counters,
            final Doorbell senderDoorbell,
            final int worker) {
        this.underlay = underlay;
        this.ring = ring;
        arena = ring.arena();
        messages = ring.messages();
        vniWord = VxlanFlyweight.vniWord(context.vni());
        vtepMac = context.vtepMac();
        mtu = context.mtu();
        this.commands = commands;
        this.counters = counters;
        this.senderDoorbell = senderDoorbell;
        roleName = "weft-igr-rcv-" + worker;
    }

    /** The host's device has another MTU now. A command: runs on the agent's thread. */
    void onMtu(final int newMtu) {
        mtu = newMtu;
    }

    @Override
    public int doWork() {
        final int work = commands.runOne();
        final int claimed = ring.claimSlots(window);
        senderBehind = 0 == claimed;
        if (0 == claimed) {
            return work;
        }
        final int first = ring.firstSlot();
        final int received = underlay.receive(messages, first, claimed);
        if (received <= 0) {
            onReadFailure(received);
            return work;
        }
        int bytes = 0;
        for (int slot = first; slot < first + received; slot++) {
            bytes += messages.length(slot);
            onMessage(slot);
        }
        counters.add(DataPlaneCounter.INGRESS_MESSAGES, received);
        window = Math.max(1, Math.min(MAX_MESSAGES, (int) ((long) MAX_BYTES * received / Math.max(1, bytes))));
        Arrays.fill(openFlows, null);
        if (ring.publish(received) > 0) {
            senderDoorbell.ring();
        }
        return work + received + bytes / EgressReceiver.WORK_LENGTH;
    }

    private void onReadFailure(final int result) {
        if (-Errno.EAGAIN != result && -Errno.EINTR != result) {
            counters.add(DataPlaneCounter.UNDERLAY_READ_ERRORS, 1);
        }
    }

    private void onMessage(final int slot) {
        final int start = slot * IngressRing.SLOT_LENGTH;
        final int length = messages.length(slot);
        readControl(slot);
        if (0 != (messages.flags(slot) & MessageVector.MSG_TRUNC)) {
            counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
            counters.drop(DropReason.DATAGRAM_TRUNCATED, 1);
            return;
        }
        if (groSize > 0 && length > groSize && isUncut(start, length)) {
            onDatagram(start, length, groSize);
            return;
        }
        final int datagramLength = groSize > 0 ? groSize : Math.max(1, length);
        int offset = 0;
        do {
            onDatagram(start + offset, Math.min(datagramLength, length - offset), 0);
            offset += datagramLength;
        } while (offset < length);
    }

    /** Type of service and length of the datagrams, from the control messages. */
    private void readControl(final int slot) {
        final UnsafeBuffer controls = ring.controls();
        int at = IngressRing.controlOffset(slot);
        final int limit = at + messages.controlLength(slot);
        outerTos = 0;
        groSize = 0;
        while (at < limit) {
            final int level = ControlMessage.level(controls, at);
            final int type = ControlMessage.type(controls, at);
            if (ControlMessage.SOL_UDP == level && ControlMessage.UDP_GRO == type) {
                groSize = ControlMessage.intValue(controls, at);
            } else if (ControlMessage.SOL_IP == level && ControlMessage.IP_TOS == type) {
                outerTos = ControlMessage.byteValue(controls, at);
            } else if (ControlMessage.SOL_IPV6 == level && ControlMessage.IPV6_TCLASS == type) {
                outerTos = ControlMessage.intValue(controls, at);
            }
            at = ControlMessage.next(controls, at, limit);
        }
    }

    /**
     * Whether a message with a segment length is one VXLAN datagram all the same: a superframe that a kernel on the same
     * machine left to a device to cut comes in whole, and its segment length is that of the inner payload.
     */
    private boolean isUncut(final int start, final int length) {
        return IpPacket.Fault.NONE == packet.parse(arena, start + IP_OFFSET, length - IP_OFFSET, false)
                && packet.totalLength() == length - IP_OFFSET;
    }

    private void onDatagram(final int datagram, final int length, final int uncutGsoSize) {
        counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
        final @Nullable DropReason reason = check(datagram, length);
        if (null != reason) {
            counters.drop(reason, 1);
            return;
        }
        final int tos = packet.tos(arena);
        if (Ecn.mustDrop(outerTos, tos)) {
            counters.drop(DropReason.IP_TUNNEL_ECN, 1);
            return;
        }
        final int newTos = Ecn.decapsulate(outerTos, tos);
        if (newTos != tos) {
            Ecn.put(arena, packet.offset(), packet.version(), newTos);
        }
        join(TransportChecksum.state(arena, packet), uncutGsoSize);
    }

    private @Nullable DropReason check(final int datagram, final int length) {
        if (length < MIN_DATAGRAM_LENGTH) {
            return DropReason.PKT_TOO_SMALL;
        }
        if (VxlanFlyweight.FLAGS_VNI_VALID != VxlanFlyweight.flags(arena, datagram)) {
            return DropReason.VXLAN_INVALID_HDR;
        }
        final int vni = VxlanFlyweight.vniAndReserved(arena, datagram);
        if (vni != vniWord) {
            return 0 == ((vni ^ vniWord) & ~0xFF) ? DropReason.VXLAN_INVALID_HDR : DropReason.VXLAN_VNI_NOT_FOUND;
        }
        final int ethernet = datagram + VxlanFlyweight.LENGTH;
        final long source = EthernetFlyweight.source(arena, ethernet);
        if (source == vtepMac) {
            return DropReason.LOCAL_MAC;
        }
        if (0 == source || 0 != (source & EthernetFlyweight.GROUP_BIT)) {
            return DropReason.MAC_INVALID_SOURCE;
        }
        if (EthernetFlyweight.destination(arena, ethernet) != vtepMac) {
            return DropReason.OTHERHOST;
        }
        return checkNetwork(EthernetFlyweight.type(arena, ethernet), datagram + IP_OFFSET, length - IP_OFFSET);
    }

    private @Nullable DropReason checkNetwork(final int type, final int ip, final int available) {
        if (EthernetFlyweight.TYPE_IPV4 != type && EthernetFlyweight.TYPE_IPV6 != type) {
            return DropReason.UNHANDLED_PROTO;
        }
        final IpPacket.Fault fault = packet.parse(arena, ip, available, true);
        if (IpPacket.Fault.NONE == fault) {
            final boolean ipv4 = 4 == packet.version();
            return ipv4 == (EthernetFlyweight.TYPE_IPV4 == type) ? null : DropReason.INNER_IP_INHDR;
        }
        return IpPacket.Fault.HEADER_CHECKSUM == fault ? DropReason.IP_CSUM : DropReason.INNER_IP_INHDR;
    }

    private void join(final ChecksumState state, final int uncutGsoSize) {
        if (ChecksumState.PARTIAL == state) {
            counters.add(DataPlaneCounter.INGRESS_PARTIAL_CHECKSUMS, 1);
        } else if (ChecksumState.WRONG == state) {
            counters.add(DataPlaneCounter.INGRESS_WRONG_CHECKSUMS, 1);
        } else if (packet.isFragment()) {
            // Which flow a fragment belongs to cannot be told: none may be overtaken by what comes after.
            Arrays.fill(openFlows, null);
        }
        final int flow = (packet.flowHash() * HASH_MULTIPLIER) >>> FLOW_SHIFT;
        final @Nullable Superframe open = openFlows[flow];
        if (null != open && open.append(arena, packet, state)) {
            return;
        }
        final @Nullable IngressFrame frame = ring.claimFrame();
        if (null == frame) {
            counters.drop(DropReason.RING_FULL, 1);
            return;
        }
        frame.superframe.begin(arena, packet, state, uncutGsoSize(state, uncutGsoSize));
        openFlows[flow] = frame.superframe;
    }

    private int uncutGsoSize(final ChecksumState state, final int uncutGsoSize) {
        if (0 != uncutGsoSize || ChecksumState.PARTIAL != state || packet.totalLength() <= mtu) {
            return uncutGsoSize;
        }
        return IpProtocol.TCP == packet.protocol() ? mtu - packet.headerLength() - packet.transportHeaderLength() : 0;
    }

    @Override
    public int pollFd() {
        return underlay.fd();
    }

    /** The sender may have made room, and rung, before this thread said that it waits: so look once more. */
    @Override
    public boolean hasWork() {
        return !commands.isEmpty() || (senderBehind && ring.claimSlots(1) > 0);
    }

    @Override
    public boolean wantsInput() {
        return !senderBehind;
    }

    @Override
    public String roleName() {
        return roleName;
    }
}
