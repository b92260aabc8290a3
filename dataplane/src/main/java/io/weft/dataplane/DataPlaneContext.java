/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.agent.SchedulingRefusals;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.egress.EgressSender;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.ingress.IngressRing;
import io.weft.dataplane.ingress.IngressSender;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.Superframe;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.DatagramPort;
import io.weft.linux.HostOutput;
import io.weft.linux.PacketPort;
import io.weft.linux.ReceivePort;
import io.weft.linux.TunnelFilter;
import io.weft.routing.RoutingTables;
import java.util.List;
import org.agrona.BitUtil;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.status.CountersManager;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link DataPlane} is made of. Filled by the control thread, concluded once, and not changed after.
 */
public final class DataPlaneContext {
    /** A node that keeps up uses no more than the first of two superframes or so. */
    public static final int EGRESS_RING_LENGTH_DEFAULT = 0x200000;

    /** For what waits for the underlay, as much as fq_codel has (net/sched/sch_fq_codel.c, {@code memory_limit}). */
    public static final int EGRESS_HELD_LENGTH_DEFAULT = 0x2000000;

    public static final int EGRESS_FRAMES_DEFAULT = 1024;
    public static final int INGRESS_SLOTS_DEFAULT = 128;
    public static final int INGRESS_FRAMES_DEFAULT = 2048;
    /** More than a worker's small buffers take together: poll sets, eventfds, ICMP messages, and what alignment costs each. */
    private static final int WORKER_REST_LENGTH = 0x10000;

    /** A message is cut in the name of the thread that sends it as a superframe may be, so the same limit keeps its order. */
    public static final int MAX_SEGMENTS_DEFAULT = Superframe.MAX_SEGMENTS;

    /**
     * More than a request and its answer take between two nodes of one rack, both of which had to be woken: else a single
     * disturbance makes both of them sleep through every answer from then on (docs/decisions/0003).
     */
    public static final long SPIN_NS_DEFAULT = 120_000;

    public static final int MIN_MTU = 576;

    /** {@code MAX_RT_PRIO - 1} (include/linux/sched/prio.h). */
    public static final int MAX_REAL_TIME_PRIORITY = 99;

    private @Nullable RoutingTables routing;
    private @Nullable CountersManager counters;
    private @Nullable PeerTable peers;
    private @Nullable UnansweredPeers unanswered;
    private @Nullable ErrorHandler errorHandler;
    private SchedulingRefusals schedulingRefusals = SchedulingRefusals.UNTOLD;
    private List<? extends PacketPort> hostPorts = List.of();
    private List<? extends DatagramPort> receivePorts = List.of();
    private List<? extends ReceivePort> packetPorts = List.of();
    private @Nullable TunnelFilter packetFilter;
    private List<? extends List<? extends DatagramPort>> sendPorts = List.of();
    private ThreadingMode threadingMode = ThreadingMode.SHARED;
    private long spinNs = SPIN_NS_DEFAULT;
    private boolean busyPoll;
    private int realTimePriority;
    private int mtu = 1450;
    private int maxSegments = MAX_SEGMENTS_DEFAULT;
    private @Nullable PacketTransmission packetTransmission;
    private @Nullable TunnelOffload tunnelOffload;
    private List<? extends HostOutput> hostOutputs = List.of();
    private IngressPolicy ingressPolicy = IngressPolicy.ANYTHING;
    private int hostIpv4;
    private byte @Nullable [] hostIpv6;
    private boolean concluded;

    /** Checks all that was set. */
    public DataPlaneContext conclude() {
        require(!hostPorts.isEmpty(), "at least one host port is needed");
        for (final PacketPort port : hostPorts) {
            require(
                    VirtioNetHeaderFlyweight.LENGTH == port.framing().vnetHeaderLength(),
                    "a host port's vnet header has not " + VirtioNetHeaderFlyweight.LENGTH + " bytes");
        }
        require(hostPorts.size() == receivePorts.size(), "each host port needs a receiving underlay port");
        require(
                packetPorts.isEmpty() || hostPorts.size() == packetPorts.size(),
                "each host port needs a packet port, or none has one");
        require(
                hostOutputs.isEmpty() || hostPorts.size() == hostOutputs.size(),
                "each host port needs a host output, or none has one");
        require(hostPorts.size() == sendPorts.size(), "each host port needs sending underlay ports");
        for (final List<? extends DatagramPort> ports : sendPorts) {
            require(BitUtil.isPowerOfTwo(ports.size()), "the number of sending ports must be a power of two");
        }
        require(mtu >= MIN_MTU, "mtu " + mtu + " is below " + MIN_MTU);
        require(maxSegments >= 1, "maxSegments " + maxSegments + " is below 1");
        require(
                realTimePriority >= 0 && realTimePriority <= MAX_REAL_TIME_PRIORITY,
                "realTimePriority " + realTimePriority + " is not between 0 and " + MAX_REAL_TIME_PRIORITY);
        require(spinNs >= 0, "spinNs " + spinNs + " is negative");
        concluded = true;
        routing();
        counters();
        errorHandler();
        return this;
    }

