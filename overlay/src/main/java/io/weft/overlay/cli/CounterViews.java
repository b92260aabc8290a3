/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Counters of a device, put together by what people ask for; each entry is an object of the JSON output, and a line. */
final class CounterViews {
    private static final double NS_PER_SECOND = 1e9;

    /** What the remarks begin with that say by what packets come and go. */
    private static final String POD_PORT = "pod port ";

    static final String UNDERLAY_PORT = "underlay port ";

    /** Of fewer a minute, what a thread does besides would be told as theirs. */
    private static final int TELLING_PACKETS = 1_000;

    private CounterViews() {}

    private static Map<String, Object> entry(final DeviceRecord device) {
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("device", device.name());
        return entry;
    }

    /** Where packets come in and go out. Losses are what the host dropped on weft's behalf. */
    static List<Map<String, Object>> ports(final DeviceRecord device, final CountersRecord counters) {
        return List.of(
                port(
                        device,
                        "from pods",
                        counters.remark(POD_PORT),
                        counters.total(DataPlaneCounter.EGRESS_RECEIVED_PACKETS),
                        counters.total(DataPlaneCounter.EGRESS_RECEIVED_FRAMES),
                        counters.total(DataPlaneCounter.HOST_READ_ERRORS),
                        counters.total(DataPlaneCounter.EGRESS_HOST_LOSSES)),
                port(
                        device,
                        "to underlay",
                        counters.remark(UNDERLAY_PORT),
                        counters.total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS),
                        counters.total(DataPlaneCounter.EGRESS_MESSAGES),
                        0,
                        0),
                port(
                        device,
                        "from underlay",
                        counters.remark(UNDERLAY_PORT),
                        counters.total(DataPlaneCounter.INGRESS_RECEIVED_PACKETS),
                        counters.total(DataPlaneCounter.INGRESS_MESSAGES),
                        counters.total(DataPlaneCounter.UNDERLAY_READ_ERRORS),
                        counters.total(DataPlaneCounter.INGRESS_HOST_LOSSES)),
                port(
                        device,
                        "to pods",
                        counters.remark(POD_PORT),
                        counters.total(DataPlaneCounter.INGRESS_DELIVERED_PACKETS),
                        counters.total(DataPlaneCounter.INGRESS_DELIVERED_FRAMES),
                        0,
                        0));
    }

    private static Map<String, Object> port(
            final DeviceRecord device,
            final String side,
            final String by,
            final long packets,
            final long operations,
            final long errors,
            final long losses) {
        final Map<String, Object> entry = entry(device);
        entry.put("port", side);
        entry.put("packets", packets);
        entry.put("operations", operations);
        entry.put("errors", errors);
        entry.put("losses", losses);
        entry.put("by", by);
        return entry;
    }

    static String portLine(final Map<String, Object> entry) {
        return String.format(
                "%s %s: packets %s operations %s errors %s losses %s by %s",
                entry.get("device"),
                entry.get("port"),
                entry.get("packets"),
                entry.get("operations"),
                entry.get("errors"),
                entry.get("losses"),
                entry.get("by"));
    }

    /** The reasons that were seen, in the order of their ids. */
    static List<Map<String, Object>> drops(final DeviceRecord device, final CountersRecord counters) {
        final List<Map<String, Object>> entries = new ArrayList<>();
        for (final DropReason reason : DropReason.values()) {
            final long count = counters.total(reason);
            if (count > 0) {
                final Map<String, Object> entry = entry(device);
                entry.put("reason", reason.name());
                entry.put("direction", reason.direction().label());
                entry.put("count", count);
                entry.put("perSecond", perSecond(counters.inMinute(reason), counters.minuteNs()));
                entry.put("first", time(counters.firstMs(reason)));
                entry.put("last", time(counters.lastMs(reason)));
                entry.put("offender", counters.offender(reason));
                entry.put("meaning", reason.description());
                entry.put("remedy", Objects.requireNonNullElse(DropRemedy.of(reason), ""));
                entries.add(entry);
            }
        }
        return entries;
    }

    private static double perSecond(final long count, final long durationNs) {
        return 0 == durationNs ? 0 : Math.round(count / (durationNs / NS_PER_SECOND) * 10) / 10.0;
    }

    /** To the second, which is how often the control thread looks. */
    static String time(final long ms) {
        return 0 == ms
                ? ""
                : Instant.ofEpochMilli(ms).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /** The counters file is read as it is now; when drops came, the daemon says once a second. */
    static String dropLine(final Map<String, Object> entry) {
        final boolean isTimed = !"".equals(entry.get("last"));
        final String untimed = isTimed ? "before they were cleared" : "a moment ago";
        return String.format(
                "%s %s %s: %s packets, %s per second, first %s, last %s%s: %s%s",
                entry.get("device"),
                entry.get("direction"),
                entry.get("reason"),
                entry.get("count"),
                entry.get("perSecond"),
                "".equals(entry.get("first")) ? untimed : entry.get("first"),
                isTimed ? entry.get("last") : untimed,
                "".equals(entry.get("offender")) ? "" : " from " + entry.get("offender"),
                entry.get("meaning"),
                "".equals(entry.get("remedy")) ? "" : ": " + entry.get("remedy"));
    }

    /** The data threads. */
    static List<Map<String, Object>> agents(final DaemonRecord daemon, final DeviceRecord device) {
        final CountersRecord counters = device.counters();
        final List<Map<String, Object>> entries = new ArrayList<>();
        for (final String thread : counters.threads()) {
            entries.add(agent(device, counters, thread));
        }
        return Stalls.marked(entries, device.name(), daemon);
    }

    static Map<String, Object> agent(final DeviceRecord device, final CountersRecord counters, final String thread) {
        final long cycles = counters.ofThreadInMinute(ThreadCounter.CYCLES, thread);
        final long packets = packetsInMinute(counters, thread);
        final long busyNs = counters.ofThreadInMinute(ThreadCounter.BUSY_NS, thread);
        final boolean isTelling = packets >= TELLING_PACKETS && cycles > 0;
        final Map<String, Object> entry = entry(device);
        entry.put("thread", thread);
        entry.put("busyPercent", Diagnosis.busyPercent(counters, thread));
        entry.put("cycles", counters.ofThread(ThreadCounter.CYCLES, thread));
        entry.put("packetsInMinute", packets);
        entry.put("packetsPerCycle", isTelling ? Math.round(10.0 * packets / cycles) / 10.0 : null);
        entry.put("nsPerPacket", isTelling ? busyNs / packets : null);
        entry.put("longestCycleNs", counters.ofThread(ThreadCounter.LONGEST_CYCLE_NS, thread));
        entry.put("urgentNs", counters.ofThread(ThreadCounter.URGENT_NS, thread));
        entry.put("boosts", counters.ofThread(ThreadCounter.BOOSTS, thread));
        return entry;
    }

    /** Of the directions that a thread works for, as its name says: weft-worker-0, weft-egress-0, weft-igr-rcv-0. */
    private static long packetsInMinute(final CountersRecord counters, final String thread) {
        final int worker = Integer.parseInt(thread.substring(thread.lastIndexOf('-') + 1));
        final long out = counters.inMinute(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, worker);
        final long in = counters.inMinute(DataPlaneCounter.INGRESS_DELIVERED_PACKETS, worker);
        if (thread.startsWith("weft-e")) {
            return out;
        }
        return thread.startsWith("weft-i") ? in : out + in;
    }

    static String agentLine(final Map<String, Object> entry) {
        final String stall = Stalls.words(entry);
        return String.format(
                "%s %s: %s, %s packets in the last minute%s, longest stall since its start %s%s%s",
                entry.get("device"),
                entry.get("thread"),
                stall.isEmpty() ? "busy " + entry.get("busyPercent") + " %" : stall,
                entry.get("packetsInMinute"),
                null == entry.get("nsPerPacket")
                        ? ""
                        : ", " + entry.get("packetsPerCycle") + " per cycle, "
                                + Words.shortTime(number(entry, "nsPerPacket")) + " each",
                Words.shortTime(number(entry, "longestCycleNs")),
                0 == number(entry, "urgentNs")
                        ? ""
                        : ", before ordinary threads for " + Words.shortTime(number(entry, "urgentNs")) + " in all",
                0 == number(entry, "boosts")
                        ? ""
                        : ", let in before them for want of a processor " + number(entry, "boosts") + " times");
    }

    private static long number(final Map<String, Object> entry, final String key) {
        return entry.get(key) instanceof final Number number ? number.longValue() : 0;
    }
}
