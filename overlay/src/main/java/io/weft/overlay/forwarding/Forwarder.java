/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.dataplane.DataPlane;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.pod.PodDevice;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.Descriptors;
import io.weft.linux.RawSocket;
import io.weft.linux.UdpSocket;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.PodPortChoice;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.status.CountersReader;
import org.jspecify.annotations.Nullable;

/**
 * What forwards over one underlay family: a data plane with its device, its sockets on the underlay, its tables and its
 * counters. Made, fed and closed by the control thread.
 */
final class Forwarder implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Forwarder.class.getName());

    private static final int NO_REMARK = -1;
    /** Of descriptors, after the device's name: the pods' device, and what receives from the underlay and is handed superframes. */
    private static final String POD_KIND = "/pod";

    private static final String UDP_KIND = "/udp";
    private static final String PACKET_KIND = "/packet";
    private static final String OFFLOAD_KIND = "/out";

    private final String deviceName;
    private final RoutingTables tables;
    private final CountersFile counters;
    private final Path countersPath;
    private @Nullable UnderlaySockets sockets;
    private @Nullable RecentCounters recent;
    /** Those of the process that left its device and sockets. */
    private @Nullable CountersFile former;

    private @Nullable PodDevice podDevice;
    private boolean isBatching;
    private @Nullable DataPlane dataPlane;
    private @Nullable PacketSource packetSource;
    private @Nullable OffloadTrial offloadTrial;
    private final DropOffenders offenders;
    private @Nullable PacketUnderlay packetUnderlay;
    private @Nullable PeerWatch peerWatch;
    private @Nullable PeerNeighbours neighbours;
    private @Nullable HostLosses losses;
    private int underlayRemark = NO_REMARK;
    private boolean isPolicyKnown;
    /** Of a process that still runs: its counters are in their place, and this one's beside them. */
    private boolean isSuccessor;

    private volatile boolean isStarted;
    private boolean isOutlived;
    /** Set by the thread that ends the process. */
    private volatile boolean isLast;

    private boolean isClosed;
    private final Deque<AutoCloseable> undo;

    /**
     * What a forwarder is made for.
     *
     * @param options weft's own.
     * @param family of the underlay.
     * @param podMtu of pods in bytes, which may be less than that of this family's device.
     * @param config of the network.
     * @param own this node's lease.
     * @param underlay the interface below.
     */
    record Settings(
            WeftOptions options,
            UnderlayFamily family,
            int podMtu,
            NetworkConfig config,
            Lease own,
            Underlay underlay) {
        String deviceName() {
            return family.deviceName(options, config.backend().vni());
        }

        Path countersFile() {
            return CountersPlace.of(options, family, deviceName());
        }

        /** Where packets are sent from. */
        InetAddress local() {
            final InetAddress local = family.local(underlay);
            if (null == local) {
                throw new StartupException("interface " + underlay.name() + " has no address");
            }
            return local;
        }

        MacAddress vtepMac() {
            final VtepData vtep = family.vtep(own.attributes());
            if (null == vtep) {
                throw new StartupException("the own lease " + own + " has no VtepMAC");
            }
            return vtep.mac();
        }
    }

    /**
     * Without device and sockets.
     *
     * @param isSuccessor of a process that still runs.
     * @param undo takes back what is made here, also when that fails half way.
     */
    private Forwarder(final Settings settings, final boolean isSuccessor, final Deque<AutoCloseable> undo) {
        this.undo = undo;
        this.isSuccessor = isSuccessor;
        countersPath = settings.countersFile();
        final Path made = isSuccessor ? CountersFile.fresh(countersPath) : countersPath;
        counters = CountersPlace.create(made, settings.options().workers());
        undo.push(() -> {
            if (!isOutlived) {
                Files.deleteIfExists(this.isSuccessor ? made : countersPath);
            }
        });
        undo.push(counters);
        deviceName = settings.deviceName();
        tables = new RoutingTables(TunnelSetup.routing(settings).peerNumbers(counters.peers()::number));
        undo.push(tables);
        offenders = new DropOffenders(settings, counters, SystemNanoClock.INSTANCE);
    }

    /**
     * Makes the device and all else that is needed to forward, or goes on with what another process left; leaves nothing behind when
     * it fails.
     *
     * @param left what another process left, of which this takes what it has a use for.
     */
    static Forwarder open(final Settings settings, final Descriptors left) {
        final boolean isSuccessor = left.count(settings.deviceName() + POD_KIND) > 0;
        final Deque<AutoCloseable> undo = new ArrayDeque<>();
        boolean isOpen = false;
        try {
            final Forwarder forwarder = new Forwarder(settings, isSuccessor, undo);
            forwarder.openPorts(settings, left);
            isOpen = true;
            return forwarder;
        } catch (final OutOfMemoryError tooLittle) {
            final int workers = settings.options().workers();
            throw new StartupException(
                    "buffers of " + workers + " workers: " + tooLittle.getMessage() + ". Choose fewer by --workers, or"
                            + " start the JVM with -XX:MaxDirectMemorySize=" + BufferBudget.mebibytes(workers)
                            + "m, as bin/weftd does",
                    tooLittle);
        } finally {
            if (!isOpen) {
                TakeDown.all(undo);
            }
        }
    }

    private void openPorts(final Settings settings, final Descriptors left) {
        final UnderlaySockets opened = TunnelSetup.sockets(settings, left.take(deviceName + UDP_KIND));
        undo.push(opened);
        sockets = opened;
        final PodDevice pods = openPodDevice(settings, left);
        final DataPlaneContext context = TunnelSetup.dataPlane(settings)
                .routing(tables)
                .counters(counters.manager())
                .peers(counters.peers())
                .errorHandler(failure -> LOG.log(ERROR, "a data thread survived an exception", failure))
                .hostPorts(pods.ports())
                .tunnelOffload(openOffload(settings, opened, left))
                .receivePorts(opened.receivePorts())
                .sendPorts(opened.sendPorts())
                .maxSegments(TunnelSetup.maxSegments(settings, opened));
        final PacketUnderlay packets = openPacketUnderlay(settings, opened, left.take(deviceName + PACKET_KIND));
        if (null != packets) {
            packets.use(context);
        }
        final UnansweredPeers unanswered = new UnansweredPeers(counters.peers().rows());
        neighbours = openNeighbours(settings, unanswered);
        final DataPlane made = new DataPlane(context.unanswered(unanswered)
                .hostOutputs(openOutputs(settings.options().workers()))
                .conclude());
        undo.push(made);
        peerWatch = openPeerWatch(settings, opened, made);
        recent = new RecentCounters(counters.manager(), made.counters());
        dataPlane = made;
        losses = new HostLosses(pods, opened, packets);
        packetSource = new PacketSource(
                deviceName,
                tables,
                made::ingressPolicy,
                made.captures(),
                IpAddress.of(settings.local()),
                settings.config().backend().port(),
                opened.sourcePorts());
    }

    private @Nullable PacketUnderlay openPacketUnderlay(
            final Settings settings, final UnderlaySockets udp, final List<Integer> left) {
        final PacketUnderlay packets = PacketUnderlay.open(
                settings, udp, left, tables, this::total, this::wakeReceivers, this::remarkUnderlay);
        if (null != packets) {
            undo.push(packets);
            packetUnderlay = packets;
        }
        return packets;
    }

    private PeerNeighbours openNeighbours(final Settings settings, final UnansweredPeers unanswered) {
        final PeerNeighbours looked = new PeerNeighbours(
                counters.peers(),
                unanswered,
                settings.local(),
                settings.config().backend().port(),
                () -> total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS),
                SystemNanoClock.INSTANCE);
        undo.push(looked);
        return looked;
    }

    private PeerWatch openPeerWatch(final Settings settings, final UnderlaySockets udp, final DataPlane running) {
        final PeerWatch watch = new PeerWatch(
                counters.peers(),
                UnderlayErrors.open(
                        IpAddress.of(settings.local()),
                        udp.sourcePorts().stream()
                                .flatMapToInt(Arrays::stream)
                                .boxed()
                                .collect(Collectors.toSet()),
                        settings.config().backend().port(),
                        counters.peers()),
                TimeUnit.SECONDS.toMillis(settings.options().peerCheckSeconds),
                running::ingressPolicy);
        undo.push(watch);
        return watch;
    }

    /** Starts to forward. */
    void start() {
        Objects.requireNonNull(recent, "open() comes first").begin(System.nanoTime());
        Objects.requireNonNull(dataPlane, "open() comes first").start();
        isStarted = true;
    }

    /**
     * Stands still, with all sent and delivered that was received.
     *
     * @return false if a data thread does not come to that; then all go on.
     */
    boolean pause() throws InterruptedException {
        final boolean isPaused =
                Objects.requireNonNull(dataPlane, "open() comes first").pause();
        if (isPaused) {
            counters.heartbeat(System.currentTimeMillis()); // who goes on counting may have a copy, and gets it whole
        }
        return isPaused;
    }

    /** Takes {@link #pause} back. */
    void resume() {
        Objects.requireNonNull(dataPlane, "open() comes first").resume();
    }

    /** What another process needs to go on with this forwarder's device and sockets: descriptors by name. */
    Map<String, Integer> descriptors() {
        final Map<String, Integer> descriptors = new LinkedHashMap<>();
        final PodDevice pods = Objects.requireNonNull(podDevice, "open() comes first");
        final UnderlaySockets opened = Objects.requireNonNull(sockets, "open() comes first");
        descriptors.putAll(Descriptors.named(deviceName + POD_KIND, pods.descriptors()));
        descriptors.putAll(Descriptors.named(
                deviceName + UDP_KIND,
                opened.receivePorts().stream().map(UdpSocket::fd).toList()));
        if (null != packetUnderlay) {
            descriptors.putAll(Descriptors.named(deviceName + PACKET_KIND, packetUnderlay.descriptors()));
        }
        if (null != offloadTrial) {
            descriptors.putAll(Descriptors.named(deviceName + OFFLOAD_KIND, offloadTrial.descriptors()));
        }
        return descriptors;
    }

    /**
     * Prepares to count on from where the process has stopped that left its device and sockets.
     *
     * @return to be run before {@link #start}, for the last time when that process counts no more.
     */
    Runnable continuing() {
        if (!Files.isReadable(countersPath)) {
            return () -> {};
        }
        try {
            final CountersFile before = CountersFile.open(countersPath);
            undo.push(before);
            former = before;
            final Runnable counting = counters.continuing(before);
            return () -> {
                counting.run();
                goOn();
            };
        } catch (final RuntimeException unreadable) {
            LOG.log(WARNING, "counters begin anew: {0}", unreadable.getMessage());
            return () -> {};
        }
    }

    private void goOn() {
        if (null != offloadTrial) {
            offloadTrial.goOn();
        }
        if (null != packetUnderlay) {
            packetUnderlay.goOn();
        }
    }

    /** The process that left its device and sockets is gone: they are this one's, and so is the place of its counters. */
    void own() {
        Objects.requireNonNull(podDevice, "open() comes first").own();
        final DataPlane running = Objects.requireNonNull(dataPlane, "open() comes first");
        Objects.requireNonNull(losses, "open() comes first").goOn(running);
        if (null != former) {
            Objects.requireNonNull(recent, "open() comes first").goOn(former.reader(), System.currentTimeMillis());
            offenders.goOn(former.reader(), running::dropped);
        }
        if (null != packetUnderlay) {
            packetUnderlay.own();
        }
        try {
            CountersFile.take(countersPath);
        } catch (final IOException failure) {
            LOG.log(
                    WARNING,
                    "counters are not at {0}: {1}{2}",
                    countersPath,
                    failure,
                    LogFields.of("file", countersPath));
        }
        isSuccessor = false;
    }

    private List<RawSocket> openOutputs(final int workers) {
        final List<RawSocket> outputs = TunnelSetup.outputs(workers);
        outputs.forEach(undo::push);
        return outputs;
    }

    private PodDevice openPodDevice(final Settings settings, final Descriptors left) {
        final PodPortChoice choice = PodPortChoice.of(settings.options().podPort);
        final Rtnetlink rtnetlink = Rtnetlink.open();
        undo.push(rtnetlink);
        final PodDevice opened = choice.port()
                .open(rtnetlink, settings.deviceName(), settings.options().workers(), left.take(deviceName + POD_KIND));
        undo.push(opened);
        podDevice = opened;
        isBatching = TunnelSetup.batch(settings, opened);
        counters.remark(choice.remark());
        return opened;
    }

    /**
     * Puts right what somebody changed at the data plane's side of the device.
     *
     * @return false when the device is gone.
     */
    boolean repairPodDevice() {
        return Objects.requireNonNull(podDevice, "open() comes first").repair();
    }

    /** What {@link #repairPodDevice} put right. */
    long podDeviceRepairs() {
        return Objects.requireNonNull(podDevice, "open() comes first").repairs();
    }

    /** Null where superframes cannot be left to a device: that costs speed and nothing else, so it is no reason to end. */
    private @Nullable TunnelOffload openOffload(
            final Settings settings, final UnderlaySockets sockets, final Descriptors left) {
        if (BackendType.VXLAN != settings.config().backend().type()
                || UnderlayFamily.IPV4 != settings.family()
                || !settings.options().tunnelOffload.isWanted()) {
            return null;
        }
        final OffloadTrial trial =
                OffloadTrial.open(settings, sockets, this::total, left.take(deviceName + OFFLOAD_KIND));
        if (null == trial) {
            return null;
        }
        undo.push(trial);
        offloadTrial = trial;
        return trial.offload();
    }

    /** What all workers have counted; 0 before they are there. */
    private long total(final DataPlaneCounter counter) {
        return null == dataPlane ? 0 : dataPlane.total(counter);
    }

    private void remarkUnderlay(final String text) {
        if (NO_REMARK == underlayRemark) {
            underlayRemark = counters.remark(text);
        } else {
            counters.changeRemark(underlayRemark, text);
        }
    }

    private void wakeReceivers() {
        if (null != dataPlane) {
            dataPlane.wakeReceivers();
        }
    }

    /** Whether several small packets of pods are read or written with one call. */
    boolean isBatching() {
        return isBatching;
    }

    /** Whether superframes are left to the underlay device; null where that is not possible. */
    @Nullable
    OffloadTrial offloadTrial() {
        return offloadTrial;
    }

    /** That packets are received by packet sockets; null where they are not. */
    @Nullable
    PacketUnderlay packetUnderlay() {
        return packetUnderlay;
    }

    /** The name of the device that pods' packets are routed to. */
    String deviceName() {
        return deviceName;
    }

    /** The tables that decide where packets go. */
    RoutingTables tables() {
        return tables;
    }

    /** Reads the counters, from any thread; null after the close, when their memory is gone. */
    synchronized <T> @Nullable T read(final Function<CountersReader, T> reader) {
        return isClosed ? null : reader.apply(counters.reader());
    }

    /** Says who may send what from now on. */
    void ingressPolicy(final IngressPolicy policy) {
        final DataPlane running = Objects.requireNonNull(dataPlane, "open() comes first");
        peerWatch().ingressPolicy(policy);
        if (!isPolicyKnown) {
            running.takeOffenders(early -> {}); // who was refused before there was a lease is no stranger for that
            isPolicyKnown = true;
        }
    }

    /** Lets the data threads use what has changed in the tables. */
    void publish() {
        tables.publish();
        peerWatch().published(tables);
    }

    /** Who is counted by, and watched. */
    PeerWatch peerWatch() {
        return Objects.requireNonNull(peerWatch, "open() comes first");
    }

    /** Looks at the neighbours on the underlay's link: a few times a second. */
    void lookAtNeighbours(final int linkIndex) {
        Objects.requireNonNull(neighbours, "open() comes first").look(linkIndex);
    }

    /** How many peers are in each state, added to what others have. */
    void countPeerStates(final Map<PathState, Integer> counts) {
        counters.peers().countStates(counts);
    }

    /** This process ends when it is closed: what the kernel takes away by itself stays until then, and forwards for so much longer. */
    void endWithProcess() {
        isLast = true;
    }

    private boolean endsWithProcess() {
        return isLast && isOutlived && null != podDevice && podDevice.endsWithProcess() && null == packetUnderlay;
    }

    /** Lets the counters file outlive this forwarder: for a node that was ready once, and not for a start that failed. */
    void keepCounters() {
        isOutlived = true;
    }

    /**
     * Tells the data threads the new MTU of pods, in bytes.
     *
     * @return false when they are busy: to be told again.
     */
    boolean mtu(final int bytes) {
        return Objects.requireNonNull(dataPlane, "open() comes first").mtu(bytes);
    }

    /** How many duty cycles each data thread has ended, by its name; empty before the start. Any thread. */
    Map<String, Long> dutyCycles() {
        final DataPlane running = dataPlane;
        return isStarted && null != running ? running.dutyCycles() : Map.of();
    }

    /** Its packets, for who asks for them. */
    PacketSource packetSource() {
        return Objects.requireNonNull(packetSource, "open() comes first");
    }

    /** Where its counters are for everyone to read. */
    Path countersPath() {
        return countersPath;
    }

    /** Returns whether the file of its counters was gone, and is there again. */
    boolean putBackCounters() throws IOException {
        if (Files.exists(countersPath)) {
            return false;
        }
        counters.putBack(countersPath);
        return true;
    }

    /** Shows readers of the counters that the control thread lives, and what only it can count. */
    void heartbeat() {
        final long nowMs = System.currentTimeMillis();
        if (isStarted) { // before that, what the counters have is another process's, which may not even be in them yet
            count(nowMs);
        }
        counters.heartbeat(nowMs);
    }

    private void count(final long nowMs) {
        final DataPlane running = Objects.requireNonNull(dataPlane, "open() comes first");
        Objects.requireNonNull(losses, "open() comes first").count(running);
        if (isPolicyKnown) {
            running.takeOffenders(offenders::take);
        }
        offenders.tellWhatGoesOn(running::dropped);
        Objects.requireNonNull(recent, "open() comes first").sample(System.nanoTime(), nowMs);
        peerWatch().look(nowMs);
    }

    /** Stops forwarding; the device is gone after this. */
    @Override
    public void close() {
        synchronized (this) {
            isClosed = true; // a reader in progress has ended, and none begins any more
        }
        if (!endsWithProcess()) {
            TakeDown.all(undo);
        }
    }
}
