/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.agent.Backlog;
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
import io.weft.dataplane.tunnel.Rewrite;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.PacketPort;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingReader;
import io.weft.routing.RoutingSnapshot;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * First half of a packet's way from the host to the underlay; {@link EgressSender} is the second.
 *
 * <ol>
 *   <li>read a frame, or a batch of small ones, from the host's device into the ring, leaving headroom;
 *   <li>check the IP header and find where its parts lie;
 *   <li>longest-prefix match of the destination gives the next hop;
 *   <li>the next hop's rewrite block says whether neighbour and FDB resolved it; a peer that does not answer on the underlay's link
 *       is not sent to, and a flow that has its share of what waits for the underlay is refused;
 *   <li>the {@link Tunnel} lets the packet in, copy the rewrite block's tunnel header in front of it, hand the frame over.
 * </ol>
 *
 * A frame that goes no further is simply not published: its memory is claimed again for the next one. Where the host hands over more
 * small packets than are sent, for longer than a burst, they are read before any is sent, and flows are refused what is more than
 * their share: else the host would drop what it has no room for, whoever it is from.
 */
public final class EgressReceiver implements PolledAgent {
    private static final int MAX_FRAMES = 64;

    /** Two superframes: cut and sent together they make three messages, one by one they would make four. */
    private static final int MAX_BYTES = 0x20000;

    private final PacketPort host;
    private final HostReader reader;
    private final int headerLength;
    private final int linkHeaderLength;
    private final EgressRing ring;
    private final FairQueue waiting;
    private final Tunnel tunnel;
    private final UnsafeBuffer arena;
    private final RoutingReader routing;
    private final UnreachableNotifier unreachables;
    private final PodPathMtu podPathMtu;
    private final UnansweredPeers unanswered;
    private final Backlog backlog;
    private final int standingFrames;
    private final FairShares shares;
    private final WorkerCounters counters;
    private final Tap tap;
    private final Doorbell senderDoorbell;
    private final String roleName;
    private final QueueGauge gauge;
    private boolean senderBehind;

    /** Of this batch, frames that no receiver holds back. */
    private int pushed;

    /** Whether even the batch of a standing backlog left something: then each flow has its share of one, and the rest of it is dropped. */
    private boolean isOverrun;

    /**
     * @param waiting what the underlay has not taken yet: who has his share there is taken no more from.
     * @param podPathMtu told of by packets that leave.
     * @param unanswered who is not sent to.
     * @param backlog of the host's device.
     * @param tap of this agent.
     * @param senderDoorbell of the thread that the egress sender runs on.
     * @param worker index of the worker, for the role's name.
     */
    public EgressReceiver(
            final PacketPort host,
            final EgressRing ring,
            final FairQueue waiting,
            final Tunnel tunnel,
            final RoutingReader routing,
            final UnreachableNotifier unreachables,
            final PodPathMtu podPathMtu,
            final UnansweredPeers unanswered,
            final Backlog backlog,
            final WorkerCounters counters,
            final Tap tap,
            final Doorbell senderDoorbell,
            final int worker) {
        this.host = host;
        reader = new HostReader(host, ring);
        headerLength = host.framing().headerLength();
        linkHeaderLength = host.framing().linkHeaderLength();
        this.ring = ring;
        this.waiting = waiting;
        this.tunnel = tunnel;
        arena = ring.arena();
        this.routing = routing;
        this.unreachables = unreachables;
        this.podPathMtu = podPathMtu;
        this.unanswered = unanswered;
        this.backlog = backlog;
        standingFrames = ring.capacity() / 2;
        shares = new FairShares(standingFrames);
        this.counters = counters;
        this.tap = tap;
        this.senderDoorbell = senderDoorbell;
        roleName = "weft-egr-rcv-" + worker;
        gauge = QueueGauge.ofEgress(counters, ring.capacity());
    }

    @Override
    public int doWork() {
        gauge.onCycle(ring.inFlight());
        int published = 0;
        int frames = 0;
        int bytes = 0;
        final RoutingSnapshot snapshot = routing.acquire();
        // half as many small packets as the ring has frames, for a stalled sender may keep others
        final boolean isStanding = backlog.isStanding();
        final int maxFrames = isStanding ? standingFrames : MAX_FRAMES;
        reader.beginTurn(isStanding);
        shares.beginBatch();
        while (reader.isAmidBatch() || (frames < maxFrames && bytes < MAX_BYTES)) {
            final @Nullable EgressFrame frame = reader.next(maxFrames - frames);
            if (null == frame) {
                break;
            }
            final int length = reader.length();
            frames++;
            bytes += isStanding && length < WORK_LENGTH ? 0 : length;
            if (onFrame(frame, length, snapshot)) {
                ring.publish(frame, length);
                published++;
            }
        }
        routing.release();
        final boolean isMore = !reader.isExhausted();
        onRead();
        backlog.onBatch(pushed, isMore);
        pushed = 0;
        isOverrun = isMore && frames == standingFrames;
        if (published > 0) {
            senderDoorbell.ring();
        }
        return frames + bytes / WORK_LENGTH;
    }

    private void onRead() {
        counters.add(DataPlaneCounter.EGRESS_READ_CALLS, reader.calls());
        senderBehind = reader.isRingFull();
        if (senderBehind) {
            gauge.onFull();
        }
        if (reader.hasFailed()) {
            counters.add(DataPlaneCounter.HOST_READ_ERRORS, 1);
        }
    }