    private static void require(final boolean condition, final String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    private static <T> T required(final @Nullable T value, final String name) {
        if (null == value) {
            throw new IllegalArgumentException(name + " is needed");
        }
        return value;
    }

    private void beforeConclusion() {
        if (concluded) {
            throw new IllegalStateException("the context is concluded");
        }
    }

    /** How many workers there are: one for each host port. */
    public int workers() {
        return hostPorts.size();
    }

    /** The tables that destinations are looked up in. */
    public RoutingTables routing() {
        return required(routing, "routing");
    }

    /** Sets the tables that destinations are looked up in. */
    public DataPlaneContext routing(final RoutingTables tables) {
        beforeConclusion();
        routing = tables;
        return this;
    }

    /** Where counters are allocated. */
    public CountersManager counters() {
        return required(counters, "counters");
    }

    /** Sets where counters are allocated. */
    public DataPlaneContext counters(final CountersManager manager) {
        beforeConclusion();
        counters = manager;
        return this;
    }

    /** The peers that packets are counted by; nobody unless set. */
    PeerTable peers() {
        return null == peers ? PeerTable.none(workers()) : peers;
    }

    /** Sets the peers that packets are counted by: those whose numbers the routing tables and the ingress policy have. */
    public DataPlaneContext peers(final PeerTable table) {
        beforeConclusion();
        peers = table;
        return this;
    }

    /** The peers that are not sent to; nobody unless set. */
    UnansweredPeers unanswered() {
        return null == unanswered ? new UnansweredPeers(peers().rows()) : unanswered;
    }

    /** Sets which peers are not sent to, by the rows of {@link #peers}. */
    public DataPlaneContext unanswered(final UnansweredPeers who) {
        beforeConclusion();
        unanswered = who;
        return this;
    }

    /** Who is told of an exception in an agent, which should never be. */
    public ErrorHandler errorHandler() {
        return required(errorHandler, "errorHandler");
    }

    /** Sets who is told of an exception in an agent. */
    public DataPlaneContext errorHandler(final ErrorHandler handler) {
        beforeConclusion();
        errorHandler = handler;
        return this;
    }

    /** Who is told by each data thread what it was refused. */
    public SchedulingRefusals schedulingRefusals() {
        return schedulingRefusals;
    }

    /** Sets who is told what a data thread was refused; nobody by default. */
    public DataPlaneContext schedulingRefusals(final SchedulingRefusals refusals) {
        beforeConclusion();
        schedulingRefusals = refusals;
        return this;
    }

    /** The queues of the host's device, one for each worker. */
    public List<? extends PacketPort> hostPorts() {
        return hostPorts;
    }

    /** Sets the queues of the host's device, one for each worker; their vnet header is {@link VirtioNetHeaderFlyweight}. */
    public DataPlaneContext hostPorts(final List<? extends PacketPort> ports) {
        beforeConclusion();
        hostPorts = List.copyOf(ports);
        return this;
    }

    /** The sockets on the VXLAN port, one for each worker. */
    public List<? extends DatagramPort> receivePorts() {
        return receivePorts;
    }

    /** Sets the sockets on the VXLAN port, one for each worker. */
    public DataPlaneContext receivePorts(final List<? extends DatagramPort> ports) {
        beforeConclusion();
        receivePorts = List.copyOf(ports);
        return this;
    }

    /** The packet sockets beside those on the VXLAN port, one for each worker or none at all. */
    public List<? extends ReceivePort> packetPorts() {
        return packetPorts;
    }

    /** What the packet sockets take. */
    TunnelFilter packetFilter() {
        return required(packetFilter, "packetFilter");
    }

    /**
     * Sets the packet sockets, to which the sockets on the VXLAN port leave what they take.
     *
     * @param filter of address and port; the device may become another.
     */
    public DataPlaneContext packetPorts(final List<? extends ReceivePort> ports, final TunnelFilter filter) {
        beforeConclusion();
        packetPorts = List.copyOf(ports);
        packetFilter = filter;
        return this;
    }

    /** For each worker the sockets that flows are spread over. */
    public List<? extends List<? extends DatagramPort>> sendPorts() {
        return sendPorts;
    }

    /** Sets for each worker the sockets that flows are spread over, a power of two of them. */
    public DataPlaneContext sendPorts(final List<? extends List<? extends DatagramPort>> ports) {
        beforeConclusion();
        sendPorts = List.copyOf(ports);
        return this;
    }

    /** How agents are put on threads. */
    public ThreadingMode threadingMode() {
        return threadingMode;
    }

    /** Sets how agents are put on threads. */
    public DataPlaneContext threadingMode(final ThreadingMode mode) {
        beforeConclusion();
        threadingMode = mode;
        return this;
    }

    /** How long a data thread spins before it waits. */
    public long spinNs() {
        return spinNs;
    }

    /** Sets how long a data thread spins before it waits; 0 for not at all. */
    public DataPlaneContext spinNs(final long durationNs) {
        beforeConclusion();
        spinNs = durationNs;
        return this;
    }

    /** Whether data threads never wait. */
    public boolean busyPoll() {
        return busyPoll;
    }

    /** Sets whether data threads never wait: for machines with cores to spare. */
    public DataPlaneContext busyPoll(final boolean never) {
        beforeConclusion();
        busyPoll = never;
        return this;
    }

    /** The priority that data threads have among those of real time while a receiver is behind; 0 if they stay ordinary. */
    public int realTimePriority() {
        return realTimePriority;
    }

    /** Sets the priority, 1 to 99, that data threads have among those of real time while a receiver is behind; 0, as by default, for none. */
    public DataPlaneContext realTimePriority(final int priority) {
        beforeConclusion();
        realTimePriority = priority;
        return this;
    }

    /** What the routing tables encapsulate for. */
    Tunnel tunnel() {
        return Tunnel.of(routing().context());
    }

    /** MTU of pods in bytes: their packets have no more, whatever the host's device would carry. */
    public int mtu() {
        return mtu;
    }

    /** Sets the MTU of pods in bytes. */
    public DataPlaneContext mtu(final int bytes) {
        beforeConclusion();
        mtu = bytes;
        return this;
    }

    /** How many datagrams the kernel cuts from one message at most. */
    public int maxSegments() {
        return maxSegments;
    }

    /** Sets how many datagrams the kernel cuts from one message at most; 1 where it cuts none. With more than by default a flow may lose its order. */
    public DataPlaneContext maxSegments(final int segments) {
        beforeConclusion();
        maxSegments = segments;
        return this;
    }

    /** The way by packet sockets; null if there is none. */
    public @Nullable PacketTransmission packetTransmission() {
        return packetTransmission;
    }

    /** Sets the way by packet sockets; who is not reached by it is reached by the sending ports. */
    public DataPlaneContext packetTransmission(final @Nullable PacketTransmission transmission) {
        beforeConclusion();
        packetTransmission = transmission;
        return this;
    }

    /** The way for superframes that need no cutting; null if there is none. */
    public @Nullable TunnelOffload tunnelOffload() {
        return tunnelOffload;
    }

    /** Sets the way for superframes that need no cutting. */
    public DataPlaneContext tunnelOffload(final @Nullable TunnelOffload offload) {
        beforeConclusion();
        tunnelOffload = offload;
        return this;
    }

    /** By which a worker sends ICMP messages; null to send none. */
    public @Nullable HostOutput hostOutput(final int worker) {
        return hostOutputs.isEmpty() ? null : hostOutputs.get(worker);
    }

    /** Sets by which each worker sends ICMP messages; none where it is empty. */
    public DataPlaneContext hostOutputs(final List<? extends HostOutput> outputs) {
        beforeConclusion();
        hostOutputs = List.copyOf(outputs);
        return this;
    }

    /** Who may send what at first. */
    IngressPolicy ingressPolicy() {
        return ingressPolicy;
    }

    /** Sets who may send what at first; anybody anything unless set. */
    public DataPlaneContext ingressPolicy(final IngressPolicy policy) {
        beforeConclusion();
        ingressPolicy = policy;
        return this;
    }

    /** IPv4 address that ICMP messages come from, first byte highest; 0 for none. */
    public int hostIpv4() {
        return hostIpv4;
    }

    /** Sets the IPv4 address that ICMP messages come from. */
    public DataPlaneContext hostIpv4(final int address) {
        beforeConclusion();
        hostIpv4 = address;
        return this;
    }

    /** IPv6 address that ICMP messages come from, or null for none. */
    public byte @Nullable [] hostIpv6() {
        return null == hostIpv6 ? null : hostIpv6.clone();
    }

    /** Sets the IPv6 address that ICMP messages come from. */
    public DataPlaneContext hostIpv6(final byte @Nullable [] address) {
        beforeConclusion();
        hostIpv6 = null == address ? null : address.clone();
        return this;
    }

    int egressRingLength() {
        return EGRESS_RING_LENGTH_DEFAULT;
    }

    int egressHeldLength() {
        return EGRESS_HELD_LENGTH_DEFAULT;
    }

    int egressFrames() {
        return EGRESS_FRAMES_DEFAULT;
    }

    int ingressSlots() {
        return INGRESS_SLOTS_DEFAULT;
    }

    int ingressFrames() {
        return INGRESS_FRAMES_DEFAULT;
    }

    /** What may lie in a data plane's {@link io.weft.dataplane.egress.EgressMemory}, in bytes: all of it where much waits. */
    public static long egressLength(final int workers) {
        return (long) workers * (EGRESS_RING_LENGTH_DEFAULT + EGRESS_HELD_LENGTH_DEFAULT);
    }

    /**
     * What a data plane takes of the memory outside of the heap that the JVM limits, in bytes: received messages, vectors, headers. The
     * {@link io.weft.dataplane.egress.EgressMemory} is not among it.
     *
     * @param workers of the data plane.
     * @param sendPorts of each worker.
     */
    public static long memoryLength(final int workers, final int sendPorts) {
        return workers
                * (IngressRing.memoryLength(INGRESS_SLOTS_DEFAULT, INGRESS_FRAMES_DEFAULT)
                        + IngressSender.memoryLength()
                        + EgressSender.memoryLength(sendPorts)
                        + WORKER_REST_LENGTH);
    }
}
