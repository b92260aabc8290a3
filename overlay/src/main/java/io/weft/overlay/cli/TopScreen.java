/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.PathState;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** {@link Rates} as lines of at most 80 columns, IPv6 addresses included. */
final class TopScreen {
    private static final int COLUMNS = 80;
    /** The longest IPv6 address; a shorter IPv4 address has what it needs. */
    private static final int PEER_WIDTH_MAX = 39;

    private static final int PEER_WIDTH_MIN = 15;
    private static final String UNITS = " kMGT";
    private static final int UNIT = 1_000;
    private static final int TENTHS_BELOW = 100;

    private TopScreen() {}

    /**
     * The lines of a device.
     *
     * @param liveness of its daemon.
     */
    static List<String> lines(final Map<String, Object> rates, final String liveness) {
        final List<String> lines = new ArrayList<>();
        final String restart = Boolean.TRUE.equals(rates.get("restarted")) ? ", began anew" : "";
        lines.add(cut(rates.get("device") + "  " + liveness + restart));
        lines.add(String.format("%-9s %8s %8s %8s", "a second", "packets", "bits", "lost"));
        for (final String direction : List.of("sent", "received")) {
            final Map<String, Object> way = map(rates.get(direction));
            lines.add(String.format(
                    "%-9s %8s %8s %8s",
                    direction,
                    rate(way, "packetsPerSecond"),
                    rate(way, "bitsPerSecond"),
                    rate(way, "lossesPerSecond")));
        }
        final String drops = maps(rates.get("drops")).stream()
                .map(drop -> rate(drop, "perSecond") + " " + drop.get("reason"))
                .collect(Collectors.joining(", "));
        lines.add(cut("drops     " + (drops.isEmpty() ? "none" : drops)));
        lines.add(cut("busy      "
                + maps(rates.get("agents")).stream()
                        .map(agent -> agent.get("thread") + " " + state(agent))
                        .collect(Collectors.joining(", "))));
        peers(lines, maps(rates.get("peers")), Rates.number(rates, "otherPeers"));
        return lines;
    }

    private static String state(final Map<String, Object> agent) {
        final String stall = Stalls.words(agent);
        return stall.isEmpty() ? agent.get("busyPercent") + " %" : stall;
    }

    private static void peers(final List<String> lines, final List<Map<String, Object>> peers, final long others) {
        final int width = Math.min(
                PEER_WIDTH_MAX,
                peers.stream()
                        .mapToInt(peer -> String.valueOf(peer.get("peer")).length())
                        .max()
                        .orElse(0));
        final String format = "%-" + Math.max(PEER_WIDTH_MIN, width) + "s %6s %6s %6s %6s %s";
        lines.add(String.format(format, "peer", "sent/s", "bit/s", "rcvd/s", "bit/s", "check"));
        for (final Map<String, Object> peer : peers) {
            lines.add(String.format(
                    format,
                    peer.get("peer"),
                    rate(peer, "sentPacketsPerSecond"),
                    rate(peer, "sentBitsPerSecond"),
                    rate(peer, "receivedPacketsPerSecond"),
                    rate(peer, "receivedBitsPerSecond"),
                    check(peer)));
        }
        if (others > 0) {
            lines.add("and " + others + " that have less: --peers shows more");
        }
    }

    /** How long a packet to a peer that is well and back takes, instead of no more than that it is. */
    private static String check(final Map<String, Object> peer) {
        final long rttNs = Rates.number(peer, "roundTripNs");
        final String check = String.valueOf(peer.get("check"));
        return PathState.OK.label().equals(check) && rttNs > 0 ? check + " " + Words.shortTime(rttNs) : check;
    }

    @SuppressWarnings("unchecked") // made by Rates
    private static Map<String, Object> map(final @Nullable Object entry) {
        return null == entry ? Map.of() : (Map<String, Object>) entry;
    }

    static List<Map<String, Object>> maps(final @Nullable Object entries) {
        return entries instanceof final List<?> list
                ? list.stream().map(TopScreen::map).toList()
                : List.of();
    }

    private static String cut(final String line) {
        return line.length() <= COLUMNS ? line : line.substring(0, COLUMNS - 3) + "...";
    }

    private static String rate(final Map<String, Object> entry, final String key) {
        return rate(Rates.number(entry, key));
    }

    /** Of at most five characters: {@code 999}, {@code 1.5k}, {@code 12.3M}, {@code 250G}. */
    static String rate(final long perSecond) {
        int unit = 0;
        double value = perSecond;
        while (value >= UNIT && unit < UNITS.length() - 1) {
            value /= UNIT;
            unit++;
        }
        if (0 == unit) {
            return Long.toString(perSecond);
        }
        return String.format(Locale.ROOT, value < TENTHS_BELOW ? "%.1f" : "%.0f", value) + UNITS.charAt(unit);
    }
}
