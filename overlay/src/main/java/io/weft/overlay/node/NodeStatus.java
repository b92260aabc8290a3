/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.handover.Tenure;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import io.weft.overlay.ops.NodeMetrics;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.peers.LeaseTable;
import io.weft.overlay.registry.RegistryStatus;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a node puts on record of itself: what it is, and how it is. Control thread alone. */
final class NodeStatus {
    private static final long STARTED_MS = System.currentTimeMillis();
    private static final int MEBIBYTE = 1 << 20;
    /** Of what is wrong in the same way many times, so many are named. */
    private static final int NAMED_MAX = 10;

    private static final long MINUTE_NS = TimeUnit.MINUTES.toNanos(1);

    private final Map<String, Object> identity = new LinkedHashMap<>();
    private final Tenure tenure;
    private final Conditions conditions;
    private final NodeMetrics metrics;
    private final RepairedDevices repaired;
    private final RegistryStatus registry;
    private long repairs;
    private long repairedNs;

    NodeStatus(
            final WeftOptions options,
            final NodeSite site,
            final Tenure tenure,
            final Conditions conditions,
            final NodeMetrics metrics,
            final RepairedDevices repaired,
            final RegistryStatus registry) {
        final NetworkConfig config = site.config();
        this.conditions = conditions;
        this.metrics = metrics;
        this.repaired = repaired;
        this.registry = registry;
        this.tenure = tenure;
        identity.putAll(tenure.start().identity());
        identity.put("startedMs", STARTED_MS);
        identity.put("backend", config.backend().type().toString());
        identity.put("vni", config.backend().vni());
        identity.put("port", config.backend().port());
        identity.put(
                "networks", config.networks().stream().map(IpPrefix::toString).toList());
        identity.put("workers", options.workers());
        identity.put("threadingMode", options.threadingMode.name());
        identity.put("busyPoll", options.busyPoll);
        identity.put(
                "underlayAddresses",
                site.underlay().localAddresses().stream()
                        .map(address -> IpAddress.of(address).toString())
                        .toList());
        identity.put("peerCheckSeconds", options.peerCheckSeconds);
    }

    /** How the node is now. */
    Map<String, Object> now(
            final boolean isReady,
            final LeaseKey own,
            final Forwarders forwarders,
            final UnderlayChanges changes,
            final @Nullable LeaseTable leases) {
        final Map<String, Object> status = new LinkedHashMap<>(identity);
        status.put("underlay", changes.underlay().toString());
        status.put("ready", isReady);
        status.put("ended", false);
        status.put(
                "subnets",
                Stream.of(own.subnet(), own.ipv6Subnet())
                        .flatMap(Stream::ofNullable)
                        .map(IpPrefix::toString)
                        .toList());
        final List<Map<String, Object>> devices = new ArrayList<>();
        forwarders.eachCountersFile((name, file) -> devices.add(ordered("name", name, "counters", file.toString())));
        status.put("devices", devices);
        status.put("mtu", changes.podMtu().least());
        status.put("leases", null == leases ? 0 : leases.size());
        putFaults(status, "unreadable", registry.refused());
        putFaults(status, "refused", null == leases ? Map.of() : leases.refused());
        putFaults(status, "otherVnis", null == leases ? Map.of() : leases.otherVnis());
        putFaults(status, "contested", null == leases ? Map.of() : leases.contested());
        status.put("heap", heap());
        status.put("repairs", repairs());
        status.put("stalledMs", tenure.stalledMs());
        final Map<String, Object> troubles = new LinkedHashMap<>();
        for (final Condition condition : Condition.values()) {
            troubles.put(condition.label(), conditions.trouble(condition));
        }
        status.put("conditions", troubles);
        status.put("forwardingDoubt", conditions.doubt(Condition.FORWARDING));
        return status;
    }

    /**
     * What others changed on the host, and the node put right, or one before it that had lost its device: how often since the start, and
     * whether in the last minute, and of which devices; of none where it was other routes of this host's, or a node before.
     */
    private Map<String, Object> repairs() {
        final long now = metrics.hostRepairs();
        if (repairs != now) {
            repairs = now;
            repairedNs = System.nanoTime();
        }
        final boolean isLately = (now > 0 && System.nanoTime() - repairedNs < MINUTE_NS)
                || HostComparison.DEVICE_GONE.equals(tenure.lastEnd(MINUTE_NS));
        final Map<String, Object> told =
                ordered("count", now + tenure.ends(HostComparison.DEVICE_GONE), "lately", isLately);
        told.put("devices", repaired.within(MINUTE_NS));
        return told;
    }

    /** The first by name, and how many there are. */
    static <K extends Comparable<? super K>> void putFaults(
            final Map<String, Object> status, final String key, final Map<K, String> faults) {
        final Map<String, Object> named = new LinkedHashMap<>();
        faults.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .limit(NAMED_MAX)
                .forEach(fault -> named.put(fault.getKey().toString(), fault.getValue()));
        status.put(key, named);
        status.put(key + "Count", faults.size());
    }

    /** What a collection found in use, and what there may be, in MiB: what is in use between two collections says little. */
    private static Map<String, Object> heap() {
        long liveBytes = 0;
        long maxBytes = 0;
        for (final MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            final MemoryUsage live = pool.getCollectionUsage();
            if (null != live && live.getMax() > maxBytes) { // the old generation is the largest
                liveBytes = live.getUsed();
                maxBytes = live.getMax();
            }
        }
        return ordered("liveMiB", liveBytes / MEBIBYTE, "maxMiB", maxBytes / MEBIBYTE);
    }

    private static Map<String, Object> ordered(
            final String firstKey, final Object first, final String secondKey, final Object second) {
        final Map<String, Object> map = new LinkedHashMap<>();
        map.put(firstKey, first);
        map.put(secondKey, second);
        return map;
    }
}
