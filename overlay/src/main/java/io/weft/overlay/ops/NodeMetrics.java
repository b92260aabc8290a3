/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.overlay.forwarding.CounterSample;
import io.weft.overlay.options.Version;
import io.weft.overlay.registry.RegistryStatus;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The metrics of a node. Set by the control thread; the text is made on the thread that answers HTTP. */
public final class NodeMetrics {
    private static final String PEERS_HELP = "Other nodes, by what the last check of the way to them has found.";

    private final RegistryStatus registry;
    private final String registryKind;
    private final Conditions conditions;
    private volatile int leases;
    private volatile long leaseRefusals;
    private volatile int nodeRepairs;
    private volatile long hostRepairs;
    private volatile long ruleRepairs;
    private volatile long directRouteRepairs;
    private volatile Map<PathState, Integer> peers = Map.of();
    private volatile boolean isOffloading;
    private volatile boolean isBridgeFiltered = true;

    public NodeMetrics(final RegistryStatus registry, final String registryKind, final Conditions conditions) {
        this.registry = registry;
        this.registryKind = registryKind;
        this.conditions = conditions;
    }

    public void leases(final int count, final long refusals) {
        leases = count;
        leaseRefusals = refusals;
    }

    /** How many peers are in each state by the last check. Not changed after. */
    public void peers(final Map<PathState, Integer> states) {
        peers = states;
    }

    public void hostRepairs(final long count) {
        hostRepairs = count;
    }

    /** Differences on the host that were put right. */
    public long hostRepairs() {
        return hostRepairs;
    }

    public void tunnelOffload(final boolean isOn) {
        isOffloading = isOn;
    }

    public void bridgeNetfilter(final boolean isThere) {
        isBridgeFiltered = isThere;
    }

    /** How many nodes ran before in this process: each was taken down and set up anew, which is a repair too. */
    public void nodeRepairs(final int count) {
        nodeRepairs = count;
    }

    public void directRouteRepairs(final long count) {
        directRouteRepairs = count;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // the control thread alone writes
    public void ruleRepair() {
        ruleRepairs++;
    }

    /**
     * Everything.
     *
     * @param counters of the data planes; empty without any.
     */
    public String text(final List<CounterSample> counters) {
        final MetricsText text = new MetricsText();
        text.gauge("weft_build_info", "Version of weft, as a label.", "version=\"" + Version.text() + '"', 1);
        counted(text, counters);
        counters.forEach(sample -> ofWorker(text, sample));
        text.gauge(
                "weft_underlay_up",
                "1 while the underlay interface can send.",
                "",
                conditions.trouble(Condition.UNDERLAY).isEmpty() ? 1 : 0);
        text.gauge(
                "weft_tunnel_offload",
                "1 while superframes leave unsegmented, for a device to cut.",
                "",
                isOffloading ? 1 : 0);
        text.gauge(
                "weft_bridge_netfilter",
                "1 where packets of a bridge pass iptables, as Kubernetes Services need it, or where nftables is used.",
                "",
                isBridgeFiltered ? 1 : 0);
        for (final Condition condition : Condition.values()) {
            text.gauge(
                    "weft_condition",
                    "1 while what the node is asked for holds; /readyz says why it does not.",
                    "condition=\"" + condition.label() + '"',
                    conditions.trouble(condition).isEmpty() ? 1 : 0);
        }
        text.gauge("weft_leases", "Leases of other nodes in the tables.", "", leases);
        final Map<PathState, Integer> states = peers;
        for (final PathState state : PathState.values()) {
            text.gauge("weft_peers", PEERS_HELP, "state=\"" + state.label() + '"', states.getOrDefault(state, 0));
        }
        text.counter("weft_lease_refusals_total", "Leases ignored because they do not fit.", "", leaseRefusals);
        text.counter("weft_repairs_total", "Differences on the host put right.", "part=\"device\"", hostRepairs);
        text.counter("weft_repairs_total", "", "part=\"rules\"", ruleRepairs);
        text.counter("weft_repairs_total", "", "part=\"node\"", nodeRepairs);
        text.counter("weft_repairs_total", "", "part=\"direct_routes\"", directRouteRepairs);
        final String label = "registry=\"" + registryKind + '"';
        text.gauge("weft_registry_up", "1 while the registry is followed.", label, registry.isLost() ? 0 : 1);
        text.gauge(
                "weft_own_lease_up",
                "0 while another node claims this node's lease, or it cannot be written.",
                label,
                registry.isOwnTroubled() ? 0 : 1);
        text.gauge(
                "weft_registry_lag_seconds",
                "Time since the registry was last followed without a gap.",
                label,
                registry.lagNs() / 1e9);
        text.counter("weft_registry_events_total", "Changes taken over.", label, registry.events());
        text.counter(
                "weft_registry_refusals_total", "Values ignored because they are wrong.", label, registry.refusals());
        text.counter("weft_registry_failures_total", "Failed attempts to reach it.", label, registry.failures());
        return text.toString();
    }

    /** What is counted, summed up over workers and planes. */
    private static void counted(final MetricsText text, final List<CounterSample> samples) {
        final Map<String, Long> sums = new HashMap<>();
        samples.forEach(sample -> sums.merge(sample.label(), sample.value(), Long::sum));
        for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
            final Long value = sums.get(counter.label());
            if (null != value && !counter.isGauge()) {
                text.counter(counter.metric(), counter.metricHelp(), direction(counter.direction()), value);
            }
        }
        for (final DropReason reason : DropReason.values()) {
            final Long value = sums.get(reason.name());
            if (null != value) {
                text.counter(
                        "weft_drop_packets_total",
                        "Packets dropped, by reason.",
                        direction(reason.direction()) + ",reason=\"" + reason.name() + '"',
                        value);
            }
        }
    }

