/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.agent.CommandQueue;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.QueueGauge;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.encap.ChecksumState;
import io.weft.encap.Ecn;
import io.weft.encap.IpPacket;
import io.weft.encap.TransportChecksum;
import io.weft.linux.Errno;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * First half of a packet's way from the underlay to the host; {@link IngressSender} is the second.
 *
 * <ol>
 *   <li>receive messages into the ring; one may hold many datagrams of one length ({@code UDP_GRO});
 *   <li>check who sent them;
 *   <li>check what the {@link Tunnel} put in front of the packet, the inner IP header, and its addresses;
 *   <li>carry a congestion mark from outside to inside (RFC 6040);
 *   <li>find the state of the inner checksum: verified, partial or wrong;
 *   <li>join what continues a superframe of this batch, else begin a new one; hand all over at the end of the batch.
 * </ol>
 *
 * Nothing waits for a later batch. Within a flow, order is kept: a packet that does not continue its flow's superframe
 * begins the next one.
 */
public final class IngressReceiver implements PolledAgent {
    /** A superframe is joined of up to 46 packets: a batch of single datagrams should hold more than one. */
    private static final int MAX_MESSAGES = 128;

    /** About what the second-level cache holds beside everything else. */
    private static final int MAX_BYTES = 0x40000;

    private final UnderlayReceiver underlay;
    private final IngressRing ring;
    private final UnsafeBuffer arena;
    private final Tunnel tunnel;
    private final IngressCheck check;
    private final CommandQueue commands;
    private final WorkerCounters counters;
    private final Doorbell senderDoorbell;
    private final String roleName;
    private final QueueGauge gauge;
    private final ReceivedMessage message = new ReceivedMessage();
    private final IpPacket packet = new IpPacket();
    private final FlowJoiner joiner;
    private final SegmentGuess guess;
    private int window = MAX_MESSAGES;
    private boolean senderBehind;

    /**
     * @param underlay made for the same ring.
     * @param check who may send what.
     * @param mtu of pods in bytes.
     * @param podPathMtu what routers behind the host's device told.
     * @param commands run by this agent, one in each duty cycle.
     * @param senderDoorbell of the thread that the ingress sender runs on.
     * @param worker index of the worker, for the role's name.
     */
    public IngressReceiver(
            final UnderlayReceiver underlay,
            final IngressRing ring,
            final Tunnel tunnel,
            final IngressCheck check,
            final int mtu,
            final PodPathMtu podPathMtu,
            final CommandQueue commands,
            final WorkerCounters counters,
            final Doorbell senderDoorbell,
            final int worker) {
        this.underlay = underlay;
        this.ring = ring;
        arena = ring.arena();
        this.tunnel = tunnel;
        this.check = check;
        guess = new SegmentGuess(arena, tunnel, podPathMtu, mtu);
        this.commands = commands;
        this.counters = counters;
        this.senderDoorbell = senderDoorbell;
        roleName = "weft-igr-rcv-" + worker;
        gauge = QueueGauge.ofIngress(counters, ring.capacity());
        joiner = new FlowJoiner(ring);
    }

    /** Pods have another MTU now. A command: runs on the agent's thread. */
    public void onMtu(final int newMtu) {
        guess.mtu(newMtu);
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
        final int received = underlay.receive(first, claimed);
        if (received <= 0) {
            onReadFailure(received);
            return 0;
        }
        check.beginBatch();
        int bytes = 0;
        for (int slot = first; slot < first + received; slot++) {
            underlay.read(slot, message);
            bytes += message.length;
            onMessage(message);
        }
        joiner.endBatch();
        counters.add(DataPlaneCounter.INGRESS_MESSAGES, received);
        window = Math.max(1, Math.min(MAX_MESSAGES, (int) ((long) MAX_BYTES * received / Math.max(1, bytes))));
        if (ring.publish(received) > 0) {
            senderDoorbell.ring();
        }
        return received + bytes / WORK_LENGTH;
    }

    private void onReadFailure(final int result) {
        if (-Errno.EAGAIN != result && -Errno.EINTR != result) {
            counters.add(DataPlaneCounter.UNDERLAY_READ_ERRORS, 1);
        }
    }

    private void onMessage(final ReceivedMessage received) {
        if (received.isPart) {
            return;
        }
        if (null != received.refusal) {
            counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
            counters.drop(received.refusal, 1);
            return;
        }
        if (check.refuses(received)) {
            return;
        }
        final int start = received.offset;
        final int length = received.length;
        final int segmentLength = received.segmentLength;
        if (received.isTold
                ? received.gsoSize > 0
                : segmentLength > 0 && length > segmentLength && guess.isUnsegmented(start, length, segmentLength)) {
            onDatagram(start, length, received, received.isTold ? received.gsoSize : segmentLength);
            return;
        }
        final int datagramLength = segmentLength > 0 ? segmentLength : Math.max(1, length);
        int offset = 0;
        do {
            onDatagram(start + offset, Math.min(datagramLength, length - offset), received, 0);
            offset += datagramLength;
        } while (offset < length);
    }

    /**
     * @param toldGsoSize payload bytes of each segment if the datagram is a superframe that came unsegmented; 0 if it is not
     *     told to be one.
     */
    private void onDatagram(
            final int datagram, final int length, final ReceivedMessage received, final int toldGsoSize) {
        counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
        final @Nullable DropReason reason = tunnel.leave(arena, datagram, length, packet);
        if (null != reason) {
            counters.drop(reason, 1);
            return;
        }
        if (check.refuses(received, arena, packet)) {
            return;
        }
        final int tos = packet.tos(arena);
        if (Ecn.mustDrop(received.outerTos, tos)) {
            counters.drop(DropReason.IP_TUNNEL_ECN, 1);
            return;
        }
        final int newTos = Ecn.decapsulate(received.outerTos, tos);
        if (newTos != tos) {
            Ecn.put(arena, packet.offset(), packet.version(), newTos);
        }
        final ChecksumState state = checksumState(received);
        if (ChecksumState.PARTIAL == state) {
            counters.add(DataPlaneCounter.INGRESS_PARTIAL_CHECKSUMS, 1);
        } else if (ChecksumState.WRONG == state) {
            counters.add(DataPlaneCounter.INGRESS_WRONG_CHECKSUMS, 1);
        }
        final int gsoSize = received.isTold || toldGsoSize > 0 ? toldGsoSize : guess.gsoSize(packet, state);
        if (!joiner.join(packet, state, gsoSize)) {
            counters.drop(DropReason.RING_FULL, 1);
        }
    }

    /** Where the kernel tells what it left undone, all else was done: a sum that looks undone by chance is none. */
    private ChecksumState checksumState(final ReceivedMessage received) {
        if (!received.isTold) {
            return TransportChecksum.state(arena, packet);
        }
        return packet.hasTransport() && received.partialStart == packet.transportOffset()
                ? ChecksumState.PARTIAL
                : TransportChecksum.verify(arena, packet);
    }

    @Override
    public int pollFd() {
        return underlay.fd();
    }

    @Override
    public int secondPollFd() {
        return underlay.secondFd();
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
