/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.DataPlane;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.ThreadingMode;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.pod.PodDevice;
import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.underlay.NextHopFinder;
import io.weft.dataplane.underlay.NextHops;
import io.weft.dataplane.underlay.PacketSockets;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.encap.TunnelSuperframe;
import io.weft.linux.LinuxException;
import io.weft.linux.RawSocket;
import io.weft.linux.TapDevice;
import io.weft.linux.TunnelFilter;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.Topology;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * A weft node in one of the topology's namespaces, with its peers set by hand instead of by leases: real device, real
 * sockets, in this process, so that a test sees counters and threads.
 */
public final class StaticNode implements AutoCloseable {
    public static final String DEVICE = "weft.1";
    private static final int PEER_ROWS = 64;
    private static final String OFFLOAD_DEVICE = "weft.1-out";
    private static final int PORT = 8472;
    private static final int COUNTERS = 1024;
    private static final int HOP_LIMIT = 64;

    private final List<AutoCloseable> resources = new ArrayList<>();
    private final Queue<Throwable> errors = new ConcurrentLinkedQueue<>();
    private final PodDevice podDevice;
    private final DataPlane dataPlane;
    private final RoutingTables routing;
    private final NodeCounters counters;
    private final PeerTable peerTable;
    private final @Nullable DropCapture dropCapture;
    private final @Nullable TunnelOffload offload;
    private final List<IpAddress> peers;
    private final int linkIndex;
    private final @Nullable NextHopFinder finder;
    private final @Nullable PacketTransmission sending;
    private final Topology.Node place;
    private @Nullable PacketSockets packetSockets;

    private StaticNode(final Topology topology, final Topology.Node node, final Options options) throws Exception {
        place = node;
        final NetworkNamespace namespace = node.namespace();
        final Rtnetlink rtnetlink = namespace.call(Rtnetlink::open);
        resources.add(rtnetlink);
        podDevice = namespace.call(() -> options.podPort.open(rtnetlink, DEVICE, options.workers));
        resources.add(podDevice);
        if (options.batches) {
            batch(podDevice);
        }
        namespace.ip("addr", "add", node.subnetBase() + "/32", "dev", DEVICE);
        namespace.ip("link", "set", DEVICE, "mtu", Integer.toString(topology.podMtu()), "txqueuelen", "5000", "up");
        podDevice.repair();
        namespace.ip("route", "add", Topology.CLUSTER_NETWORK, "dev", DEVICE);
        final InetAddress local = InetAddress.getByName(address(node, options));
        final UnderlaySockets sockets = namespace.call(() -> options.openSockets(local));
        resources.add(sockets);
        final DataPlaneContext context = new DataPlaneContext();
        PacketTransmission transmission = null;
        if (options.packetPort) {
            transmission = usePacketPorts(context, sockets, local);
        }
        final Path file = Files.createTempDirectory("weft-test").resolve("counters");
        final CountersFile countersFile = CountersFile.create(
                file,
                COUNTERS,
                PEER_ROWS,
                options.workers,
                ProcessHandle.current().pid(),
                0);
        resources.add(() -> {
            Files.delete(file);
            Files.delete(file.getParent());
        });
        resources.add(countersFile);
        counters = new NodeCounters(countersFile.reader());
        peerTable = countersFile.peers();
        final MacAddress mac = MacAddress.parse(node.vtepMac());
        routing = new RoutingTables(new RoutingContext()
                .encapsulation(options.encapsulation)
                .vni(1)
                .vtepMac(mac)
                .peerNumbers(peerTable::number));
        resources.add(routing);
        for (final Topology.Node peer : topology.nodes()) {
            if (peer.index() != node.index()) {
                addPeer(peer, InetAddress.getByName(address(peer, options)));
            }
        }
        routing.publish();
        if (null != transmission) {
            context.packetTransmission(transmission);
            peers = topology.nodes().stream()
                    .filter(peer -> peer.index() != node.index())
                    .map(peer -> IpAddress.parse(address(peer, options)))
                    .toList();
            linkIndex = linkIndex(node);
            finder = new NextHopFinder(rtnetlink, local, PORT);
            sending = transmission;
            awaitNextHops();
        } else {
            peers = List.of();
            linkIndex = 0;
            finder = null;
            sending = null;
        }
        offload = options.tunnelOffload
                ? openOffload(namespace, sockets, local, options.workers, topology.podMtu())
                : null;
        final List<RawSocket> outputs = new ArrayList<>();
        for (int i = 0; i < options.workers; i++) {
            final RawSocket output = namespace.call(RawSocket::open);
            resources.add(output);
            outputs.add(output);
        }
        dataPlane = new DataPlane(context.tunnelOffload(offload)
                .hostPorts(
                        options.joinUdp
                                ? podDevice.ports()
                                : podDevice.ports().stream()
                                        .map(TcpOnlyPort::new)
                                        .toList())
                .receivePorts(sockets.receivePorts())
                .sendPorts(sockets.sendPorts())
                .routing(routing)
                .counters(countersFile.manager())
                .peers(peerTable)
                .errorHandler(errors::add)
                .mtu(topology.podMtu())
                .ingressPolicy(policy(topology, node, options.ingressSources, options.ingressAllow)
                        .numbered(peerTable.numbers()))
                .hostOutputs(outputs)
                .hostIpv4(IpAddress.parse(node.subnetBase()).ipv4())
                .maxSegments(options.maxSegments)
                .spinNs(options.spinNs)
                .threadingMode(options.threadingMode)
                .conclude());
        resources.add(dataPlane);
        dropCapture = options.captureDrops ? new DropCapture(dataPlane.captures()) : null;
        dataPlane.start();
    }

