/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.OffloadTrial;
import io.weft.overlay.forwarding.PodMtu;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.handover.Description;
import io.weft.overlay.handover.Succession;
import io.weft.overlay.handover.Tenure;
import io.weft.overlay.host.BridgeNetfilter;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.HostWatch;
import io.weft.overlay.host.Ipv6;
import io.weft.overlay.host.KernelDevices;
import io.weft.overlay.host.PodBridge;
import io.weft.overlay.host.PodPath;
import io.weft.overlay.host.RunningFlanneld;
import io.weft.overlay.host.SubnetFile;
import io.weft.overlay.host.Takeover;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.host.UnderlayCheck;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import io.weft.overlay.ops.NodeMetrics;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.options.WeftdOptions;
import io.weft.overlay.peers.LeaseTable;
import io.weft.overlay.ping.PeerMonitor;
import io.weft.overlay.record.NodeRecord;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.rules.NodeRules;
import io.weft.overlay.rules.RulesKeeper;
import io.weft.overlay.rules.TunnelPort;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One node of the overlay, from its lease to its device. Set up step by step in flanneld's order; what was made is taken
 * back in the opposite order, also when a step fails. All of it belongs to the control thread.
 */
public final class OverlayNode implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(OverlayNode.class.getName());
    private static final long COMPARE_MS = 1_000;
    /** The host keeps less for a peer that does not answer than a socket may have out, at some thousand packets a second. */
    private static final long NEIGHBOURS_MS = 100;
    /** Routes are compared when somebody changes one that matters; this is for what could not be heard of. */
    private static final long COMPARE_ROUTES_MS = 30_000;
    /** So long may rule tools keep pods from being wired: those that were there before are forwarded for already. */
    private static final long RULES_PATIENCE_MS = 10_000;

    private final WeftdOptions options;
    private final Registry registry;
    private final Rtnetlink rtnetlink;
    private final UnderlayCheck underlayCheck;
    private final Tenure tenure;
    private final @Nullable Lease former;
    private final ControlLoop loop = new ControlLoop(this::publish);
    private final Conditions conditions = new Conditions();
    private final NodeMetrics metrics;
    private final HostComparison host;
    private final Deque<AutoCloseable> undo = new ArrayDeque<>();
    private @Nullable Lease own;
    private @Nullable LeaseTable leases;
    private @Nullable NodeRecord record;
    private @Nullable NodeAnswers answers;
    private volatile @Nullable Succession place;
    private volatile @Nullable Forwarders forwarders;
    /** Devices, routes and files are this node's, and not those of a daemon whose place it is to take. */
    private boolean isInCharge;

    private Runnable beforeReady = () -> {};
    private Runnable writeStatus = () -> {};
    private final CompletableFuture<@Nullable Void> readiness = new CompletableFuture<>();
    private volatile boolean isReplaced;

    private OverlayNode(
            final WeftdOptions options,
            final Registry registry,
            final Rtnetlink rtnetlink,
            final UnderlayCheck underlayCheck,
            final Tenure tenure,
            final @Nullable Lease former,
            final int takenDown) {
        this.tenure = tenure;
        this.options = options;
        this.registry = registry;
        this.rtnetlink = rtnetlink;
        this.underlayCheck = underlayCheck;
        this.former = former;
        metrics = new NodeMetrics(registry.status(), registry.kind(), conditions);
        metrics.nodeRepairs(takenDown);
        host = new HostComparison(rtnetlink, conditions, metrics, loop);
    }

    /**
     * Sets a node up; nothing is left behind when that fails.
     *
     * @param underlayCheck of all nodes of this process: it remembers what they were on.
     * @param tenure of this process.
     * @param former the lease of the node that ran before in this process; null for the first.
     * @param takenDown nodes that ran before in this process, for the metrics.
     */
    public static OverlayNode start(
            final WeftdOptions options,
            final Registry registry,
            final Rtnetlink rtnetlink,
            final UnderlayCheck underlayCheck,
            final Tenure tenure,
            final @Nullable Lease former,
            final int takenDown)
            throws InterruptedException {
        final OverlayNode node =
                new OverlayNode(options, registry, rtnetlink, underlayCheck, tenure, former, takenDown);
        boolean isSetUp = false;
        try {
            node.setUp();
            isSetUp = true;
            return node;
        } finally {
            if (!isSetUp) {
                node.close();
            }
        }
    }

    /** Runs the node, with a task that is done when pods can be wired, before that is said; returns why it has to be taken down. */
    public String run(final Runnable task) throws InterruptedException {
        beforeReady = task;
        return loop.run();
    }

    private void setUp() throws InterruptedException {
        final SubnetFile subnetFile = new SubnetFile(options.flanneld().subnetFile);
        GuardRoutes.giveWayTo(rtnetlink, registry::addresses);
        final NetworkConfig config = registry.config();
        Ipv6.requireFor(config.ipv6Network());
        metrics.bridgeNetfilter(BridgeNetfilter.isThereFor(config));
        final Underlay underlay =
                underlayCheck.begin(UnderlayWishes.of(options.flanneld(), registry.publicAddresses(), config));
        LOG.log(INFO, "underlay interface {0}{1}", underlay, underlay.logFields());
        UnderlayWishes.requireMet(config.backend(), underlay);
        final Succession succession = new Succession(
                options.weft(),
                tenure,
                deviceNames(config, underlay),
                NodeDescription.of(tenure, options, config, underlay, subnetFile));
        undo.push(succession);
        place = succession;
        succession.begin(subnetFile.path());
        final NodeStatus status = new NodeStatus(
                options.weft(), config, underlay, tenure, conditions, metrics, host.repaired(), registry.status());
        final String firstDevice = deviceNames(config, underlay).get(0);
        if (!succession.isAwaited()) {
            openRecord(firstDevice);
            tenure.start().found(firstDevice, underlay.toString());
        }
        PodMtu.of(config, underlay).require();
        final KernelDevices replaced =
                succession.isPlaceTaken() ? KernelDevices.NONE : replaced(succession, config.backend());
        if (succession.isAwaited()) { // the running daemon is not to end in vain
            Forwarders.tryPlaces(options.weft(), config, underlay);
            if (!succession.isPortHeld()) {
                succession.requireFreePort(rtnetlink, config.backend(), KernelDevices.NONE);
            }
        }
        // All that can be refused has been: from here on something is changed, in the registry and on the host.
        final LeaseKey previous = subnetFile.previous();
        final Lease acquired = acquire(config.backend(), underlay, previous, replaced);
        own = acquired;
        LOG.log(INFO, "own lease {0}{1}", acquired, LogFields.of("subnet", acquired.key()));
        final Descriptors left = succession.settle(acquired);
        final Set<InetAddress> reachable = UnderlayWishes.reachedOtherwise(underlay, registry.addresses(), rtnetlink);
        // Before a device that carries packets goes, and until it is back.
        final GuardRoutes guards = guard(config, reachable, left(config, subnetFile.networks(), firstDevice));
        final Takeover takeover = Takeover.begin(rtnetlink, replaced, deviceNames(config, underlay));
        undo.push(takeover);
        if (!succession.isPlaceTaken()) {
            succession.requireFreePort(rtnetlink, config.backend(), KernelDevices.NONE);
        }
        final Forwarders opened = succession.open(
                left, descriptors -> Forwarders.open(options.weft(), config, acquired, underlay, descriptors));
        undo.push(opened);
        forwarders = opened;
        final PodRoutes routes = new PodRoutes(
                rtnetlink, config, acquired.key(), underlay, opened, guards, options.flanneld().ipBlackholeRoute);
        routes.findDevices();
        final UnderlayChanges changes =
                new UnderlayChanges(underlayCheck, underlay, config, opened, routes, conditions, loop);
        final PodAdmission admission = new PodAdmission(
                subnetFile, new SubnetFile.Content(config, acquired.key(), options.flanneld().ipMasq), conditions);
        final LeaseTable table = new LeaseTable(config, acquired.key(), opened, routes, options.weft());
        leases = table;
        final PodPath podPath = new PodPath(rtnetlink, config, firstDevice);
        final Runnable lookAtAddresses =
                () -> host.look(table, routes, podPath, ownLease().key());
        lookAtAddresses.run();
        final Runnable ready = () -> becomeReady(
                previous, opened, routes, admission, changes, String.join(" and ", deviceNames(config, underlay)));
        final Runnable charge = () -> {
            takeCharge(config, acquired, opened, routes, reachable, succession.description());
            final Runnable follow = () -> follow(opened, changes, admission);
            undo.push(HostWatch.ofUnderlay(
                    underlay.name(),
                    underlay.linkIndex(),
                    !opened.packetUnderlays().isEmpty(),
                    () -> loop.post(follow)));
            final NodeRecord shown = null == record ? openRecord(firstDevice) : record;
            tenure.start().over(firstDevice);
            undo.push(HostWatch.ofAddresses(() -> loop.post(lookAtAddresses)));
            checkPeers(config, opened, changes);
            writeStatus = () -> shown.status(status.now(isReady(), acquired.key(), opened, changes, table));
            writeStatus.run();
            follow.run();
            final RunDirectory directory = new RunDirectory(
                    options.weft().runDirectory,
                    succession,
                    Objects.requireNonNull(answers, "in charge"),
                    opened,
                    conditions);
            loop.every(NEIGHBOURS_MS, changes::lookAtNeighbours);
            loop.every(COMPARE_MS, () -> {
                opened.heartbeat();
                metrics.peers(opened.peerStates());
                conditions.set(Condition.DATA_THREADS, tenure.stalledThreads());
                lookAtRegistry();
                follow.run();
                lookAtAddresses.run();
                host.repair(opened, routes, false);
                directory.keep();
                writeStatus.run();
            });
        };
        if (!succession.isAwaited()) {
            if (!succession.isLeft()) {
                opened.start();
            }
            charge.run();
        }
        if (!replaced.links().isEmpty()) { // what can fail does so while they can be put back
            Objects.requireNonNull(answers, "in charge").open();
        }
        registry.watch(new LeaseFeed(loop, table, () -> {
            if (succession.isLeft()) {
                table.publishTables();
                succession.goOn(opened);
                ready.run(); // the rules are there, as the one before had set them
            } else if (succession.isAwaited()) {
                table.publishTables();
                succession.takeOver(opened);
                charge.run();
                publish();
                ready.run(); // the rules are there, as the other had set them
            }
            final Runnable last = opened.rehearse(null == former).before(loop, () -> becomeReadyOnce(ready));
            setRules(config, acquired, underlay, last);
            Objects.requireNonNull(answers, "in charge first").open();
        }));
        takeover.complete();
    }

    /** From here on devices and routes are this node's to keep as they should be. */
    private void takeCharge(
            final NetworkConfig config,
            final Lease acquired,
            final Forwarders opened,
            final PodRoutes routes,
            final Set<InetAddress> reachable,
            final Description description) {
        isInCharge = true;
        undo.push(routes);
        routes.keepReachable(reachable);
        host.repair(opened, routes, true);
        routes.watch(() -> loop.post(() -> host.repair(opened, routes, true)));
        final NodeAnswers opening = new NodeAnswers(
                opened.packetSources(),
                options.weft().runDirectory,
                config,
                acquired.key(),
                loop,
                new RunningNode(loop, opened, description, readiness, () -> isReplaced = true));
        undo.push(opening);
        answers = opening;
        loop.every(COMPARE_ROUTES_MS, () -> host.repair(opened, routes, true));
    }

    private NodeRecord openRecord(final String name) {
        final NodeRecord opened = new NodeRecord(options.weft().runDirectory, name, consumer -> {
            final Forwarders present = forwarders;
            if (null != present) {
                present.each(consumer);
            }
        });
        undo.push(opened);
        record = opened;
        return opened;
    }

    /** Sees to it that packets to pods go nowhere while no device takes them. Where the network covers others, leases tell the pods. */
    private GuardRoutes guard(final NetworkConfig config, final Set<InetAddress> reachable, final List<IpPrefix> left) {
        final List<IpPrefix> networks = config.networks();
        final GuardRoutes guards = new GuardRoutes(
                rtnetlink,
                config.backend().vni(),
                Stream.concat(networks.stream(), left.stream()).toList());
        undo.push(guards);
        if (config.backend().type().isTunnel()
                && reachable.stream()
                        .noneMatch(address -> networks.stream().anyMatch(network -> network.contains(address)))) {
            networks.forEach(guards::add);
        }
        host.attempt(false, guards::begin);
        return guards;
    }

    /** Networks that this node was in before, and where no other daemon of this host is. */
    private List<IpPrefix> left(final NetworkConfig config, final List<IpPrefix> before, final String device) {
        final List<IpPrefix> left = before.stream()
                .filter(network -> !config.networks().contains(network))
                .toList();
        if (left.isEmpty()) {
            return left;
        }
        final List<IpPrefix> ofOthers = OtherDaemons.networks(options.weft().runDirectory, device).stream()
                .flatMap(other -> other.networks().stream())
                .toList();
        return left.stream()
                .filter(network -> ofOthers.stream().noneMatch(network::overlaps))
                .toList();
    }

    private List<String> deviceNames(final NetworkConfig config, final Underlay underlay) {
        return UnderlayFamily.deviceNames(options.weft(), config.backend(), underlay);
    }

    /** The kernel devices to take over, if the registry lets this node have their MAC. Whatever else is in the way is refused. */
    private KernelDevices replaced(final Succession succession, final BackendConfig backend)
            throws InterruptedException {
        final KernelDevices found = registry.ownsMac() ? KernelDevices.find(rtnetlink, backend) : KernelDevices.NONE;
        if (!found.links().isEmpty()) {
            RunningFlanneld.requireNone();
        }
        succession.requireFreePort(rtnetlink, backend, found);
        return found;
    }

    private Lease acquire(
            final BackendConfig backend,
            final Underlay underlay,
            final @Nullable LeaseKey previous,
            final KernelDevices replaced)
            throws InterruptedException {
        return registry.acquire(new NodeRequest(
                underlay.publicIp(),
                underlay.publicIpv6(),
                underlay.ownAddresses(),
                backend,
                replaced.mac(),
                replaced.ipv6Mac(),
                previous,
                former));
    }

    /**
     * Has the rules set, after the tables: the tools take longer than all the rest, and pods that were there before wait for
     * their packets. Pods are wired after the rules, as under flanneld, or in spite of rules that cannot be set.
     */
    private void setRules(
            final NetworkConfig config, final Lease acquired, final Underlay underlay, final Runnable ready) {
        publish();
        final FlanneldOptions flanneld = options.flanneld();
        final List<String> devices = deviceNames(config, underlay);
        final TunnelPort tunnelPort = TunnelPort.of(
                config.backend(), underlay, devices, options.weft().ingressSources, rtnetlink.addresses());
        final NodeRules rules = NodeRules.of(
                config,
                acquired.key(),
                NodeRules.Wishes.of(flanneld, tunnelPort),
                devices,
                () -> OtherDaemons.networks(options.weft().runDirectory, devices.get(0)));
        conditions.set(Condition.RULES, rules.wanted().isEmpty() ? "" : "not set yet, the tools have not ended");
        undo.push(RulesKeeper.start(
                rules, TimeUnit.SECONDS.toMillis(flanneld.iptablesResyncSeconds), (trouble, isRepaired, forwarding) -> {
                    conditions.set(Condition.RULES, trouble);
                    conditions.set(Condition.FORWARDING, forwarding.trouble(), forwarding.doubt());
                    loop.post(() -> {
                        if (isRepaired) {
                            metrics.ruleRepair();
                        }
                        becomeReadyOnce(ready);
                    });
                }));
        loop.after(RULES_PATIENCE_MS, () -> {
            if (!isReady()) {
                LOG.log(WARNING, "the firewall rules are not set yet, the node forwards all the same");
                becomeReadyOnce(ready);
            }
        });
    }

    private void becomeReadyOnce(final Runnable ready) {
        if (!isReady()) {
            ready.run();
        }
    }

    /** The other nodes' leases are in the tables for the first time: now, and not before, pods can be wired. */
    private void becomeReady(
            final @Nullable LeaseKey previous,
            final Forwarders opened,
            final PodRoutes routes,
            final PodAdmission admission,
            final UnderlayChanges changes,
            final String deviceNames) {
        final LeaseKey key = ownLease().key();
        final String bridgeTrouble = PodBridge.leaveFormerSubnet(rtnetlink, previous, key);
        if (!bridgeTrouble.isEmpty()) {
            LOG.log(WARNING, bridgeTrouble);
        }
        final int mtu = changes.podMtu().least();
        if (!admission.give(mtu)) {
            loop.after(
                    COMPARE_MS,
                    () -> becomeReadyOnce(
                            () -> becomeReady(previous, opened, routes, admission, changes, deviceNames)));
            return;
        }
        undo.push(admission);
        opened.keepCounters();
        Objects.requireNonNull(record, "set up first").keep();
        Objects.requireNonNull(place, "set up first").keep(opened);
        routes.leaveGuards();
        beforeReady.run();
        lookAtRegistry();
        readiness.complete(null);
        writeStatus.run();
        if (tenure.isFirst()) {
            // What a start leaves is promoted now: the collections to come, under load, find little to copy.
            System.gc();
        }
        final String verb = deviceNames.contains(" and ") ? " forward for " : " forwards for ";
        final String fields = LogFields.of("device", deviceNames, "subnet", key, "mtu", mtu);
        LOG.log(INFO, "ready: " + deviceNames + verb + key + ", MTU " + mtu + fields);
        tenure.serviceManager().tellReady();
        registry.nodeReady();
    }

    /** From here on, in the background. */
    private void checkPeers(final NetworkConfig config, final Forwarders opened, final UnderlayChanges changes) {
        if (options.weft().peerCheckSeconds > 0 && config.backend().type().isTunnel()) {
            final PeerMonitor monitor = PeerMonitor.start(
                    options.weft().runDirectory,
                    opened.deviceNames(),
                    changes.tunnel(ownLease().key()),
                    () -> changes.podMtu().least(),
                    TimeUnit.SECONDS.toMillis(options.weft().peerCheckSeconds),
                    (device, peer, asOf, check, mtu) ->
                            loop.post(() -> opened.checked(device, peer, asOf, check, mtu)));
            undo.push(monitor);
            Objects.requireNonNull(record, "opened before").onTables(() -> opened.takeChangedPeers(monitor::changed));
        }
    }

    /** The metrics' text; from any thread. */
    public String metrics() {
        final Forwarders opened = forwarders;
        return metrics.text(null == opened ? List.of() : opened.counters());
    }

    /** How many duty cycles each data thread has ended, by its name; none before there are any. From any thread. */
    public Map<String, Long> dutyCycles() {
        final Forwarders opened = forwarders;
        return null == opened ? Map.of() : opened.dutyCycles();
    }

    /** Whether pods can be wired; from any thread. */
    public boolean isReady() {
        return readiness.isDone() && !readiness.isCompletedExceptionally();
    }

    /**
     * Leaves devices, routes and sockets to the next process, if the service manager keeps the latter; from any thread. Nothing may
     * follow but the end of this one.
     *
     * @return false if that is not so, and the node is to be taken down.
     */
    public boolean leave() throws InterruptedException {
        final Succession succession = place;
        final Forwarders opened = forwarders;
        if (null == succession || null == opened || !isReady() || !succession.isKeptAtEnd()) {
            return false;
        }
        registry.close();
        try {
            return loop.ask(opened::pause).get();
        } catch (final ExecutionException failure) {
            LOG.log(WARNING, "the node is taken down: {0}", failure.getMessage());
            return false;
        }
    }

    /** This process ends when the node has been closed: what goes with it forwards until then. From any thread. */
    public void endWithProcess() {
        final Forwarders opened = forwarders;
        if (null != opened) {
            opened.endWithProcess();
        }
    }

    /** Whether another daemon waits for this process to end, to take its place. */
    public boolean isReplaced() {
        return isReplaced;
    }

    /** What the node was asked for and does not hold at present, a line each; empty when all is well. From any thread. */
    public String troubles() {
        return conditions.troubles();
    }

    /** The node forwards by the leases that it knows, whatever becomes of the registry. */
    private void lookAtRegistry() {
        final String loss = registry.status().loss();
        final String ownTrouble = registry.status().ownTrouble();
        conditions.set(
                Condition.REGISTRY, null == loss ? "" : registry.kind() + " is not followed at present: " + loss);
        conditions.set(Condition.OWN_LEASE, null == ownTrouble ? "" : ownTrouble);
        registry.nodeTroubles(conditions.troublesOfTheNode());
    }

    private void follow(final Forwarders opened, final UnderlayChanges changes, final PodAdmission admission) {
        changes.follow();
        metrics.tunnelOffload(opened.offloads().stream().anyMatch(OffloadTrial::isOn));
        admission.keep(changes.podMtu().least());
    }

    /** This node's lease. */
    public Lease ownLease() {
        return Objects.requireNonNull(own, "set up first");
    }

    private void publish() {
        final LeaseTable table = leases;
        if (null != table && isInCharge) {
            host.attempt(false, () -> {
                if (table.publish()) {
                    Objects.requireNonNull(record, "set up first").tablesChanged();
                }
            });
            metrics.leases(table.size(), table.refusals());
        }
    }

    @Override
    public void close() {
        // Taking down must not stop half way: the interrupt that ended the loop has done its work.
        final boolean isInterrupted = Thread.interrupted();
        TakeDown.all(undo);
        // Who waited for it to be ready hears it now, when nobody listens where it did: so the place is free.
        readiness.completeExceptionally(new IllegalStateException("taken down"));
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
