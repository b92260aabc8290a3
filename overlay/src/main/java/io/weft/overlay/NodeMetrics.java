/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.dataplane.DataPlaneCounter;
import io.weft.dataplane.DropReason;
import io.weft.overlay.cli.Version;
import io.weft.overlay.http.MetricsText;
import io.weft.overlay.registry.RegistryStatus;
import java.util.Locale;
import java.util.Map;

/** The metrics of a node. Set by the control thread; the text is made on the thread that answers HTTP. */
final class NodeMetrics {
    private final RegistryStatus registry;
    private final String registryKind;
    private volatile int leases;
    private volatile long leaseRefusals;
    private volatile long hostRepairs;
    private volatile long ruleRepairs;
    private volatile long directRouteRepairs;
    private volatile boolean isUnderlayUp = true;
    private volatile boolean isBridgeFiltered = true;

    NodeMetrics(final RegistryStatus registry, final String registryKind) {
        this.registry = registry;
        this.registryKind = registryKind;
    }

    void leases(final int count, final long refusals) {
        leases = count;
        leaseRefusals = refusals;
    }

    void hostRepairs(final long count) {
        hostRepairs = count;
    }

    void underlay(final boolean isUp) {
        isUnderlayUp = isUp;
    }

    void bridgeNetfilter(final boolean isThere) {
        isBridgeFiltered = isThere;
    }

    void directRouteRepairs(final long count) {
        directRouteRepairs = count;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // the control thread alone writes
    void ruleRepair() {
        ruleRepairs++;
    }

    /**
     * Everything.
     *
     * @param counters of the data planes by label, summed up; empty without any.
     */
    String text(final Map<String, Long> counters) {
        final MetricsText text = new MetricsText();
        text.gauge("weft_build_info", "Version of weft, as a label.", "version=\"" + Version.text() + '"', 1);
        if (!counters.isEmpty()) {
            dataPlane(text, counters);
        }
        text.gauge("weft_underlay_up", "1 while the underlay interface can send.", "", isUnderlayUp ? 1 : 0);
        text.gauge(
                "weft_bridge_netfilter",
                "1 where packets of a bridge pass iptables, as Kubernetes Services need it, or where nftables is used.",
                "",
                isBridgeFiltered ? 1 : 0);
        text.gauge("weft_leases", "Leases of other nodes in the tables.", "", leases);
        text.counter("weft_lease_refusals_total", "Leases ignored because they do not fit.", "", leaseRefusals);
        text.counter("weft_repairs_total", "Differences on the host put right.", "part=\"device\"", hostRepairs);
        text.counter("weft_repairs_total", "", "part=\"rules\"", ruleRepairs);
        text.counter("weft_repairs_total", "", "part=\"direct_routes\"", directRouteRepairs);
        final String label = "registry=\"" + registryKind + '"';
        text.gauge("weft_registry_up", "1 while the registry is followed.", label, null == registry.trouble() ? 1 : 0);
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

    private static void dataPlane(final MetricsText text, final Map<String, Long> sums) {
        for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
            final Long value = sums.get(counter.label());
            if (null != value) {
                final String[] words = counter.label().split(" ", 2);
                final boolean hasDirection = "egress".equals(words[0]) || "ingress".equals(words[0]);
                final String name = (hasDirection ? words[1] : counter.label()).replace(' ', '_');
                text.counter(
                        "weft_" + name + "_total",
                        counter.description() + '.',
                        hasDirection ? "direction=\"" + words[0] + '"' : "",
                        value);
            }
        }
        for (final DropReason reason : DropReason.values()) {
            final Long value = sums.get(reason.name());
            if (null != value) {
                text.counter(
                        "weft_drop_packets_total",
                        "Packets dropped, by reason.",
                        "direction=\"" + reason.direction().name().toLowerCase(Locale.ROOT) + "\",reason=\""
                                + reason.name() + '"',
                        value);
            }
        }
    }
}