    /** As a daemon does: where the kernel refuses, packets come one by one. */
    private static void batch(final PodDevice device) {
        try {
            device.batch();
        } catch (final LinuxException refused) {
            System.getLogger(StaticNode.class.getName()).log(System.Logger.Level.WARNING, refused.getMessage());
        }
    }

    /** How the node is set up; the defaults are those of the data plane. */
    public static final class Options {
        public PodPort podPort = PodPort.TUN;
        public int workers = 1;
        public int maxSegments = DataPlaneContext.MAX_SEGMENTS_DEFAULT;
        public long spinNs = DataPlaneContext.SPIN_NS_DEFAULT;
        public boolean joinUdp = true;
        public boolean batches = true;
        public boolean tunnelOffload;
        public boolean packetPort;

        /** Whether what is dropped is captured as well, and held against what is counted. */
        public boolean captureDrops;

        /** The underlay between the nodes; a peer is a weft node then. */
        public boolean ipv6Underlay;

        public Encapsulation encapsulation = Encapsulation.VXLAN;
        /** Who may send what, by the nodes of the topology: what is right passes what is not asked for at all. */
        public IngressPolicy.Sources ingressSources = IngressPolicy.Sources.KNOWN;

        /** Senders beside the nodes of the topology. */
        public List<IpPrefix> ingressAllow = List.of();

        public ThreadingMode threadingMode = ThreadingMode.SHARED;

        private UnderlaySockets openSockets(final InetAddress local) {
            final int bufferLength = UnderlaySockets.BUFFER_LENGTH_DEFAULT;
            return Encapsulation.VXLAN == encapsulation
                    ? UnderlaySockets.open(local, PORT, workers, UnderlaySockets.SEND_SOCKETS_DEFAULT, bufferLength)
                    : UnderlaySockets.openOnePort(local, PORT, workers, bufferLength);
        }
    }

    /** Who may send what to a node of a topology. */
    public static IngressPolicy policy(
            final Topology topology,
            final Topology.Node own,
            final IngressPolicy.Sources sources,
            final List<IpPrefix> admitted) {
        final IngressPolicy.Builder policy = new IngressPolicy.Builder(sources);
        admitted.forEach(policy::admit);
        for (final Topology.Node node : topology.nodes()) {
            final List<IpAddress> addresses =
                    List.of(IpAddress.parse(node.underlayAddress()), IpAddress.parse(node.underlayAddressV6()));
            final List<IpPrefix> subnets = List.of(IpPrefix.parse(node.subnet()), IpPrefix.parse(node.subnetV6()));
            if (node.index() == own.index()) {
                subnets.forEach(policy::ownSubnet);
                addresses.forEach(address ->
                        policy.ownAddress(new IpPrefix(address, address.family().addressBits())));
                policy.ownAddress(IpPrefix.parse(node.subnetBase() + "/32"));
                policy.ownAddress(IpPrefix.parse(node.bridgeAddress() + "/32"));
                policy.broadcast(IpAddress.parse(Topology.UNDERLAY_BROADCAST));
            } else {
                policy.node(addresses, subnets);
            }
        }
        return policy.build();
    }

    private PacketTransmission usePacketPorts(
            final DataPlaneContext context, final UnderlaySockets sockets, final InetAddress local) {
        final TunnelFilter filter = new TunnelFilter(linkIndex(place), local, PORT);
        final PacketSockets opened = place.namespace()
                .call(() -> PacketSockets.open(sockets, filter, UnderlaySockets.BUFFER_LENGTH_DEFAULT));
        resources.add(opened);
        packetSockets = opened;
        context.packetPorts(opened.ports(), opened.filter());
        return new PacketTransmission(opened.ports(), sockets.sourcePorts(), local);
    }

    private static int linkIndex(final Topology.Node node) {
        return Integer.parseInt(node.namespace()
                .exec("cat", "/sys/class/net/" + node.underlayDevice() + "/ifindex")
                .trim());
    }

