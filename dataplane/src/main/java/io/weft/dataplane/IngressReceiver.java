/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.encap.ChecksumState;
import io.weft.encap.Ecn;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Superframe;
import io.weft.encap.TransportChecksum;
import io.weft.linux.ControlMessage;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketConstants;
import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * First half of a packet's way from the underlay to the host; {@link IngressSender} is the second.
 *
 * <ol>
 *   <li>receive messages into the ring; one may hold many datagrams of one length ({@code UDP_GRO});
 *   <li>check what the {@link Tunnel} put in front of the packet, and the inner IP header;
 *   <li>carry a congestion mark from outside to inside (RFC 6040);
 *   <li>find the state of the inner checksum: verified, partial or wrong;
 *   <li>join what continues a superframe of this batch, else begin a new one; hand all over at the end of the batch.
 * </ol>
 *
 * Nothing waits for a later batch. Within a flow, order is kept: a packet that does not continue its flow's superframe
 * shuts it and begins the next one.
 */
final class IngressReceiver implements PolledAgent {
    /** A superframe is joined of up to 46 packets: a batch of single datagrams should hold more than one. */
    private static final int MAX_MESSAGES = 128;

    /** About what the second-level cache holds beside everything else. */
    private static final int MAX_BYTES = 0x40000;

    private static final int OPEN_FLOWS = 64;
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
    private final QueueGauge gauge;
    private final IpPacket packet = new IpPacket();
    private final @Nullable Superframe[] openFlows = new Superframe[OPEN_FLOWS];
    private final Tunnel tunnel;
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
        tunnel = context.tunnel();
        mtu = context.mtu();
        this.commands = commands;
        this.counters = counters;
        this.senderDoorbell = senderDoorbell;
        roleName = "weft-igr-rcv-" + worker;
        gauge = QueueGauge.ofIngress(counters, ring.capacity());
    }

    /** The host's device has another MTU now. A command: runs on the agent's thread. */
    void onMtu(final int newMtu) {
        mtu = newMtu;
    }

    @Override
    public int doWork() {
        gauge.onCycle(ring.inFlight());
        return commands.runOne() + receive();
    }

    private int receive() {
        final int claimed = ring.claimSlots(window);
        senderBehind = 0 == claimed;
        if (0 == claimed) {
            gauge.onFull();
            return 0;
        }
        final int first = ring.firstSlot();
        final int received = underlay.receive(messages, first, claimed);
        if (received <= 0) {
            onReadFailure(received);
            return 0;
        }
        int bytes = 0;
        for (int slot = first; slot < first + received; slot++) {
            bytes += messages.length(slot);
            onMessage(slot);
        }
        ring.rearm(first, received);
        counters.add(DataPlaneCounter.INGRESS_MESSAGES, received);
        window = Math.max(1, Math.min(MAX_MESSAGES, (int) ((long) MAX_BYTES * received / Math.max(1, bytes))));
        Arrays.fill(openFlows, null);
        if (ring.publish(received) > 0) {
            senderDoorbell.ring();
        }
        return received + bytes / EgressReceiver.WORK_LENGTH;
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
        if (0 != (messages.flags(slot) & SocketConstants.MSG_TRUNC)) {
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
     * Whether a message with a segment length is one datagram all the same: a superframe that a kernel on the same
     * machine left to a device to cut comes in whole, and its segment length is that of the inner payload.
     */
    private boolean isUncut(final int start, final int length) {
        final int ipOffset = tunnel.headerLength();
        return IpPacket.Fault.NONE == packet.parse(arena, start + ipOffset, length - ipOffset, false)
                && packet.totalLength() == length - ipOffset;
    }

    private void onDatagram(final int datagram, final int length, final int uncutGsoSize) {
        counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
        final @Nullable DropReason reason = tunnel.leave(arena, datagram, length, packet);
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
