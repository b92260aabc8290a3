/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.encap.SuperframeCutter;
import io.weft.encap.TransportChecksum;
import io.weft.linux.DatagramPort;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
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
 * Where the underlay takes no more, frames wait in the {@link FairQueue} until it does; the ring's memory is released up to the first
 * one that waits.
 */
public final class EgressSender implements PolledAgent {
    /**
     * Of frames that count for more than small packets, bytes in one duty cycle: of those as many are sent as were read. Of what waits,
     * bytes that a socket may take: the host's device is to be read meanwhile.
     */
    private static final int MAX_BYTES = 0x20000;

    /** Of what waits, bytes that are sent at once: a stalled sender keeps no more, which goes before all flows that have their turn. */
    private static final int CHUNK_LENGTH = 0x8000;

    private final EgressRing ring;
    private final FairQueue waiting;
    private final UnsafeBuffer arena;
    private final UnderlaySender[] senders;
    private final SuperframeCutter cutter = new SuperframeCutter();
    private final @Nullable OffloadQueue offload;
    private final @Nullable PacketQueue packets;
    private final EgressOutcomes outcomes;
    private final Doorbell receiverDoorbell;
    private final String roleName;
    private final int[] outputs;
    private int outputCount;

    /** Whether a sender is stalled or a frame waits. */
    private boolean isPressed;

    /** The first and the last frame that were polled and are not released; both null if there is none. */
    private @Nullable EgressFrame oldest;

    private @Nullable EgressFrame newest;

    /**
     * @param waiting what the underlay does not take at once.
     * @param ports the sending sockets, a power of two of them.
     * @param maxSegments datagrams that the kernel cuts from one message at most.
     * @param transmission the way by packet socket, null if there is none.
     * @param offload the way for superframes that need no cutting, null if there is none.
     * @param clock for what lasts: send buffers, narrow paths.
     * @param tap of this agent.
     */
    public EgressSender(
            final EgressRing ring,
            final FairQueue waiting,
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
        arena = ring.arena();
        outcomes = new EgressOutcomes(arena, waiting, counters, tap);
        this.receiverDoorbell = receiverDoorbell;
        final OffloadQueue queue = null == offload ? null : new OffloadQueue(arena, offload, counters, worker);
        this.offload = queue;
        final NarrowPaths narrowPaths = new NarrowPaths(clock);
        final List<DatagramSender> sockets = new ArrayList<>();
        for (final DatagramPort port : ports) {
            sockets.add(new DatagramSender(
                    port, arena, maxSegments, narrowPaths, clock, counters, outcomes, sockets.size()));
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
        outputs = new int[senders.length];
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
        int frames = isPressed ? sendWaiting() : 0;
        int polled = 0;
        int bytes = 0;
        while (polled < ring.capacity() && bytes < MAX_BYTES) {
            final @Nullable EgressFrame frame = ring.poll();
            if (null == frame) {
                break;
            }
            onFrame(frame);
            newest = frame;
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
        int frames = 0;
        for (int i = 0; i < senders.length; i++) {
            final UnderlaySender sender = senders[i];
            sender.tryAgain();
            for (int bytes = 0; bytes < MAX_BYTES; bytes += CHUNK_LENGTH) {
                final int sent = sendChunk(sender, i);
                if (0 == sent) {
                    break;
                }
                frames += sent;
            }
        }
        return frames;
    }

    private int sendChunk(final UnderlaySender sender, final int socket) {
        int frames = 0;
        int bytes = 0;
        while (bytes < CHUNK_LENGTH && waiting.waitsFor(socket)) {
            final @Nullable EgressFrame frame = waiting.peek(socket);
            if (null == frame || !sender.prepare(frame, frame.segments())) {
                break;
            }
            waiting.remove(frame);
            forward(frame, sender);
            bytes += frame.packet.totalLength();
            frames++;
        }
        sender.flush();
        return frames;
    }

    private void flush() {
        boolean isStalled = false;
        for (final UnderlaySender sender : senders) {
            sender.flush();
            isStalled |= sender.isStalled();
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

    /** Gives memory back, up to the first frame that is not dealt with; where memory is short that one is given up. */
    private void release() {
        EgressFrame frame = oldest;
        @Nullable EgressFrame last = null;
        if (!isPressed) {
            last = newest;
            frame = null;
        }
        while (null != frame && null != newest) {
            if (!isDone(frame)) {
                if (!ring.isShort(frame, newest)) {
                    break;
                }
                giveUp(frame);
            }
            last = frame;
            frame = frame == newest ? null : ring.following(frame);
        }
        oldest = frame;
        if (null == frame) {
            newest = null;
        }
        if (null != last) {
            ring.release(last);
            receiverDoorbell.ring();
        }
    }

    private boolean isDone(final EgressFrame frame) {
        return !frame.waits && frame.batch < senders[waiting.socket(frame.flow)].batch();
    }

    private void giveUp(final EgressFrame frame) {
        if (frame.waits) {
            waiting.remove(frame);
            outcomes.drop(frame, DropReason.UNDERLAY_BUSY, frame.segments());
        } else {
            senders[waiting.socket(frame.flow)].abandon();
        }
    }

    /** Gives up all that the underlay has not taken, so that nothing is left here. While no thread runs this agent. */
    public void abandon() {
        for (@Nullable EgressFrame frame = oldest;
                null != frame;
                frame = frame == newest ? null : ring.following(frame)) {
            if (!isDone(frame)) {
                giveUp(frame);
            }
        }
        flush();
        release();
    }

    private void onFrame(final EgressFrame frame) {
        if (null == oldest) {
            oldest = frame;
        }
        final int socket = waiting.socket(frame.flow);
        final UnderlaySender sender = senders[socket];
        if (!waiting.waitsFor(socket) && sender.prepare(frame, frame.segments())) {
            forward(frame, sender);
        } else if (waiting.refuses(frame.flow)) {
            frame.batch = EgressFrame.NO_BATCH; // taken before the receiver could know
            outcomes.drop(frame, DropReason.FQ_FLOW_LIMIT, frame.segments());
        } else {
            waiting.add(frame);
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
