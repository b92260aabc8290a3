/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The peers of a device: what was counted of each, and what the underlay said of the way to it. */
final class PeerViews {
    private PeerViews() {}

    /** In the order of their addresses; those that are gone among them, for what was counted of them. */
    static List<Map<String, Object>> peers(final DeviceRecord device, final CountersRecord counters) {
        final Map<IpAddress, List<String>> subnets = new HashMap<>();
        PeerPath.of(device)
                .forEach(path -> subnets.computeIfAbsent(path.peer(), peer -> new ArrayList<>())
                        .add(path.subnet().toString()));
        final List<Map<String, Object>> entries = new ArrayList<>();
        counters.peers().stream()
                .sorted(Comparator.comparing(PeerRecord::address))
                .forEach(peer -> entries.add(entry(device, peer, subnets)));
        return entries;
    }

    private static Map<String, Object> entry(
            final DeviceRecord device, final PeerRecord peer, final Map<IpAddress, List<String>> subnets) {
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("device", device.name());
        entry.put("peer", peer.address().toString());
        entry.put("subnets", subnets.getOrDefault(peer.address(), List.of()));
        entry.put("sentPackets", peer.sentPackets());
        entry.put("sentBytes", peer.sentBytes());
        entry.put("receivedPackets", peer.receivedPackets());
        entry.put("receivedBytes", peer.receivedBytes());
        entry.put("heard", CounterViews.time(peer.heardMs()));
        entry.put("gone", CounterViews.time(peer.goneMs()));
        entry.put("pathMtu", peer.pathMtu());
        final IcmpError error = peer.lastError();
        entry.put("lastError", null == error ? "" : error.words());
        entry.put("lastErrorFrom", null == error ? "" : error.sender().toString());
        entry.put("lastErrorTime", null == error ? "" : CounterViews.time(error.timeMs()));
        final PathCheck check = peer.check();
        entry.put("check", (null == check ? PathState.UNCHECKED : check.state()).label());
        entry.put("checkTime", null == check ? "" : CounterViews.time(check.timeMs()));
        entry.put("roundTripNs", null == check ? 0 : check.rttNs());
        return entry;
    }

    private static String roundTrip(final Map<String, Object> entry) {
        final long ns = Rates.number(entry, "roundTripNs");
        return 0 == ns ? "" : ", round trip " + Words.shortTime(ns);
    }

    static String line(final Map<String, Object> entry) {
        final String subnets = entry.get("subnets") instanceof final List<?> list
                ? list.stream().map(subnet -> " " + subnet).collect(Collectors.joining())
                : "";
        return String.format(
                "%s %s%s: sent %s packets %s bytes, received %s packets %s bytes, heard %s, path MTU %s, last error %s, check %s%s%s",
                entry.get("device"),
                entry.get("peer"),
                subnets,
                entry.get("sentPackets"),
                entry.get("sentBytes"),
                entry.get("receivedPackets"),
                entry.get("receivedBytes"),
                "".equals(entry.get("heard")) ? "never" : entry.get("heard"),
                Integer.valueOf(0).equals(entry.get("pathMtu")) ? "unknown" : entry.get("pathMtu"),
                "".equals(entry.get("lastError"))
                        ? "none"
                        : entry.get("lastError") + " from " + entry.get("lastErrorFrom") + " "
                                + entry.get("lastErrorTime"),
                (entry.get("check") + " " + entry.get("checkTime")).strip(),
                roundTrip(entry),
                "".equals(entry.get("gone")) ? "" : ", no peer since " + entry.get("gone"));
    }
}
