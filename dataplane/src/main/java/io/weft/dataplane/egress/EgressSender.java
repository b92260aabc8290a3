/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.Ecn;
import io.weft.encap.SuperframeCutter;
import io.weft.encap.TransportChecksum;
import io.weft.linux.DatagramPort;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.jspecify.annotations.Nullable;

/**
 * Second half of a packet's way from the host to the underlay, after {@link EgressReceiver}.
 *
 * <ol start="6">
 *   <li>choose a sending socket by the flow's hash, so that the outer source port tells flows apart;
 *   <li>complete the checksum of a single packet; hand a superframe over unsegmented where a device will cut it, else cut
 *       it here: new headers, payload where it lies;
 *   <li>datagrams of one length for one peer join into one message; all messages go out, by packet socket or UDP socket, and the memory
 *       is released.
 * </ol>
 *
 * Where the underlay takes no more, frames are copied into the {@link FairQueue} and wait there until it does, or until they have waited for
 * too long. The ring's memory is released up to the first frame that a stalled sender keeps.
 */
public final class EgressSender implements PolledAgent {
    /**
     * Of frames that count for more than small packets, bytes in one duty cycle: of those as many are sent as were read. Of what waits,
     * about as many by each socket: the host's device is to be read meanwhile.
     */
    private static final int MAX_BYTES = 0x20000;

    /**
     * Of what waits, bytes that are sent at once, the last frame more or less: what a stalled sender keeps of it goes before all flows that
     * have their turn.
     */
    private static final int CHUNK_LENGTH = 0x8000;

    /** Frames that are dealt with at once, for those that are dropped count no bytes. */
    private static final int CHUNK_FRAMES = 512;

    /** So long after something waited the next flood is no more to be expected than any. */
    static final long PAGES_KEPT_NS = 10_000_000_000L;

    private final EgressRing ring;
    private final FairQueue waiting;
    private final HeldFrames held;
    private final UnansweredPeers unanswered;

    /** The one that waited and is dealt with now. */
    private final EgressFrame turn = new EgressFrame(0);

    private final UnsafeBuffer arena;
    private final NanoClock clock;
    private final WorkerCounters counters;
    private final AtomicCounter waitingBytes;
    private final UnderlaySender[] senders;
    private final SuperframeCutter cutter = new SuperframeCutter();
    private final @Nullable OffloadQueue offload;
    private final @Nullable PacketQueue packets;
    private final EgressOutcomes outcomes;
    private final MemoryRelease memory;
    private final String roleName;
    private final int[] outputs;
    private int outputCount;

    /** Whether a sender is stalled or a frame waits. */
    private boolean isPressed;

    /** Whose turn it is, among what waits. */
    private int turnSocket;

    /** What each socket may send in its turn still; less than nothing if its last frame was longer than that. */
    private final int[] turnBytes;

    /** When this turn began, if a sender was stalled or a frame waited; else when the first one was, or had to. */
    private long nowNs;

    /**
     * @param waiting what the underlay does not take at once.
     * @param unanswered who is not sent to, though something waits.
     * @param ports the sending sockets, a power of two of them.
     * @param maxSegments datagrams that the kernel cuts from one message at most.
     * @param transmission the way by packet socket, null if there is none.
     * @param offload the way for superframes that need no cutting, null if there is none.
     * @param clock for what lasts: send buffers, narrow paths, waiting.
     * @param tap of this agent.
     */
    public EgressSender(
            final EgressRing ring,
            final FairQueue waiting,
            final UnansweredPeers unanswered,
            final List<? extends DatagramPort> ports,
            final int maxSegments,
            final @Nullable PacketTransmission transmission,
            final @Nullable TunnelOffload offload,
            final NanoClock clock,
            final WorkerCounters counters,
            final Tap tap,
            final Doorbell receiverDoorbell,
            final int worker) {
        this.ring = ring;
        this.waiting = waiting;
        held = waiting.frames();
        this.unanswered = unanswered;
        arena = ring.arena();
        this.clock = clock;
        this.counters = counters;
        waitingBytes = counters.of(DataPlaneCounter.EGRESS_WAITING_BYTES);
        outcomes = new EgressOutcomes(arena, waiting, counters, tap);
        final OffloadQueue queue = null == offload ? null : new OffloadQueue(arena, offload, counters, worker);
        this.offload = queue;
        final NarrowPaths narrowPaths = new NarrowPaths(clock);
        final List<DatagramSender> sockets = new ArrayList<>();
        for (final DatagramPort port : ports) {
            sockets.add(new DatagramSender(
                    port, arena, maxSegments, narrowPaths, unanswered, clock, counters, outcomes, sockets.size()));
        }
        packets = null == transmission
                ? null
                : new PacketQueue(
                        arena, maxSegments, transmission, sockets, narrowPaths, clock, counters, outcomes, worker);
        senders = new UnderlaySender[sockets.size()];
        for (int i = 0; i < senders.length; i++) {
            final UnderlaySender sender =
                    null == packets ? sockets.get(i) : new PacketSender(packets, sockets.get(i), outcomes, i);
            senders[i] = null == offload || null == queue
                    ? sender
                    : new OffloadSender(queue, sender, offload.sourcePorts(worker)[i]);
        }
        memory = new MemoryRelease(ring, waiting, senders, outcomes, receiverDoorbell);
        outputs = new int[senders.length];
        turnBytes = new int[senders.length];
        roleName = "weft-egr-snd-" + worker;
    }

