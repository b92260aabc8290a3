/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.HostSteps;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The forwarders of a node, one for each family that its underlay has; none for a backend without a tunnel, where the
 * kernel's routes do it all. Made, fed and closed by the control thread.
 */
public final class Forwarders implements AutoCloseable {
    private final Map<UnderlayFamily, Forwarder> forwarders = new EnumMap<>(UnderlayFamily.class);
    private final Deque<AutoCloseable> undo = new ArrayDeque<>();
    private long offloadRepairs;
    private @Nullable PathRehearsal rehearsal;

    private final int rehearsalLimitMs;

    private Forwarders(final int rehearsalLimitMs) {
        this.rehearsalLimitMs = rehearsalLimitMs;
    }

    /**
     * Makes the devices and all else that is needed to forward, or goes on with what another process left; leaves nothing behind
     * when it fails.
     *
     * @param left what another process left, of which this takes what it has a use for.
     */
    public static Forwarders open(
            final WeftOptions options,
            final NetworkConfig config,
            final Lease own,
            final Underlay underlay,
            final Descriptors left) {
        final PodMtu mtu = PodMtu.of(config, underlay);
        final Forwarders opened = new Forwarders(options.rehearsalLimitMs);
        boolean isOpen = false;
        try {
            for (final UnderlayFamily family : UnderlayFamily.carrying(config.backend(), underlay)) {
                final Forwarder forwarder = Forwarder.open(
                        new Forwarder.Settings(options, family, mtu.least(), config, own, underlay), left);
                opened.undo.push(forwarder);
                opened.forwarders.put(family, forwarder);
            }
            isOpen = true;
            return opened;
        } finally {
            if (!isOpen) {
                opened.close();
            }
        }
    }

    /**
     * Tries what an operator may have chosen wrongly and {@link #open} needs, and takes it back.
     *
     * @throws io.weft.overlay.lifecycle.StartupException with the option that has it otherwise.
     */
    public static void tryPlaces(final WeftOptions options, final NetworkConfig config, final Underlay underlay) {
        for (final UnderlayFamily family : UnderlayFamily.carrying(config.backend(), underlay)) {
            CountersPlace.attempt(
                    options, family, family.deviceName(options, config.backend().vni()));
            PacketUnderlay.attempt(options, config.backend().type(), underlay);
        }
    }

    /**
     * Has the JVM compile the packet path, on a thread of its own, with packets of nobody's; once, however often it is called.
     *
     * @param isCold whether this is the first node of this JVM: of another nothing needs to be rehearsed.
     */
    public PathRehearsal rehearse(final boolean isCold) {
        if (null == rehearsal) {
            rehearsal = forwarders.values().stream()
                    .findFirst()
                    .filter(forwarder -> isCold && rehearsalLimitMs > 0)
                    .map(forwarder -> PathRehearsal.start(
                            forwarder.tables().context().encapsulation(),
                            null != forwarder.offloadTrial(),
                            forwarder.isBatching(),
                            TimeUnit.MILLISECONDS.toNanos(rehearsalLimitMs)))
                    .orElseGet(PathRehearsal::ofNothing);
        }
        return rehearsal;
    }

    /** Starts to forward by what the tables have. */
    public void start() {
        forwarders.values().forEach(Forwarder::start);
    }

    /**
     * Stands still, with all sent and delivered that was received.
     *
     * @return false if a data thread does not come to that; then all go on.
     */
    public boolean pause() throws InterruptedException {
        boolean isPaused = true;
        try {
            for (final Forwarder forwarder : forwarders.values()) {
                isPaused = isPaused && forwarder.pause();
            }
        } catch (final InterruptedException stop) {
            resume();
            throw stop;
        }
        if (!isPaused) {
            resume();
        }
        return isPaused;
    }

    /** Takes {@link #pause} back. */
    public void resume() {
        forwarders.values().forEach(Forwarder::resume);
    }

