/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.overlay.record.CountersRecord;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What went on between two looks at the counters of a device, by the second. */
final class Rates {
    private static final double NS_PER_SECOND = 1e9;
    private static final int BITS_PER_BYTE = 8;
    private static final int PERCENT = 100;

    private final CountersRecord before;
    private final CountersRecord after;
    private final double seconds;

    private Rates(final CountersRecord before, final CountersRecord after, final double seconds) {
        this.before = before;
        this.after = after;
        this.seconds = seconds;
    }

    /**
     * An object of the JSON output: its keys are those of {@code weft show} where they mean the same, and tell a rate by their end.
     *
     * @param seconds between the two looks.
     * @param peersMax peers at most, the busiest first; the others are only counted.
     */
    static Map<String, Object> of(
            final String device,
            final CountersRecord before,
            final CountersRecord after,
            final double seconds,
            final int peersMax) {
        final Rates rates = new Rates(before, after, seconds);
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("device", device);
        entry.put("seconds", Math.round(seconds * 10) / 10.0);
        entry.put("restarted", before.startedMs() != after.startedMs());
        entry.put(
                "sent",
                rates.direction(
                        DataPlaneCounter.EGRESS_FORWARDED_PACKETS,
                        DataPlaneCounter.EGRESS_FORWARDED_BYTES,
                        DataPlaneCounter.EGRESS_HOST_LOSSES));
        entry.put(
                "received",
                rates.direction(
                        DataPlaneCounter.INGRESS_DELIVERED_PACKETS,
                        DataPlaneCounter.INGRESS_DELIVERED_BYTES,
                        DataPlaneCounter.INGRESS_HOST_LOSSES));
        entry.put("drops", rates.drops());
        entry.put("agents", rates.agents());
        final List<Map<String, Object>> peers = rates.peers();
        entry.put("peers", peers.subList(0, Math.min(peersMax, peers.size())));
        entry.put("otherPeers", Math.max(0, peers.size() - peersMax));
        return entry;
    }

    /** A daemon that began anew in between has counted from 0. */
    private long perSecond(final long was, final long is) {
        return Math.round((is < was ? is : is - was) / seconds);
    }

    private Map<String, Object> direction(
            final DataPlaneCounter packets, final DataPlaneCounter bytes, final DataPlaneCounter losses) {
        final Map<String, Object> rates = new LinkedHashMap<>();
        rates.put("packetsPerSecond", perSecond(before.total(packets), after.total(packets)));
        rates.put("bitsPerSecond", perSecond(BITS_PER_BYTE * before.total(bytes), BITS_PER_BYTE * after.total(bytes)));
        rates.put("lossesPerSecond", perSecond(before.total(losses), after.total(losses)));
        return rates;
    }

    private List<Map<String, Object>> drops() {
        final List<Map<String, Object>> drops = new ArrayList<>();
        for (final DropReason reason : DropReason.values()) {
            if (before.total(reason) != after.total(reason)) {
                final Map<String, Object> drop = new LinkedHashMap<>();
                drop.put("reason", reason.name());
                drop.put("direction", reason.direction().label());
                drop.put("perSecond", perSecond(before.total(reason), after.total(reason)));
                drops.add(drop);
            }
        }
        return drops;
    }

    /** Busy share of each data thread in percent. */
    private List<Map<String, Object>> agents() {
        final List<Map<String, Object>> agents = new ArrayList<>();
        for (final String thread : after.threads()) {
            final long busyNs = perSecond(
                    before.ofThread(ThreadCounter.BUSY_NS, thread), after.ofThread(ThreadCounter.BUSY_NS, thread));
            final Map<String, Object> agent = new LinkedHashMap<>();
            agent.put("thread", thread);
            agent.put("busyPercent", Math.min(PERCENT, Math.round(PERCENT * busyNs / NS_PER_SECOND)));
            agents.add(agent);
        }
        return agents;
    }

    /** Those that are peers, the busiest first. */
    private List<Map<String, Object>> peers() {
        final Map<Object, PeerRecord> former = new HashMap<>();
        before.peers().forEach(peer -> former.put(peer.address(), peer));
        final List<Map<String, Object>> peers = new ArrayList<>();
        for (final PeerRecord peer : after.peers()) {
            if (0 == peer.goneMs()) {
                peers.add(peer(Objects.requireNonNullElse(former.get(peer.address()), peer), peer));
            }
        }
        peers.sort(Comparator.comparingLong(Rates::bits).reversed());
        return peers;
    }

    private Map<String, Object> peer(final PeerRecord was, final PeerRecord is) {
        final PathCheck check = is.check();
        final Map<String, Object> rates = new LinkedHashMap<>();
        rates.put("peer", is.address().toString());
        rates.put("sentPacketsPerSecond", perSecond(was.sentPackets(), is.sentPackets()));
        rates.put("sentBitsPerSecond", perSecond(BITS_PER_BYTE * was.sentBytes(), BITS_PER_BYTE * is.sentBytes()));
        rates.put("receivedPacketsPerSecond", perSecond(was.receivedPackets(), is.receivedPackets()));
        rates.put(
                "receivedBitsPerSecond",
                perSecond(BITS_PER_BYTE * was.receivedBytes(), BITS_PER_BYTE * is.receivedBytes()));
        rates.put("check", (null == check ? PathState.UNCHECKED : check.state()).label());
        rates.put("roundTripNs", null == check ? 0 : check.rttNs());
        return rates;
    }

    private static long bits(final Map<String, Object> peer) {
        return number(peer, "sentBitsPerSecond") + number(peer, "receivedBitsPerSecond");
    }

    static long number(final Map<String, Object> entry, final String key) {
        return entry.get(key) instanceof final Number number ? number.longValue() : 0;
    }
}