    /**
     * What a sender takes outside of the heap, in bytes.
     *
     * @param ports sending sockets.
     */
    public static long memoryLength(final int ports) {
        return ports * DatagramBatch.memoryLength() + PacketQueue.memoryLength();
    }

    @Override
    public int doWork() {
        if (null != offload) {
            offload.beginBatch();
        }
        if (null != packets) {
            packets.beginBatch();
        }
        int frames = 0;
        if (isPressed) {
            nowNs = clock.nanoTime();
            frames = sendWaiting();
        }
        int polled = 0;
        int bytes = 0;
        while (polled < ring.capacity() && bytes < MAX_BYTES) {
            final @Nullable EgressFrame frame = ring.poll();
            if (null == frame) {
                break;
            }
            onFrame(frame);
            memory.onPolled(frame);
            bytes += frame.packet.totalLength() < WORK_LENGTH ? 0 : frame.packet.totalLength();
            polled++;
        }
        frames += polled;
        if (frames > 0 || isPressed) {
            flush();
            release();
        }
        return frames;
    }

    /** Sends what waits for each socket, as far as it takes it. Returns how many frames. */
    private int sendWaiting() {
        for (final UnderlaySender sender : senders) {
            sender.tryAgain(nowNs);
        }
        int frames = 0;
        for (int socket = 0; socket < senders.length; socket++) {
            frames += sendChunk(socket, true);
        }
        return frames + sendInTurns();
    }

    /**
     * Sockets may share a queue. So each has a turn that is as long as flows wait for it, is sent by chunks, and is gone on with where there
     * was no room for all of it; a socket that takes no more is passed over.
     */
    private int sendInTurns() {
        final int chunksMost = MAX_BYTES / CHUNK_LENGTH * senders.length;
        int frames = 0;
        int passedOver = 0;
        for (int chunks = 0; chunks < chunksMost && passedOver < senders.length; chunks++) {
            final int socket = turnSocket;
            final boolean isInDebt = !hasTurn(socket) && waiting.waitsFor(socket);
            final int sent = isInDebt ? 0 : sendChunk(socket, false);
            passedOver = isInDebt || sent > 0 ? 0 : passedOver + 1;
            if (0 == sent || turnBytes[socket] <= 0) {
                turnSocket = (socket + 1) & (senders.length - 1);
            }
            frames += sent;
        }
        return frames;
    }

    /** Begins a socket's turn, or goes on with it, by as many flows as wait for it now. */
    private boolean hasTurn(final int socket) {
        final int most = CHUNK_LENGTH * waiting.flows(socket);
        if (0 == most) {
            turnBytes[socket] = 0;
        } else {
            turnBytes[socket] = turnBytes[socket] > 0 ? Math.min(turnBytes[socket], most) : turnBytes[socket] + most;
        }
        return turnBytes[socket] > 0;
    }

    /** @param isFresh only of flows that have not waited yet, which come before all turns. */
    private int sendChunk(final int socket, final boolean isFresh) {
        if (!waiting.waitsFor(socket)) {
            return 0;
        }
        final UnderlaySender sender = senders[socket];
        int frames = 0;
        int bytes = 0;
        while (bytes < CHUNK_LENGTH && frames < CHUNK_FRAMES && waiting.waitsFor(socket)) {
            final int frame = isFresh ? waiting.peekFresh(socket) : waiting.peek(socket);
            if (HeldFrames.NONE == frame) {
                break;
            }
            held.load(frame, turn);
            if (!sender.prepare(turn, turn.segments())) {
                break;
            }
            waiting.remove(frame);
            final @Nullable DropReason reason = whyNot(frame);
            if (null == reason) {
                forward(turn, sender);
                held.batch(frame, turn.batch);
                waiting.onSent(turn.flow, turn.packet.totalLength());
                bytes += turn.packet.totalLength();
            } else {
                outcomes.drop(turn, reason, turn.segments());
            }
            frames++;
        }
        if (frames > 0) {
            sender.flush();
        }
        turnBytes[socket] -= isFresh ? 0 : bytes;
        return frames;
    }