    /** One look at the next hops of all peers, as a daemon has one each second. */
    public NextHops lookAtNextHops() {
        final NextHops found = Objects.requireNonNull(finder).find(linkIndex, peers, HOP_LIMIT);
        Objects.requireNonNull(sending).nextHops(found);
        return found;
    }

    /** Goes on with packet sockets on the interface that is there now, as a daemon does; only if they were asked for. */
    public void renewPacketSockets() {
        place.namespace().run(() -> Objects.requireNonNull(packetSockets).follow(linkIndex(place)));
        dataPlane.wakeReceivers();
    }

    /** Until then frames go by UDP. */
    public void awaitNextHops() {
        Await.until(
                () -> "next hops of " + peers,
                Await.TIMEOUT_MS,
                () -> lookAtNextHops().size() == peers.size());
    }

    private TunnelOffload openOffload(
            final NetworkNamespace namespace,
            final UnderlaySockets sockets,
            final InetAddress local,
            final int workers,
            final int mtu) {
        final List<TapDevice> taps =
                namespace.call(() -> TapDevice.open(OFFLOAD_DEVICE, workers, TunnelSuperframe.VNET_LENGTH));
        resources.addAll(taps);
        namespace.ip("link", "set", OFFLOAD_DEVICE, "up");
        namespace.sysctl("net/ipv4/conf/" + OFFLOAD_DEVICE + "/accept_local", 1);
        namespace.sysctl("net/ipv4/conf/" + OFFLOAD_DEVICE + "/rp_filter", 0);
        namespace.sysctl("net/ipv6/conf/" + OFFLOAD_DEVICE + "/disable_ipv6", 1);
        final String mac = namespace.exec("cat", "/sys/class/net/" + OFFLOAD_DEVICE + "/address");
        final TunnelOffload opened = new TunnelOffload(
                taps,
                sockets.sourcePorts(),
                MacAddress.parse(mac.trim()).value(),
                ByteBuffer.wrap(local.getAddress()).getInt(),
                mtu);
        opened.mode(TunnelOffload.Mode.ON);
        return opened;
    }

    /** What the host routes pods' packets to. */
    public PodDevice podDevice() {
        return podDevice;
    }

    /** The way of superframes that leave unsegmented; only if it was asked for. */
    public TunnelOffload offload() {
        return Objects.requireNonNull(offload);
    }

    public static StaticNode start(final Topology topology, final Topology.Node node, final Options options)
            throws Exception {
        return new StaticNode(topology, node, options);
    }

    private static String address(final Topology.Node node, final Options options) {
        return options.ipv6Underlay ? node.underlayAddressV6() : node.underlayAddress();
    }

    private void addPeer(final Topology.Node peer, final InetAddress underlay) throws UnknownHostException {
        if (Encapsulation.BARE_IP == routing.context().encapsulation()) {
            routing.addRoute(IpPrefix.parse(peer.subnet()), underlay);
            return;
        }
        final InetAddress gateway = InetAddress.getByName(peer.subnetBase());
        final MacAddress mac = MacAddress.parse(peer.vtepMac());
        routing.addRoute(IpPrefix.parse(peer.subnet()), gateway);
        routing.addNeighbour(gateway, mac);
        routing.addFdb(mac, underlay);
    }

    public RoutingTables routing() {
        return routing;
    }

    public DataPlane dataPlane() {
        return dataPlane;
    }

    /** What agents threw; must stay empty. */
    public Queue<Throwable> errors() {
        return errors;
    }

    public NodeCounters counters() {
        return counters;
    }

    /** Each packet that was sent, and each that was received, is of a peer. */
    public void assertCountedByPeer() {
        final long[] sums = new long[4];
        for (final PeerRecord peer : peerTable.read()) {
            sums[0] += peer.sentPackets();
            sums[1] += peer.sentBytes();
            sums[2] += peer.receivedPackets();
            sums[3] += peer.receivedBytes();
        }
        assertEquals(counters.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS), sums[0]);
        assertEquals(counters.of(DataPlaneCounter.EGRESS_FORWARDED_BYTES), sums[1]);
        assertEquals(counters.of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS), sums[2]);
        assertTrue(sums[3] >= counters.of(DataPlaneCounter.INGRESS_DELIVERED_BYTES), () -> counters + " " + sums[3]);
    }

    @Override
    public void close() {
        resources.remove(dataPlane);
        try {
            dataPlane.close();
            if (null != dropCapture) {
                dropCapture.assertAsCounted(counters);
                dropCapture.close();
            }
        } finally {
            closeAll();
        }
    }

    private void closeAll() {
        for (int i = resources.size() - 1; i >= 0; i--) {
            CloseHelper.close(resources.get(i));
        }
    }
}
