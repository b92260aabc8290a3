/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.Superframe;
import io.weft.linux.Errno;
import io.weft.linux.FrameBatchSink;
import io.weft.linux.FrameSink;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Second half of a packet's way from the underlay to the host, after {@link IngressReceiver}.
 *
 * <ol start="6">
 *   <li>write each packet, or each superframe from its gather list, to the host's device; several at once where it takes that, and
 *       with a turn for whoever reads them before a socket would be full; of a superframe that it refuses, each packet;
 *   <li>release the memory.
 * </ol>
 */
public final class IngressSender implements PolledAgent {
    private static final int MAX_FRAMES = 256;

    private final FrameSink host;
    private final int frameHeaderLength;
    private final @Nullable FrameBatch batch;
    private final RefusedSuperframe refused;
    private final DeliveryBurst burst;
    private final IngressRing ring;
    private final UnsafeBuffer arena;
    private final WorkerCounters counters;
    private final Tap tap;
    private final Doorbell receiverDoorbell;
    private final String roleName;

    /** Of this turn, writes of a single frame or segment. */
    private int calls;

    /**
     * @param frameHeaderLength bytes that the host wants in front of a packet.
     * @param burst when whoever reads the packets is to run.
     * @param tap of this agent.
     * @param receiverDoorbell of the thread that the ingress receiver runs on.
     * @param worker index of the worker, for the role's name.
     */
    public IngressSender(
            final FrameSink host,
            final int frameHeaderLength,
            final DeliveryBurst burst,
            final IngressRing ring,
            final WorkerCounters counters,
            final Tap tap,
            final Doorbell receiverDoorbell,
            final int worker) {
        this.host = host;
        this.frameHeaderLength = frameHeaderLength;
        batch = host instanceof final FrameBatchSink sink && sink.takesBatches()
                ? new FrameBatch(sink, this::onWritten)
                : null;
        refused = new RefusedSuperframe(frameHeaderLength);
        this.burst = burst;
        this.ring = ring;
        arena = ring.arena();
        this.counters = counters;
        this.tap = tap;
        this.receiverDoorbell = receiverDoorbell;
        roleName = "weft-igr-snd-" + worker;
    }

    /** What a sender takes outside of the heap, in bytes. */
    public static long memoryLength() {
        return RefusedSuperframe.memoryLength();
    }

    @Override
    public int doWork() {
        IngressFrame last = null;
        int frames = 0;
        while (frames < MAX_FRAMES) {
            final @Nullable IngressFrame frame = ring.poll();
            if (null == frame) {
                break;
            }
            if (burst.isFullFor(frame.superframe)) {
                if (null != batch) {
                    batch.flush();
                }
                burst.giveWay();
                counters.add(DataPlaneCounter.INGRESS_TURNS, 1);
            }
            burst.add(frame.superframe, frame.superframe.destination(arena));
            if (null == batch) {
                write(frame);
            } else {
                batch.add(frame);
            }
            if (frame.isLastWaiting) {
                burst.onNothingWaiting();
            }
            last = frame;
            frames++;
        }
        if (null != batch) {
            batch.flush();
        }
        if (null != last) {
            counters.add(DataPlaneCounter.INGRESS_WRITE_CALLS, calls + (null == batch ? 0 : batch.takeCalls()));
            calls = 0;
            ring.release(last);
            receiverDoorbell.ring();
        }
        return frames;
    }

    @Override
    public void onIdle() {
        burst.onIdle();
    }

    private void write(final IngressFrame frame) {
        final Superframe superframe = frame.superframe;
        final int count = superframe.gatherCount();
        int result;
        do {
            calls++;
            result = 1 == count
                    ? host.write(superframe.firstAddress(), superframe.firstLength())
                    : host.writev(superframe.gatherAddress(), count);
        } while (-Errno.EINTR == result);
        onWritten(frame, result);
    }

    private void onWritten(final IngressFrame frame, final int result) {
        final Superframe superframe = frame.superframe;
        if (-Errno.EINVAL == result && refused.take(superframe)) {
            writeSegments(frame);
        } else if (result < 0) {
            onLost(frame, reason(-result), superframe.segments());
        } else {
            onDelivered(frame, superframe.segments(), superframe.deliveredLength(), 1);
        }
    }

    private void writeSegments(final IngressFrame frame) {
        final Superframe superframe = frame.superframe;
        counters.add(DataPlaneCounter.INGRESS_SUPERFRAME_REFUSALS, 1);
        int written = 0;
        int lostPackets = 0;
        int lostBytes = 0;
        for (int segment = 0; segment < refused.segments(); segment++) {
            calls++;
            final int result = refused.write(host, segment);
            if (result >= 0) {
                written++;
            } else if (lostPackets < superframe.segments()) { // one that came unsegmented was received as one packet
                onLost(frame, reason(-result), 1);
                lostPackets++;
                lostBytes += refused.packetLength(segment);
            }
        }
        if (lostPackets < superframe.segments()) {
            onDelivered(frame, superframe.segments() - lostPackets, superframe.deliveredLength() - lostBytes, written);
        } else {
            counters.add(DataPlaneCounter.INGRESS_DELIVERED_FRAMES, written);
        }
    }

    private void onLost(final IngressFrame frame, final DropReason reason, final int packets) {
        counters.drop(reason, packets);
        show(frame, reason, packets);
    }

    private void onDelivered(final IngressFrame frame, final int packets, final int bytes, final int writes) {
        if (tap.isOn()) {
            show(frame, null, packets);
        }
        counters.add(DataPlaneCounter.INGRESS_DELIVERED_PACKETS, packets);
        counters.add(DataPlaneCounter.INGRESS_DELIVERED_BYTES, bytes);
        counters.add(DataPlaneCounter.INGRESS_DELIVERED_FRAMES, writes);
    }

    private void show(final IngressFrame frame, final @Nullable DropReason reason, final int packets) {
        final Superframe superframe = frame.superframe;
        final Step step = null == reason ? Step.DELIVERED : Step.GIVEN_UP;
        tap.begin(step, frame.sequence, Direction.INGRESS, reason, packets, 0);
        tap.show(superframe.gatherAddress(), superframe.gatherCount(), frameHeaderLength, superframe.totalLength(), 0);
    }

    /**
     * What drivers/net/tun.c, {@code tun_get_user}, and net/packet/af_packet.c, {@code packet_snd}, return for a packet that they do
     * not take.
     */
    private static DropReason reason(final int errno) {
        return switch (errno) {
            case Errno.EIO, Errno.EBADFD, Errno.ENETDOWN, Errno.ENXIO -> DropReason.HOST_DOWN;
            case Errno.EINVAL -> DropReason.HOST_REFUSED;
            case Errno.EMSGSIZE -> DropReason.PKT_TOO_BIG;
            default -> DropReason.HOST_ERROR;
        };
    }

    @Override
    public int pollFd() {
        return -1;
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