    /** What a sum over workers would hide: how full a queue is, and whether a thread has time left. */
    private static void ofWorker(final MetricsText text, final CounterSample sample) {
        final String device = "device=\"" + sample.device() + '"';
        final String label = sample.label();
        ofThread(
                sample,
                ThreadCounter.IDLE_NS,
                text::seconds,
                "weft_thread_idle_seconds_total",
                "Time that a data thread waited or spun: 1 less its rate is how busy the thread is.");
        ofThread(
                sample,
                ThreadCounter.URGENT_NS,
                text::seconds,
                "weft_thread_urgent_seconds_total",
                "Time that a data thread came before ordinary threads, because more came from pods or underlay than was read.");
        ofThread(
                sample,
                ThreadCounter.BOOSTS,
                text::counter,
                "weft_thread_boosts_total",
                "Times that a data thread got no processor while many packets came, and was let in before ordinary threads.");
        ofThread(
                sample,
                ThreadCounter.POLLS,
                text::counter,
                "weft_thread_polls_total",
                "Times that a data thread asked poll(2), and waited if there was nothing.");
        ofThread(
                sample,
                ThreadCounter.YIELDS,
                text::counter,
                "weft_thread_yields_total",
                "Times that a data thread gave way while it spun.");
        for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
            if (counter.isGauge() && counter.label().equals(label)) {
                text.gauge(
                        counter.metric(),
                        counter.metricHelp(),
                        device + ",worker=\"" + sample.worker() + "\"," + direction(counter.direction()),
                        (double) sample.value());
            }
        }
    }

    /** How a page writes a figure: {@link MetricsText#seconds} or {@link MetricsText#counter}. */
    private interface Writing {
        void write(String metric, String help, String labels, long value);
    }

    private static void ofThread(
            final CounterSample sample,
            final ThreadCounter counter,
            final Writing writing,
            final String metric,
            final String help) {
        final String thread = counter.threadName(sample.label());
        if (null != thread) {
            writing.write(metric, help, "device=\"" + sample.device() + "\",thread=\"" + thread + '"', sample.value());
        }
    }

    /** The label for a direction; empty without one. */
    private static String direction(final @Nullable Direction direction) {
        return null == direction ? "" : "direction=\"" + direction.label() + '"';
    }
}
