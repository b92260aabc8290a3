/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.CommandQueue;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
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
 * Nothing waits for a later batch; one that holds more packets than there are frames is gone on with when there are. Within a
 * flow, order is kept: a packet that does not continue its flow's superframe begins the next one.
 */
public final class IngressReceiver implements PolledAgent {
    /** A superframe is joined of up to 46 packets: a batch of single datagrams should hold more than one. */
    private static final int MAX_MESSAGES = 128;

    private static final int UNREAD = -1;

    /** About what the second-level cache holds beside everything else. */
    private static final int MAX_BYTES = 0x40000;

    private final UnderlayReceiver underlay;
    private final IngressRing ring;
    private final UnsafeBuffer arena;
    private final Tunnel tunnel;
    private final IngressCheck check;
    private final Backlog backlog;
    private final CommandQueue commands;
    private final WorkerCounters counters;
    private final Tap tap;
    private final Doorbell senderDoorbell;
    private final String roleName;
    private final QueueGauge gauge;
    private final ReceivedMessage message = new ReceivedMessage();
    private final IpPacket packet = new IpPacket();
    private final FlowJoiner joiner;
    private final SegmentGuess guess;
    private int window = MAX_MESSAGES;
    /** Of the batch that is being joined: the next message, the one behind the last, and where in {@link #message} to go on. */
    private int nextSlot;

    private int endSlot;
    private int nextOffset = UNREAD;
    private int batchLength;

    /** Since the backlog was last told, packets that no receiver holds back. */
    private int pushed;

    /** Whether the batch was all that there was to receive. */
    private boolean hasReceivedAll;

    /** Of {@link #message}: bytes of each datagram but the last, and of each segment in one that came unsegmented, or 0. */
    private int datagramLength;

    private int gsoSize;
    private boolean senderBehind;

    /**
     * @param underlay made for the same ring.
     * @param check who may send what.
     * @param mtu of pods in bytes.
     * @param podPathMtu what routers behind the host's device told.
     * @param backlog of the underlay.
     * @param commands run by this agent, one in each duty cycle.
     * @param tap of this agent.
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
            final Backlog backlog,
            final CommandQueue commands,
            final WorkerCounters counters,
            final Tap tap,
            final Doorbell senderDoorbell,
            final int worker) {
        this.underlay = underlay;
        this.ring = ring;
        arena = ring.arena();
        this.tunnel = tunnel;
        this.check = check;
        guess = new SegmentGuess(arena, tunnel, podPathMtu, mtu);
        this.backlog = backlog;
        this.commands = commands;
        this.counters = counters;
        this.tap = tap;
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
        return commands.runOne() + (isBatchDone() ? receive() : resume());
    }

    private boolean isBatchDone() {
        return nextSlot == endSlot;
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
        counters.add(DataPlaneCounter.INGRESS_RECEIVE_CALLS, 1);
        if (received <= 0) {
            onReadFailure(received);
            backlog.onBatch(pushed, false);
            pushed = 0;
            return 0;
        }
        nextSlot = first;
        endSlot = first + received;
        batchLength = 0;
        hasReceivedAll = received < claimed;
        counters.add(DataPlaneCounter.INGRESS_MESSAGES, received);
        final int work = join();
        backlog.onBatch(pushed, !hasReceivedAll);
        pushed = 0;
        if (isBatchDone()) {
            window =
                    Math.max(1, Math.min(MAX_MESSAGES, (int) ((long) MAX_BYTES * received / Math.max(1, batchLength))));
        }
        return work;
    }

    /** The batch before holds more packets than there were frames: goes on where it stopped. */
    private int resume() {
        senderBehind = !ring.hasFrame();
        if (senderBehind) {
            gauge.onFull();
            return 0;
        }
        return join();
    }

    /**
     * Joins what is left of the batch that was received last, as far as there are frames, and receives no other. While no thread runs this
     * agent.
     *
     * @return true if the sender has something to deliver of it.
     */
    public boolean joinRest() {
        if (isBatchDone() || !ring.hasFrame()) {
            return false;
        }
        join();
        return true;
    }

    /** Joins what the messages of the batch hold, as far as there are frames, and hands it over. */
    private int join() {
        final int first = nextSlot;
        final int lengthBefore = batchLength;
        check.beginBatch();
        boolean isFaultless = false;
        try {
            while (!isBatchDone() && joinMessage()) {
                nextSlot++;
                nextOffset = UNREAD;
            }
            isFaultless = true;
        } finally {
            if (!isFaultless) {
                // The runner tells of it and goes on: with the next message, or it would meet the same one for ever.
                nextSlot++;
                nextOffset = UNREAD;
            }
            joiner.endBatch();
            senderBehind = !isBatchDone();
            if (ring.publish(nextSlot - first, hasReceivedAll && isBatchDone()) > 0) {
                senderDoorbell.ring();
            }
        }
        return nextSlot - first + (batchLength - lengthBefore) / WORK_LENGTH;
    }

