/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.IpAddresses;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.forwarding.Planes;
import io.weft.overlay.forwarding.TunnelOffloadSwitch;
import io.weft.overlay.host.BridgeNetfilter;
import io.weft.overlay.host.DeviceLock;
import io.weft.overlay.host.HostWatch;
import io.weft.overlay.host.KernelDevices;
import io.weft.overlay.host.ReadinessLock;
import io.weft.overlay.host.SubnetFile;
import io.weft.overlay.host.UdpPort;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.host.UnderlayFollower;
import io.weft.overlay.host.UnderlaySelector;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.Subnet;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.ServiceManager;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.ops.NodeMetrics;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.options.WeftdOptions;
import io.weft.overlay.peers.LeaseTable;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.rules.IptablesRules;
import io.weft.overlay.rules.NftablesRules;
import io.weft.overlay.rules.RulesException;
import io.weft.overlay.rules.Ruleset;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One node of the overlay, from its lease to its device. Set up step by step in flanneld's order; what was made is taken
 * back in the opposite order, also when a step fails. All of it belongs to the control thread.
 */
public final class OverlayNode implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(OverlayNode.class.getName());
    private static final long COMPARE_MS = 1_000;
    private static final String EXPLAIN = "explain ";

    private final WeftdOptions options;
    private final Registry registry;
    private final Rtnetlink rtnetlink;
    private final Deque<AutoCloseable> undo = new ArrayDeque<>();
    private final ControlLoop loop = new ControlLoop(this::publish);
    private final NodeMetrics metrics;
    private final @Nullable Lease former;
    private @Nullable Lease own;
    private @Nullable LeaseTable leases;
    private @Nullable ReadinessLock readinessLock;
    private String rulesTrouble = "";
    private String mtuTrouble = "";
    private int writtenMtu;
    private volatile @Nullable Planes planes;
    private volatile boolean isReady;
    private @Nullable Runnable readyStep;

    private OverlayNode(
            final WeftdOptions options,
            final Registry registry,
            final Rtnetlink rtnetlink,
            final @Nullable Lease former,
            final int takenDown) {
        this.options = options;
        this.registry = registry;
        this.rtnetlink = rtnetlink;
        this.former = former;
        metrics = new NodeMetrics(registry.status(), registry.kind());
        metrics.nodeRepairs(takenDown);
    }

    /**
     * Sets a node up; nothing is left behind when that fails.
     *
     * @param former the lease of the node that ran before in this process; null for the first.
     * @param takenDown nodes that ran before in this process, for the metrics.
     */
    public static OverlayNode start(
            final WeftdOptions options,
            final Registry registry,
            final Rtnetlink rtnetlink,
            final @Nullable Lease former,
            final int takenDown)
            throws InterruptedException {
        final OverlayNode node = new OverlayNode(options, registry, rtnetlink, former, takenDown);
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

    /** Runs the node; returns why it has to be taken down. */
    public String run() throws InterruptedException {
        return loop.run();
    }

    private void setUp() throws InterruptedException {
        final SubnetFile subnetFile = new SubnetFile(options.flanneld().subnetFile);
        final NetworkConfig config = registry.config();
        checkBridgeNetfilter(config);
        final UnderlaySelector selector = new UnderlaySelector(rtnetlink, wishes(config));
        final Underlay underlay = selector.select();
        LOG.log(INFO, "underlay interface {0}", underlay);
        final BackendConfig backend = config.backend();
        requireOwnAddress(backend, underlay);
        final List<String> deviceNames = Planes.deviceNames(options.weft(), backend, underlay);
        for (final String name : deviceNames) {
            undo.push(DeviceLock.take(options.weft().runDirectory, name));
        }
        final KernelDevices replaced = KernelDevices.find(rtnetlink, backend);
        final boolean takesOver = registry.ownsMac();
        if (!takesOver) {
            requireFreePort(backend);
        }
        final Lease acquired = registry.acquire(new NodeRequest(
                underlay.publicIp(),
                underlay.publicIpv6(),
                underlay.ownAddresses(),
                backend,
                replaced.mac(),
                replaced.ipv6Mac(),
                subnetFile.previous(),
                former));
        own = acquired;
        LOG.log(INFO, "own lease {0}", acquired);
        if (takesOver) {
            replaced.delete(rtnetlink);
            requireFreePort(backend);
        }
        final Planes opened = Planes.open(options, config, acquired, underlay, rtnetlink);
        undo.push(opened);
        planes = opened;
        repair(opened);
        opened.watch(() -> loop.post(() -> repair(opened)));
        final UnderlayFollower follower = new UnderlayFollower(rtnetlink, selector, underlay);
        final Runnable follow = () -> followUnderlay(opened, follower, config, subnetFile);
        undo.push(HostWatch.start(underlay.name(), underlay.linkIndex(), List.of(), () -> loop.post(follow)));
        leases = new LeaseTable(config, acquired.key(), opened);
        opened.each((deviceName, tables) -> undo.push(controlSocket(deviceName, tables)));
        readyStep = () -> becomeReady(config, acquired, opened, deviceNames, subnetFile);
        registry.watch(new Follower());
        loop.every(COMPARE_MS, () -> {
            opened.heartbeat();
            follow.run();
            repair(opened);
        });
    }

    /** The rules in use, after those of the other kind were taken away as flanneld does. */
    private List<Ruleset> rules(final NetworkConfig config, final LeaseKey own) {
        final FlanneldOptions flanneld = options.flanneld();
        final List<Ruleset> wanted = new ArrayList<>();
        for (final boolean ipv4 : new boolean[] {true, false}) {
            final Subnet network = ipv4 ? config.network() : config.ipv6Network();
            final Subnet subnet = ipv4 ? own.subnet() : own.ipv6Subnet();
            if (null != network && null != subnet && (flanneld.ipMasq || flanneld.iptablesForwardRules)) {
                final boolean random = !flanneld.ipMasqFullyRandomDisable;
                final boolean forward = flanneld.iptablesForwardRules;
                final Ruleset iptables = new IptablesRules(network, subnet, flanneld.ipMasq, random, forward);
                final Ruleset nftables = new NftablesRules(network, subnet, flanneld.ipMasq, random, forward);
                removeFormer(config.nftables() ? iptables : nftables);
                wanted.add(config.nftables() ? nftables : iptables);
            }
        }
        return wanted;
    }

    private static void removeFormer(final Ruleset former) {
        try {
            former.remove();
        } catch (final RulesException failure) {
            LOG.log(DEBUG, "rules of the kind not in use are not looked for: {0}", failure.getMessage());
        }
    }

    private void repair(final List<Ruleset> rules) {
        for (final Ruleset ruleset : rules) {
            try {
                if (ruleset.repair() && isReady) {
                    metrics.ruleRepair();
                    LOG.log(WARNING, "firewall rules were missing or changed, repaired");
                }
            } catch (final RulesException failure) {
                final String trouble = String.valueOf(failure.getMessage());
                if (!trouble.equals(rulesTrouble)) {
                    LOG.log(WARNING, "{0}. Tried again every {1} s", trouble, options.flanneld().iptablesResyncSeconds);
                    rulesTrouble = trouble;
                }
            }
        }
    }

    /** The metrics' text; from any thread. */
    public String metrics() {
        final Planes open = planes;
        return metrics.text(null == open ? List.of() : open.counters());
    }

    /** The other nodes' leases are in the tables for the first time: now, and not before, pods can be wired. */
    private void becomeReady(
            final NetworkConfig config,
            final Lease acquired,
            final Planes opened,
            final List<String> deviceNames,
            final SubnetFile subnetFile) {
        publish();
        // After the tables: the tools take longer than all the rest, and pods that were there before wait for their
        // packets.
        final List<Ruleset> rules = rules(config, acquired.key());
        repair(rules);
        loop.every(TimeUnit.SECONDS.toMillis(options.flanneld().iptablesResyncSeconds), () -> repair(rules));
        subnetFile.write(config, acquired.key(), opened.podMtu(), options.flanneld().ipMasq);
        final ReadinessLock lock = ReadinessLock.take(options.flanneld().subnetFile);
        undo.push(lock);
        readinessLock = lock;
        writtenMtu = opened.podMtu();
        opened.keepCounters();
        isReady = true;
        // What a start leaves is promoted now: the collections to come, under load, find little to copy.
        System.gc();
        LOG.log(
                INFO,
                "ready: {0} forwards for {1}, MTU {2}",
                String.join(" and ", deviceNames),
                acquired.key(),
                String.valueOf(opened.podMtu()));
        ServiceManager.tellReady();
        registry.nodeReady();
    }

    /** Whether pods can be wired; from any thread. */
    public boolean isReady() {
        return isReady;
    }

    private ControlSocket controlSocket(final String deviceName, final RoutingTables tables) {
        final Path path = options.weft().runDirectory.resolve(deviceName + ".sock");
        try {
            return ControlSocket.open(path, question -> loop.ask(() -> answer(question, tables)));
        } catch (final IOException failure) {
            throw new StartupException(
                    "make control socket " + path + ": " + failure + ". Choose a writable place by --run-dir", failure);
        }
    }

    private static String answer(final String question, final RoutingTables tables) {
        if (question.startsWith(EXPLAIN)) {
            return tables.explain(IpAddresses.parse(question.substring(EXPLAIN.length())))
                    .toString();
        }
        throw new IllegalArgumentException("\"" + question + "\" is not known here, ask: " + EXPLAIN + "ADDRESS");
    }

    private void checkBridgeNetfilter(final NetworkConfig config) {
        final String hindrance = config.nftables()
                ? ""
                : BridgeNetfilter.hindrance(null != config.network(), null != config.ipv6Network());
        metrics.bridgeNetfilter(hindrance.isEmpty());
        if (!hindrance.isEmpty()) {
            LOG.log(
                    WARNING,
                    "{0}. Without it a pod does not reach a Kubernetes Service whose pod is on the same node;"
                            + " flanneld would end here, weftd goes on",
                    hindrance);
        }
    }

    private void requireFreePort(final BackendConfig backend) {
        if (backend.type().isTunnel()) {
            UdpPort.requireFree(rtnetlink, backend.port());
        }
    }

    /** Peers make the public address the gateway of their routes (flannel pkg/backend/hostgw/hostgw.go). */
    private static void requireOwnAddress(final BackendConfig backend, final Underlay underlay) {
        final boolean isOwn = Objects.equals(underlay.address(), underlay.publicIp())
                && Objects.equals(underlay.ipv6Address(), underlay.publicIpv6());
        if (!backend.type().isTunnel() && !isOwn) {
            throw new StartupException("the underlay is " + underlay + ", and the network's backend " + backend.type()
                    + " needs nodes that are reached at their interface's address: leave --public-ip away,"
                    + " or set \"Backend\": {\"Type\": \"vxlan\"} for all nodes");
        }
    }

    private UnderlaySelector.Wishes wishes(final NetworkConfig config) {
        final FlanneldOptions flanneld = options.flanneld();
        return new UnderlaySelector.Wishes(
                flanneld.iface,
                flanneld.ifaceRegex,
                flanneld.ifaceCanReach,
                flanneld.publicIp,
                flanneld.publicIpv6,
                null != config.network(),
                null != config.ipv6Network());
    }

    private void repair(final Planes opened) {
        if (!opened.repair()) {
            loop.end("the device is gone");
        }
        metrics.hostRepairs(opened.deviceRepairs());
        metrics.directRouteRepairs(opened.routeRepairs());
    }

    private void followUnderlay(
            final Planes opened,
            final UnderlayFollower follower,
            final NetworkConfig config,
            final SubnetFile subnetFile) {
        final Underlay before = opened.underlay();
        final Underlay now = follower.compare();
        metrics.underlay(follower.isUp());
        opened.offloads().forEach(offload -> offload.run(now, follower.isUp()));
        metrics.tunnelOffload(opened.offloads().stream().anyMatch(TunnelOffloadSwitch::isOn));
        if (!now.name().equals(before.name()) || !now.localAddresses().equals(before.localAddresses())) {
            loop.end("the underlay is " + now + " now, was " + before);
        } else {
            followMtu(opened, before.withMtu(now.mtu()), config, subnetFile);
        }
    }

    private void followMtu(
            final Planes opened, final Underlay now, final NetworkConfig config, final SubnetFile subnetFile) {
        try {
            if (now.mtu() != opened.underlay().mtu()) {
                opened.follow(now);
            }
            final ReadinessLock lock = readinessLock;
            if (null != lock && writtenMtu != opened.podMtu()) {
                subnetFile.write(config, ownLease().key(), opened.podMtu(), options.flanneld().ipMasq);
                lock.renew();
                writtenMtu = opened.podMtu();
                LOG.log(INFO, "pods that come from now on have MTU {0}", String.valueOf(writtenMtu));
            }
            mtuTrouble = "";
        } catch (final StartupException | LinuxException | IOException failure) {
            final String trouble = String.valueOf(failure.getMessage());
            if (!trouble.equals(mtuTrouble)) {
                LOG.log(WARNING, "follow MTU {0} of the underlay: {1}. Tried again every second", now.mtu(), trouble);
                mtuTrouble = trouble;
            }
        }
    }

    /** This node's lease. */
    public Lease ownLease() {
        return Objects.requireNonNull(own, "set up first");
    }

    private void publish() {
        if (null != leases) {
            leases.publish();
            metrics.leases(leases.size(), leases.refusals());
        }
    }

    @Override
    public void close() {
        // Taking down must not stop half way: the interrupt that ended the loop has done its work.
        final boolean isInterrupted = Thread.interrupted();
        TakeDown.all(undo);
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Hands what the registry says to the control thread. */
    private final class Follower implements LeaseListener {
        private LeaseTable table() {
            return Objects.requireNonNull(leases);
        }

        @Override
        public void onSnapshot(final List<Lease> snapshot) {
            loop.post(() -> {
                table().snapshot(snapshot);
                final Runnable step = readyStep;
                if (null != step) {
                    readyStep = null;
                    step.run();
                }
            });
        }

        @Override
        public void onPut(final Lease lease) {
            loop.post(() -> table().put(lease));
        }

        @Override
        public void onRemove(final LeaseKey key) {
            loop.post(() -> table().remove(key));
        }

        @Override
        public void onRestartNeeded(final String why) {
            loop.end(why);
        }
    }
}