    /** Why a frame that waited is not sent after all; null if it is. One that can carry the mark is marked and not dropped. */
    private @Nullable DropReason whyNot(final int frame) {
        if (unanswered.refuses(turn.peer)) {
            return DropReason.UNDERLAY_UNREACHABLE;
        }
        if (nowNs - held.sinceNs(frame) > FairQueue.MAX_WAIT_NS) {
            return DropReason.UNDERLAY_BUSY;
        }
        if (!waiting.shouldDrop(frame, nowNs)) {
            return null;
        }
        final int tos = turn.packet.tos(arena);
        if (Ecn.NOT_ECT == (tos & Ecn.MASK)) {
            return DropReason.QDISC_CONGESTED;
        }
        Ecn.put(arena, turn.ipOffset, turn.packet.version(), tos | Ecn.CE);
        counters.add(DataPlaneCounter.EGRESS_CONGESTION_MARKS, turn.segments());
        return null;
    }

    private void flush() {
        boolean isStalled = false;
        for (final UnderlaySender sender : senders) {
            sender.flush();
            isStalled |= sender.isStalled();
        }
        if (isStalled && !isPressed) {
            nowNs = clock.nanoTime(); // what is kept may have to be moved, and waits since now
        }
        isPressed = isStalled || !waiting.isEmpty();
        outputCount = 0;
        if (isStalled) {
            for (final UnderlaySender sender : senders) {
                if (sender.isStalled()) {
                    outputs[outputCount++] = sender.fd();
                }
            }
        }
    }

    /** Gives up all that the underlay has not taken, so that nothing is left here. While no thread runs this agent. */
    public void abandon() {
        memory.abandon();
        flush();
        release();
    }

    private void release() {
        memory.release(isPressed, nowNs);
        final long movedBytes = held.takeMovedBytes();
        if (movedBytes > 0) {
            counters.add(DataPlaneCounter.EGRESS_MOVED_BYTES, movedBytes);
        }
        if (waitingBytes.getPlain() != waiting.heldBytes()) {
            waitingBytes.setPlain(waiting.heldBytes());
        }
    }

    private void onFrame(final EgressFrame frame) {
        final int socket = waiting.socket(frame.flow);
        final UnderlaySender sender = senders[socket];
        if (!waiting.waitsFor(socket) && sender.prepare(frame, frame.segments())) {
            forward(frame, sender);
        } else {
            enqueue(frame);
        }
    }

    private void enqueue(final EgressFrame frame) {
        if (!isPressed) {
            isPressed = true;
            nowNs = clock.nanoTime();
        }
        frame.batch = EgressFrame.NO_BATCH;
        if (waiting.refuses(frame.flow)) {
            outcomes.drop(frame, DropReason.FQ_FLOW_LIMIT, frame.segments()); // taken before the receiver could know
        } else if (!waiting.add(frame, nowNs)) {
            outcomes.drop(frame, DropReason.UNDERLAY_BUSY, frame.segments());
        }
    }

    private void forward(final EgressFrame frame, final UnderlaySender sender) {
        if (frame.isSuperframe()) {
            forwardSuperframe(frame, sender);
        } else {
            if (frame.needsChecksum) {
                TransportChecksum.complete(
                        arena, frame.checksumStart, frame.checksumOffset, frame.ipOffset + frame.packet.totalLength());
            }
            sender.add(frame, frame.tunnelHeaderLength + frame.packet.totalLength());
            frame.batch = sender.batch();
            outcomes.sent(frame, sender, false);
        }
    }

    private void forwardSuperframe(final EgressFrame frame, final UnderlaySender sender) {
        final boolean isUnsegmented = sender.takesUnsegmented(frame) && sender.sendUnsegmented(frame);
        final boolean isSent = isUnsegmented || cut(frame, sender);
        frame.batch = sender.batch();
        if (isSent) {
            outcomes.sent(frame, sender, isUnsegmented);
        }
    }

    /** Returns false if the frame is dropped. */
    private boolean cut(final EgressFrame frame, final UnderlaySender sender) {
        if (!cutter.wrap(arena, frame.packet, frame.tunnelHeaderLength, frame.gsoSize)) {
            outcomes.drop(frame, DropReason.GSO_HEADERS_TOO_LONG, frame.segments());
            return false;
        }
        final int segments = cutter.segments();
        for (int segment = 0; segment < segments; segment++) {
            sender.addSegment(frame, cutter, segment);
        }
        return true;
    }

    /** What waited has pages that are of use to others, once nothing has waited for long. */
    @Override
    public void onIdle() {
        if (held.isKeptForNothing() && !isPressed && clock.nanoTime() - nowNs >= PAGES_KEPT_NS) {
            held.giveBackPages();
        }
    }

    @Override
    public int pollFd() {
        return -1;
    }

    @Override
    public int maxOutputs() {
        return outputs.length;
    }

    @Override
    public int outputs() {
        return outputCount;
    }

    @Override
    public int outputFd(final int index) {
        return outputs[index];
    }

    @Override
    public boolean hasWork() {
        return !ring.isEmpty();
    }

    @Override
    public boolean wantsInput() {
        return false;
    }

    @Override
    public String roleName() {
        return roleName;
    }
}