    private void onReadFailure(final int result) {
        if (-Errno.EAGAIN != result && -Errno.EINTR != result) {
            counters.add(DataPlaneCounter.UNDERLAY_READ_ERRORS, 1);
        }
    }

    /** False if there is no frame for the next packet: the message is to be gone on with. */
    private boolean joinMessage() {
        if (UNREAD == nextOffset) {
            underlay.read(nextSlot, message);
            batchLength += message.length;
            nextOffset = 0;
            if (message.isPart || isRefused(message)) {
                pushed++;
                return true;
            }
            findDatagrams();
            countOfPeer();
        }
        final int length = message.length;
        do {
            if (!ring.hasFrame()) {
                return false;
            }
            onDatagram(message.offset + nextOffset, Math.min(datagramLength, length - nextOffset), message, gsoSize);
            nextOffset += datagramLength;
        } while (nextOffset < length);
        return true;
    }

    /** Once for a message, and of what its sender may send or may not: who sends only what is dropped was heard all the same. */
    private void countOfPeer() {
        final int length = message.length;
        final int datagrams = length <= datagramLength ? 1 : (length + datagramLength - 1) / datagramLength;
        counters.receivedFrom(check.peer(), datagrams, Math.max(0, length - datagrams * tunnel.headerLength()));
    }

    /** Whether the message is datagrams that the kernel joined, or one that came unsegmented. */
    private void findDatagrams() {
        final int length = message.length;
        final int segmentLength = message.segmentLength;
        final boolean isUnsegmented = message.isTold
                ? message.gsoSize > 0
                : segmentLength > 0
                        && length > segmentLength
                        && guess.isUnsegmented(message.offset, length, segmentLength);
        datagramLength = segmentLength > 0 && !isUnsegmented ? segmentLength : Math.max(1, length);
        gsoSize = isUnsegmented ? (message.isTold ? message.gsoSize : segmentLength) : 0;
    }

    /** Whether nothing of a message goes further. */
    private boolean isRefused(final ReceivedMessage received) {
        if (null != received.refusal) {
            counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
            counters.drop(received.refusal, 1);
            show(received, received.offset, received.length, received.refusal, 0, Tap.NO_SEQUENCE);
            return true;
        }
        final @Nullable DropReason ofSender = check.refusalOfSender(received);
        if (null != ofSender) {
            showAll(received, ofSender);
        }
        return null != ofSender;
    }

    /** Where nobody looks, the first stands for all. */
    private void showAll(final ReceivedMessage received, final DropReason reason) {
        final int length = received.length;
        final int each = received.segmentLength > 0 ? received.segmentLength : Math.max(1, length);
        int at = 0;
        do {
            show(received, received.offset + at, Math.min(each, length - at), reason, 0, Tap.NO_SEQUENCE);
            at += each;
        } while (at < length && tap.isOn());
    }

    private void show(
            final ReceivedMessage received,
            final int datagram,
            final int length,
            final @Nullable DropReason reason,
            final int toldGsoSize,
            final long frame) {
        tap.begin(Step.RECEIVED, frame, Direction.INGRESS, reason, 1, toldGsoSize);
        tap.peer(received.isIpv4, received.sourceHigh, received.sourceLow, received.sourcePort, received.outerTos);
        tap.show(arena, datagram, length, Math.min(length, tunnel.packetOffset(arena, datagram, length) - datagram));
    }

    /**
     * @param toldGsoSize payload bytes of each segment if the datagram is a superframe that came unsegmented; 0 if it is not
     *     told to be one.
     */
    private void onDatagram(
            final int datagram, final int length, final ReceivedMessage received, final int toldGsoSize) {
        counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, 1);
        final @Nullable DropReason reason = refusal(datagram, length, received);
        if (null != reason) {
            pushed++;
            counters.drop(reason, 1);
            show(received, datagram, length, reason, toldGsoSize, Tap.NO_SEQUENCE);
            return;
        }
        pushed += packet.isFlowControlled() ? 0 : 1;
        final int tos = packet.tos(arena);
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
        final IngressFrame frame = joiner.join(
                packet, state, received.isTold || toldGsoSize > 0 ? toldGsoSize : guess.gsoSize(packet, state));
        if (tap.isOn()) {
            show(received, datagram, length, null, toldGsoSize, frame.sequence);
        }
    }

    /** Why the packet of a datagram goes no further, or null. */
    private @Nullable DropReason refusal(final int datagram, final int length, final ReceivedMessage received) {
        final @Nullable DropReason ofTunnel = tunnel.leave(arena, datagram, length, packet);
        if (null != ofTunnel) {
            return ofTunnel;
        }
        final @Nullable DropReason ofCheck = check.refusal(arena, packet);
        if (null != ofCheck) {
            return ofCheck;
        }
        return Ecn.mustDrop(received.outerTos, packet.tos(arena)) ? DropReason.IP_TUNNEL_ECN : null;
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
        return !commands.isEmpty() || (senderBehind && (isBatchDone() ? ring.claimSlots(1) > 0 : ring.hasFrame()));
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