    /** Whether the frame goes on; if not, it is counted. */
    private boolean onFrame(final EgressFrame frame, final int length, final RoutingSnapshot snapshot) {
        counters.add(DataPlaneCounter.EGRESS_RECEIVED_FRAMES, 1);
        frame.gsoSize = 0;
        frame.tunnelHeaderLength = 0;
        final boolean isValid = IpPacket.Fault.NONE == frame.packet.parse(arena, frame.ipOffset, length, false);
        pushed += isValid && frame.packet.isFlowControlled() ? 0 : 1;
        final @Nullable DropReason reason = isValid ? forward(frame, snapshot) : DropReason.IP_INHDR;
        final int segments = frame.segments();
        counters.add(DataPlaneCounter.EGRESS_RECEIVED_PACKETS, segments);
        if (null == reason) {
            if (tap.isOn()) {
                show(frame, length, segments, null);
            }
            return true;
        }
        counters.drop(reason, segments);
        show(frame, length, segments, reason);
        return false;
    }

    private void show(
            final EgressFrame frame, final int length, final int segments, final @Nullable DropReason reason) {
        final int tunnelHeaderLength = frame.tunnelHeaderLength;
        tap.begin(Step.RECEIVED, frame.sequence, Direction.EGRESS, reason, segments, frame.gsoSize);
        if (null == reason) {
            tap.peer(arena, frame.ipOffset - EgressFrame.HEADROOM, frame.outerTos, waiting.socket(frame.flow));
        }
        tap.show(arena, frame.ipOffset - tunnelHeaderLength, tunnelHeaderLength + length, tunnelHeaderLength);
    }

    /** Looks up the way of a packet and writes the headers for it. Returns why it may not go, or null. */
    private @Nullable DropReason forward(final EgressFrame frame, final RoutingSnapshot snapshot) {
        final int ip = frame.ipOffset;
        final IpPacket packet = frame.packet;
        if (!readVnetHeader(frame, ip - headerLength)) {
            return DropReason.GSO_INVALID;
        }
        final int nextHop = 4 == packet.version()
                ? snapshot.lookup4(Ipv4Flyweight.destination(arena, ip))
                : snapshot.lookup6(Ipv6Flyweight.destinationHigh(arena, ip), Ipv6Flyweight.destinationLow(arena, ip));
        if (RoutingSnapshot.NO_ROUTE == nextHop) {
            return noRoute(packet);
        }
        final UnsafeBuffer blocks = snapshot.rewriteBlocks();
        final int block = nextHop * RewriteBlock.LENGTH;
        final int state = RewriteBlock.state(blocks, block);
        if (RewriteBlock.RESOLVED != state) {
            return RewriteBlock.NO_NEIGHBOUR == state ? DropReason.NEIGH_FAILED : DropReason.VXLAN_NO_REMOTE;
        }
        if (unanswered.refuses(RewriteBlock.peer(blocks, block))) {
            return DropReason.UNDERLAY_UNREACHABLE;
        }
        frame.flow = FairQueue.flow(packet);
        if (waiting.refuses(frame.flow) || (isOverrun && !shares.take(frame.flow, packet.isFlowControlled()))) {
            return DropReason.FQ_FLOW_LIMIT;
        }
        final @Nullable DropReason refusal = tunnel.enter(arena, packet);
        if (null != refusal) {
            return refusal;
        }
        podPathMtu.onLeaving(arena, packet);
        rewrite(frame, blocks, block);
        return null;
    }

    /** What the kernel says of the frame; false if it contradicts the frame. */
    private boolean readVnetHeader(final EgressFrame frame, final int vnet) {
        final IpPacket packet = frame.packet;
        final int gsoType = VirtioNetHeaderFlyweight.gsoType(arena, vnet);
        frame.needsChecksum =
                0 != (VirtioNetHeaderFlyweight.flags(arena, vnet) & VirtioNetHeaderFlyweight.NEEDS_CHECKSUM);
        if (frame.needsChecksum) {
            frame.checksumStart =
                    packet.offset() - linkHeaderLength + VirtioNetHeaderFlyweight.checksumStart(arena, vnet);
            frame.checksumOffset = frame.checksumStart + VirtioNetHeaderFlyweight.checksumOffset(arena, vnet);
            if (frame.checksumOffset + Short.BYTES > packet.offset() + packet.totalLength()) {
                return false;
            }
        }
        if (VirtioNetHeaderFlyweight.GSO_NONE == gsoType) {
            return true;
        }
        if (!packet.hasTransport()) {
            return false;
        }
        frame.gsoType = gsoType;
        frame.gsoSize = VirtioNetHeaderFlyweight.gsoSize(arena, vnet);
        return frame.gsoSize > 0;
    }

    private void rewrite(final EgressFrame frame, final UnsafeBuffer blocks, final int block) {
        Rewrite.apply(arena, frame.ipOffset, frame.packet.version(), blocks, block);
        frame.outerTos = tunnel.outerTos(frame.packet.tos(arena));
        frame.tunnelHeaderLength = RewriteBlock.tunnelHeaderLength(blocks, block);
        frame.sockaddrLength = RewriteBlock.sockaddrLength(blocks, block);
        frame.peer = RewriteBlock.peer(blocks, block);
    }

    private DropReason noRoute(final IpPacket packet) {
        if (UnreachableNotifier.isGroupAddressed(arena, packet)) {
            return DropReason.MULTICAST;
        }
        if (unreachables.notify(arena, packet)) {
            counters.add(DataPlaneCounter.EGRESS_UNREACHABLES, 1);
        }
        return DropReason.IP_OUTNOROUTES;
    }

    @Override
    public int pollFd() {
        return host.fd();
    }

    /** The sender may have made room, and rung, before this thread said that it waits: so look once more. */
    @Override
    public boolean hasWork() {
        return senderBehind && null != ring.claim();
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
