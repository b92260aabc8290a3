/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * What {@code weft status} and {@code weft show} answer with {@code -o json}, of daemons on record, for who asks within a process
 * that has better things to do: of many peers those that matter.
 */
public final class Answers {
    private Answers() {}

    /** As {@code weft status}. */
    public static List<Map<String, Object>> status(final List<DaemonRecord> daemons) {
        return daemons.stream()
                .map(daemon -> Diagnosis.json(daemon, Diagnosis.of(daemon)))
                .toList();
    }

    /** As {@code weft show ports}. */
    public static List<Map<String, Object>> ports(final List<DaemonRecord> daemons) {
        return counted(daemons, CounterViews::ports);
    }

    /** As {@code weft show drops}. */
    public static List<Map<String, Object>> drops(final List<DaemonRecord> daemons) {
        return counted(daemons, CounterViews::drops);
    }

    /** As {@code weft show agents}. */
    public static List<Map<String, Object>> agents(final List<DaemonRecord> daemons) {
        return daemons.stream()
                .flatMap(daemon ->
                        daemon.devices().stream().flatMap(device -> CounterViews.agents(daemon, device).stream()))
                .toList();
    }

    /**
     * As {@code weft show peers}, of those that are peers now: for each device its {@code peers}, and how many {@code otherPeers} it has.
     *
     * @param max of each device: those first that the last check found wrong, then those that had most packets.
     */
    public static List<Map<String, Object>> peers(final List<DaemonRecord> daemons, final int max) {
        return counted(daemons, (device, counters) -> List.of(firstPeers(device, counters, max)));
    }

    static Map<String, Object> firstPeers(final DeviceRecord device, final CountersRecord counters, final int max) {
        final List<PeerRecord> peers =
                counters.peers().stream().filter(peer -> 0 == peer.goneMs()).toList();
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("device", device.name());
        entry.put("peers", PeerViews.peers(device, firstPeers(counters, peers, max)));
        entry.put("otherPeers", Math.max(0, peers.size() - max));
        return entry;
    }

    /** The same counters, with so many peers at most. */
    private static CountersRecord firstPeers(
            final CountersRecord counters, final List<PeerRecord> peers, final int max) {
        final List<PeerRecord> first = peers.stream()
                .sorted(Comparator.comparing(Answers::isWell)
                        .thenComparing(Comparator.comparingLong(
                                        (PeerRecord peer) -> peer.sentPackets() + peer.receivedPackets())
                                .reversed()))
                .limit(max)
                .toList();
        return new CountersRecord(
                counters.startedMs(), counters.heartbeatMs(), counters.clearedMs(), counters.samples(), first);
    }

    private static boolean isWell(final PeerRecord peer) {
        final PathCheck check = peer.check();
        return null == check || PathState.OK == check.state() || PathState.UNCHECKED == check.state();
    }

    private static List<Map<String, Object>> counted(
            final List<DaemonRecord> daemons,
            final BiFunction<DeviceRecord, CountersRecord, List<Map<String, Object>>> view) {
        final List<Map<String, Object>> entries = new ArrayList<>();
        for (final DaemonRecord daemon : daemons) {
            for (final DeviceRecord device : daemon.devices()) {
                entries.addAll(view.apply(device, device.counters()));
            }
        }
        return entries;
    }

    /**
     * As {@code weft explain}. Waits for the daemon.
     *
     * @param socket of one of the daemon's devices.
     * @param source of the packet; null where none is named.
     * @throws IOException if nobody answers.
     * @throws IllegalArgumentException with the daemon's words if it refuses the question.
     */
    public static Map<String, Object> explain(
            final DaemonRecord daemon, final Path socket, final IpAddress destination, final @Nullable IpAddress source)
            throws IOException {
        return ExplainCommand.ask(socket, destination, source, Optional.of(daemon))
                .json();
    }
}
