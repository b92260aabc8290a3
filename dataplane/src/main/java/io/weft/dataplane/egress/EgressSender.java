/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.encap.FlowHash;
import io.weft.encap.SuperframeCutter;
import io.weft.encap.TransportChecksum;
import io.weft.linux.DatagramPort;
import java.util.ArrayList;
import java.util.List;
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
 */
public final class EgressSender implements PolledAgent {
    private static final int MAX_FRAMES = 64;

    private final EgressRing ring;
    private final UnsafeBuffer arena;
    private final UnderlaySender[] senders;
    private final SuperframeCutter cutter = new SuperframeCutter();
    private final @Nullable OffloadQueue offload;
    private final @Nullable PacketQueue packets;
    private final WorkerCounters counters;
    private final Doorbell receiverDoorbell;
    private final String roleName;

    /**
     * @param ports the sending sockets, a power of two of them.
     * @param maxSegments datagrams that the kernel cuts from one message at most.
     * @param transmission the way by packet socket, null if there is none.
     * @param offload the way for superframes that need no cutting, null if there is none.
     */
    public EgressSender(
            final EgressRing ring,
            final List<? extends DatagramPort> ports,
            final int maxSegments,
            final @Nullable PacketTransmission transmission,
            final @Nullable TunnelOffload offload,
            final WorkerCounters counters,
            final Doorbell receiverDoorbell,
            final int worker) {
        this.ring = ring;
        arena = ring.arena();
        this.counters = counters;
        this.receiverDoorbell = receiverDoorbell;
        final OffloadQueue queue = null == offload ? null : new OffloadQueue(arena, offload, counters, worker);
        this.offload = queue;
        final List<DatagramSender> sockets = new ArrayList<>();
        for (final DatagramPort port : ports) {
            sockets.add(new DatagramSender(port, arena, maxSegments, counters));
        }
        packets = null == transmission
                ? null
                : new PacketQueue(arena, maxSegments, transmission, sockets, counters, worker);
        senders = new UnderlaySender[sockets.size()];
        for (int i = 0; i < senders.length; i++) {
            final UnderlaySender sender =
                    null == packets ? sockets.get(i) : new PacketSender(packets, sockets.get(i), i);
            senders[i] = null == offload || null == queue
                    ? sender
                    : new OffloadSender(queue, sender, offload.sourcePorts(worker)[i]);
        }
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
        EgressFrame last = null;
        int frames = 0;
        if (null != offload) {
            offload.beginBatch();
        }
        if (null != packets) {
            packets.beginBatch();
        }
        while (frames < MAX_FRAMES) {
            final @Nullable EgressFrame frame = ring.poll();
            if (null == frame) {
                break;
            }
            onFrame(frame);
            last = frame;
            frames++;
        }
        if (null != last) {
            for (final UnderlaySender sender : senders) {
                sender.flush();
            }
            ring.release(last);
            receiverDoorbell.ring();
        }
        return frames;
    }

    private void onFrame(final EgressFrame frame) {
        final UnderlaySender sender =
                senders[(FlowHash.spread(frame.packet.flowHash()) >>> Short.SIZE) & (senders.length - 1)];
        if (frame.gsoSize > 0 && frame.packet.payloadLength() > frame.gsoSize) {
            if (!sender.takesUnsegmented(frame) || !sender.sendUnsegmented(frame)) {
                cut(frame, sender);
            }
            return;
        }
        if (frame.needsChecksum) {
            TransportChecksum.complete(
                    arena, frame.checksumStart, frame.checksumOffset, frame.ipOffset + frame.packet.totalLength());
        }
        sender.add(frame, frame.tunnelHeaderLength + frame.packet.totalLength());
    }

    private void cut(final EgressFrame frame, final UnderlaySender sender) {
        if (!cutter.wrap(arena, frame.packet, frame.tunnelHeaderLength, frame.gsoSize)) {
            counters.drop(DropReason.GSO_HEADERS_TOO_LONG, frame.segments());
            return;
        }
        final int segments = cutter.segments();
        for (int segment = 0; segment < segments; segment++) {
            sender.addSegment(frame, cutter, segment);
        }
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