    /** What another process needs to go on with the devices and sockets: descriptors by name. */
    public Map<String, Integer> descriptors() {
        final Map<String, Integer> descriptors = new LinkedHashMap<>();
        forwarders.values().forEach(forwarder -> descriptors.putAll(forwarder.descriptors()));
        return descriptors;
    }

    /**
     * Prepares to count on from where the process stops that left its devices and sockets.
     *
     * @return to be run before {@link #start}, for the last time when that process counts no more.
     */
    public Runnable continuing() {
        final List<Runnable> steps =
                forwarders.values().stream().map(Forwarder::continuing).toList();
        return () -> steps.forEach(Runnable::run);
    }

    /** The process that left its devices and sockets is gone: they are this one's. */
    public void own() {
        forwarders.values().forEach(Forwarder::own);
    }

    /** The families that there is a forwarder of. */
    Set<UnderlayFamily> families() {
        return forwarders.keySet();
    }

    /** The name of a family's device. */
    String deviceName(final UnderlayFamily family) {
        return Objects.requireNonNull(forwarders.get(family)).deviceName();
    }

    /** The names of all devices. */
    public List<String> deviceNames() {
        return forwarders.values().stream().map(Forwarder::deviceName).toList();
    }

    /** The tables of a family's forwarder; null when the node has none. */
    public @Nullable RoutingTables tables(final UnderlayFamily family) {
        final Forwarder forwarder = forwarders.get(family);
        return null == forwarder ? null : forwarder.tables();
    }

    /** Calls with each device's name and tables. */
    public void each(final BiConsumer<String, RoutingTables> consumer) {
        forwarders.values().forEach(forwarder -> consumer.accept(forwarder.deviceName(), forwarder.tables()));
    }

    /** The packets of each, for who asks for them. */
    public List<PacketSource> packetSources() {
        return forwarders.values().stream().map(Forwarder::packetSource).toList();
    }

    /** Calls with each device's name and the file that its counters are in. */
    public void eachCountersFile(final BiConsumer<String, Path> consumer) {
        forwarders.values().forEach(forwarder -> consumer.accept(forwarder.deviceName(), forwarder.countersPath()));
    }

    /** The counters of all workers of all forwarders; from any thread. */
    public List<CounterSample> counters() {
        final List<CounterSample> samples = new ArrayList<>();
        for (final Forwarder forwarder : forwarders.values()) {
            forwarder.read(reader -> {
                reader.forEach((id, typeId, key, label) -> samples.add(
                        new CounterSample(forwarder.deviceName(), key.getInt(0), label, reader.getCounterValue(id))));
                return samples;
            });
        }
        return samples;
    }

    /**
     * Tells the data threads how long pods' packets are from now on.
     *
     * @return false when a data thread is busy: to be told again.
     */
    public boolean mtu(final PodMtu mtu) {
        return forwarders.values().stream().allMatch(forwarder -> forwarder.mtu(mtu.least()));
    }

    /** Looks at the neighbours on the underlay's link: a few times a second. */
    public void lookAtNeighbours(final int linkIndex) {
        forwarders.values().forEach(forwarder -> forwarder.lookAtNeighbours(linkIndex));
    }

    /** Says who may send what from now on, over whichever underlay. */
    public void ingressPolicy(final IngressPolicy policy) {
        forwarders.values().forEach(forwarder -> forwarder.ingressPolicy(policy));
    }

    /** Lets the data threads use what has changed in the tables. */
    public void publish() {
        forwarders.values().forEach(Forwarder::publish);
    }

    /**
     * Puts right what somebody changed at the data planes' side of their devices.
     *
     * @return false when a device is gone.
     */
    public boolean repairPodDevices() {
        final HostSteps steps = new HostSteps();
        final boolean[] isThere = {true};
        forwarders.values().forEach(forwarder -> steps.attempt(() -> isThere[0] &= forwarder.repairPodDevice()));
        steps.requireAll();
        return isThere[0];
    }

