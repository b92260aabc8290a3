/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.linux.Descriptors;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.OffloadTrial;
import io.weft.overlay.forwarding.PathRehearsal;
import io.weft.overlay.forwarding.PodMtu;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
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
    /** And the rest of its work has begun, which packets do not wait for. */
    private boolean isAttended;

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
        final NodeSite site = findSite(subnetFile);
        final Succession succession = site.succession();
        // All that can be refused has been: from here on something is changed, in the registry and on the host.
        final SubnetFile.Former former = subnetFile.former();
        final Lease acquired = acquire(site.config().backend(), site.underlay(), former.subnets(), site.replaced());
        own = acquired;
        LOG.log(INFO, "own lease {0}{1}", acquired, LogFields.of("subnet", acquired.key()));
        final Descriptors left = succession.settle(acquired);
        final Set<InetAddress> reachable =
                UnderlayWishes.reachedOtherwise(site.underlay(), registry.addresses(), rtnetlink);
        // Before a device that carries packets goes, and until it is back.
        final GuardRoutes guards = guard(site, reachable, former.networks());
        final Takeover takeover = Takeover.begin(rtnetlink, site.replaced(), site.deviceNames());
        undo.push(takeover);
        if (!succession.isPlaceTaken()) {
            succession.requireFreePort(rtnetlink, site.config().backend(), KernelDevices.NONE);
        }
        final NodeParts parts = open(site, left, reachable, guards, subnetFile);
        lookAtAddresses(parts);
        if (!succession.isAwaited()) {
            if (!succession.isLeft()) {
                parts.opened().start();
            }
            takeCharge(parts);
        }
        if (!site.replaced().links().isEmpty()) { // what can fail does so while they can be put back
            attend(parts);
            Objects.requireNonNull(answers, "in charge").open();
        }
        final Readiness sought = new Readiness(
                loop,
                () -> PodBridge.leaveFormerSubnet(rtnetlink, former.subnets(), acquired.key()),
                parts.admission(),
                () -> parts.changes().podMtu().least(),
                mtu -> becomeReady(parts, mtu));
        registry.watch(new LeaseFeed(loop, parts.table(), () -> goOn(parts, sought)));
        takeover.complete();
        loop.post(() -> attend(parts)); // behind the leases that are known already
    }

    /** Finds out where the node is to be, and whether it can be there. */
    private NodeSite findSite(final SubnetFile subnetFile) throws InterruptedException {
        GuardRoutes.giveWayTo(rtnetlink, registry::addresses);
        final NetworkConfig config = registry.config();
        Ipv6.requireFor(config.ipv6Network());
        metrics.bridgeNetfilter(BridgeNetfilter.isThereFor(config));
        final Underlay underlay =
                underlayCheck.begin(UnderlayWishes.of(options.flanneld(), registry.publicAddresses(), config));
        LOG.log(INFO, "underlay interface {0}{1}", underlay, underlay.logFields());
        UnderlayWishes.requireMet(config.backend(), underlay);
        final List<String> deviceNames = UnderlayFamily.deviceNames(options.weft(), config.backend(), underlay);
        final Succession succession = new Succession(
                options.weft(), tenure, deviceNames, NodeDescription.of(tenure, options, config, underlay, subnetFile));
        undo.push(succession);
        place = succession;
        succession.begin(subnetFile.path());
        if (!succession.isAwaited()) {
            openRecord(deviceNames.get(0));
            tenure.start().found(deviceNames.get(0), underlay.toString());
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
        return new NodeSite(config, underlay, deviceNames, succession, replaced);
    }

    /** Makes the devices and what else forwards, or goes on with what another process left. */
    private NodeParts open(
            final NodeSite site,
            final Descriptors left,
            final Set<InetAddress> reachable,
            final GuardRoutes guards,
            final SubnetFile subnetFile)
            throws InterruptedException {
        final NetworkConfig config = site.config();
        final Underlay underlay = site.underlay();
        final LeaseKey key = ownLease().key();
        final Forwarders opened = site.succession()
                .open(left, descriptors -> Forwarders.open(options.weft(), config, ownLease(), underlay, descriptors));
        undo.push(opened);
        forwarders = opened;
        final PodRoutes routes =
                new PodRoutes(rtnetlink, config, key, underlay, opened, guards, options.flanneld().ipBlackholeRoute);
        routes.findDevices();
        final LeaseTable table = new LeaseTable(config, key, opened, routes, options.weft());
        leases = table;
        return new NodeParts(
                site,
                reachable,
                opened,
                routes,
                new UnderlayChanges(underlayCheck, underlay, config, opened, routes, conditions, loop),
                new PodAdmission(
                        subnetFile, new SubnetFile.Content(config, key, options.flanneld().ipMasq), conditions),
                table,
                new PodPath(rtnetlink, config, site.deviceNames().get(0)));
    }

    /** The other nodes' leases are in the tables for the first time. */
    private void goOn(final NodeParts parts, final Readiness sought) {
        final Succession succession = parts.site().succession();
        if (succession.isLeft()) {
            parts.table().publishTables();
            succession.goOn(parts.opened());
            attend(parts);
            sought.seek(); // the rules are there, as the one before had set them
        } else if (succession.isAwaited()) {
            parts.table().publishTables();
            succession.takeOver(parts.opened());
            takeCharge(parts);
            attend(parts);
            publish();
            sought.seek(); // the rules are there, as the other had set them
        } else {
            publish();
            attend(parts);
        }
        final PathRehearsal rehearsal = parts.opened().rehearse(null == former);
        setRules(parts.site(), rehearsal.before(loop, sought::seek));
        Objects.requireNonNull(answers, "in charge first").open();
    }

    /** From here on devices and routes are this node's to keep as they should be. */
    private void takeCharge(final NodeParts parts) {
        final NodeSite site = parts.site();
        final Forwarders opened = parts.opened();
        final PodRoutes routes = parts.routes();
        isInCharge = true;
        if (null == record) {
            openRecord(site.deviceNames().get(0));
        }
        undo.push(routes);
        routes.keepReachable(parts.reachable());
        host.repair(opened, routes, true);
        routes.watch(() -> loop.post(() -> host.repair(opened, routes, true)));
        final NodeAnswers opening = new NodeAnswers(
                opened.packetSources(),
                options.weft().runDirectory,
                site.config(),
                ownLease().key(),
                loop,
                new RunningNode(loop, opened, site.succession().description(), readiness, () -> isReplaced = true));
        undo.push(opening);
        answers = opening;
        loop.every(COMPARE_ROUTES_MS, () -> host.repair(opened, routes, true));
        checkPeers(site.config(), opened, parts.changes()); // before the first tables, which its monitor is told of
    }

    /** Once, when in charge: what packets need not wait for. The node is watched, and others are told how it is. */
    private void attend(final NodeParts parts) {
        if (isAttended || !isInCharge) {
            return;
        }
        isAttended = true;
        final NodeSite site = parts.site();
        final Forwarders opened = parts.opened();
        undo.push(HostWatch.ofUnderlay(
                site.underlay().name(),
                site.underlay().linkIndex(),
                !opened.packetUnderlays().isEmpty(),
                () -> loop.post(() -> follow(parts))));
        final NodeRecord shown = Objects.requireNonNull(record, "in charge");
        tenure.start().over(site.deviceNames().get(0));
        undo.push(HostWatch.ofAddresses(() -> loop.post(() -> lookAtAddresses(parts))));
        final NodeStatus status =
                new NodeStatus(options.weft(), site, tenure, conditions, metrics, host.repaired(), registry.status());
        writeStatus =
                () -> shown.status(status.now(isReady(), ownLease().key(), opened, parts.changes(), parts.table()));
        writeStatus.run();
        follow(parts);
        final RunDirectory directory = new RunDirectory(
                options.weft().runDirectory,
                site.succession(),
                Objects.requireNonNull(answers, "in charge"),
                opened,
                conditions);
        loop.every(NEIGHBOURS_MS, parts.changes()::lookAtNeighbours);
        loop.every(COMPARE_MS, () -> compare(parts, directory));
    }

    private void compare(final NodeParts parts, final RunDirectory directory) {
        parts.opened().heartbeat();
        metrics.peers(parts.opened().peerStates());
        conditions.set(Condition.DATA_THREADS, tenure.stalledThreads());
        lookAtRegistry();
        follow(parts);
        lookAtAddresses(parts);
        host.repair(parts.opened(), parts.routes(), false);
        directory.keep();
        writeStatus.run();
    }

    private void lookAtAddresses(final NodeParts parts) {
        host.look(parts.table(), parts.routes(), parts.podPath(), ownLease().key());
    }

    private void openRecord(final String name) {
        final NodeRecord opened = new NodeRecord(options.weft().runDirectory, name, consumer -> {
            final Forwarders present = forwarders;
            if (null != present) {
                present.each(consumer);
            }
        });
        undo.push(opened);
        record = opened;
    }

    /**
     * Sees to it that packets to pods go nowhere while no device takes them. Where the network covers others, leases tell the pods.
     *
     * @param former networks that this node was in before.
     */
    private GuardRoutes guard(final NodeSite site, final Set<InetAddress> reachable, final List<IpPrefix> former) {
        final NetworkConfig config = site.config();
        final List<IpPrefix> networks = config.networks();
        final List<IpPrefix> left = OtherDaemons.notIn(
                options.weft().runDirectory,
                site.deviceNames().get(0),
                former.stream().filter(network -> !networks.contains(network)).toList());
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
     *
     * @param then after each comparison of the rules, or when they take too long.
     */
    private void setRules(final NodeSite site, final Runnable then) {
        publish();
        final FlanneldOptions flanneld = options.flanneld();
        final NodeRules rules = site.rules(options, ownLease().key(), rtnetlink.addresses());
        conditions.set(Condition.RULES, rules.wanted().isEmpty() ? "" : "not set yet, the tools have not ended");
        undo.push(RulesKeeper.start(
                rules, TimeUnit.SECONDS.toMillis(flanneld.iptablesResyncSeconds), (trouble, isRepaired, forwarding) -> {
                    conditions.set(Condition.RULES, trouble);
                    conditions.set(Condition.FORWARDING, forwarding.trouble(), forwarding.doubt());
                    loop.post(() -> {
                        if (isRepaired) {
                            metrics.ruleRepair();
                        }
                        then.run();
                    });
                }));
        loop.after(RULES_PATIENCE_MS, () -> {
            if (!isReady()) {
                LOG.log(WARNING, "the firewall rules are not set yet, the node forwards all the same");
                then.run();
            }
        });
    }

    /** Now, and not before, pods can be wired. */
    private void becomeReady(final NodeParts parts, final int mtu) {
        undo.push(parts.admission());
        parts.opened().keepCounters();
        Objects.requireNonNull(record, "set up first").keep();
        parts.site().succession().keep(parts.opened());
        parts.routes().leaveGuards();
        beforeReady.run();
        lookAtRegistry();
        readiness.complete(null);
        writeStatus.run();
        if (tenure.isFirst()) {
            // What a start leaves is promoted now: the collections to come, under load, find little to copy.
            System.gc();
        }
        final LeaseKey key = ownLease().key();
        final List<String> devices = parts.site().deviceNames();
        final String names = String.join(" and ", devices);
        final String verb = devices.size() > 1 ? " forward for " : " forwards for ";
        final String fields = LogFields.of("device", names, "subnet", key, "mtu", mtu);
        LOG.log(INFO, "ready: " + names + verb + key + ", MTU " + mtu + fields);
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

    private void follow(final NodeParts parts) {
        parts.changes().follow();
        metrics.tunnelOffload(parts.opened().offloads().stream().anyMatch(OffloadTrial::isOn));
        parts.admission().keep(parts.changes().podMtu().least());
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