    /** What {@link #repairPodDevices} put right, by the devices' names. */
    public Map<String, Long> repairsOfPodDevices() {
        final Map<String, Long> repairs = new TreeMap<>();
        forwarders.forEach((family, forwarder) -> repairs.put(deviceName(family), forwarder.podDeviceRepairs()));
        return repairs;
    }

    /** Puts right what somebody changed at the devices that superframes leave by. */
    public void repairOffload(final Rtnetlink rtnetlink) {
        offloads().forEach(offload -> offloadRepairs += offload.repair(rtnetlink));
    }

    /** What {@link #repairOffload} put right. */
    public long offloadRepairs() {
        return offloadRepairs;
    }

    /** Whether superframes are left to the underlay device; none where that is not possible. */
    public List<OffloadTrial> offloads() {
        return forwarders.values().stream()
                .map(Forwarder::offloadTrial)
                .filter(Objects::nonNull)
                .toList();
    }

    /** That packets are received by packet sockets; none where they are not. */
    public List<PacketUnderlay> packetUnderlays() {
        return forwarders.values().stream()
                .map(Forwarder::packetUnderlay)
                .filter(Objects::nonNull)
                .toList();
    }

    /** This process ends when they are closed: what the kernel takes away by itself forwards until then. From any thread. */
    public void endWithProcess() {
        forwarders.values().forEach(Forwarder::endWithProcess);
    }

    /** Lets the counters files outlive the forwarders: for a node that was ready once. */
    public void keepCounters() {
        forwarders.values().forEach(Forwarder::keepCounters);
    }

    /** How many duty cycles each data thread has ended, by its name and its device's; none before the start. Any thread. */
    public Map<String, Long> dutyCycles() {
        final Map<String, Long> cycles = new LinkedHashMap<>();
        forwarders
                .values()
                .forEach(forwarder -> forwarder
                        .dutyCycles()
                        .forEach((thread, ended) -> cycles.put(thread + " of " + forwarder.deviceName(), ended)));
        return cycles;
    }

    /** Makes files of counters again that somebody removed. Returns whether there were any. */
    public boolean putBackCounters() throws IOException {
        boolean isPutBack = false;
        for (final Forwarder forwarder : forwarders.values()) {
            isPutBack |= forwarder.putBackCounters();
        }
        return isPutBack;
    }

    /** Shows readers of the counters that the control thread lives. */
    public void heartbeat() {
        forwarders.values().forEach(Forwarder::heartbeat);
    }

    /** Told of peers whose ways are new or others than they were. */
    public interface ChangedPeers {
        /**
         * Called for a device.
         *
         * @param peers that have changed.
         * @param changes how many there were until now, as {@link Forwarders#checked} is to be told.
         */
        void accept(String device, Set<IpAddress> peers, long changes);
    }

    /** Calls for each device, with what has changed since the last call. */
    public void takeChangedPeers(final ChangedPeers consumer) {
        for (final Forwarder forwarder : forwarders.values()) {
            final PeerWatch watch = forwarder.peerWatch();
            consumer.accept(forwarder.deviceName(), watch.takeChanged(), watch.changes());
        }
    }

    /**
     * The way to a peer was checked.
     *
     * @param device that packets to it leave by.
     * @param changes of the tables, as of those that the way was found in.
     * @param pathMtu bytes that the underlay carries; 0 where that was not asked.
     */
    public void checked(
            final String device, final IpAddress peer, final long changes, final PathCheck check, final int pathMtu) {
        for (final Forwarder forwarder : forwarders.values()) {
            if (forwarder.deviceName().equals(device)) {
                forwarder.peerWatch().checked(peer, changes, check, pathMtu);
            }
        }
    }

    /** How many peers are in each state by the last check. */
    public Map<PathState, Integer> peerStates() {
        final Map<PathState, Integer> counts = new EnumMap<>(PathState.class);
        forwarders.values().forEach(forwarder -> forwarder.countPeerStates(counts));
        return counts;
    }

    /** Stops forwarding. */
    @Override
    public void close() {
        TakeDown.all(undo);
    }
}
