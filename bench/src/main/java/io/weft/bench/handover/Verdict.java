/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Whether pods noticed something, in one respect.
 *
 * @param respect what pods shall not notice.
 * @param found in words.
 * @param isKept that they did not.
 */
record Verdict(String respect, String found, boolean isKept) {
    /** By so much the latest packet of all handovers may be later than that of all intervals without one. */
    static final double LATENESS_MS = 10;

    /** Judges what was found, in every respect. */
    static List<Verdict> of(final Findings findings) {
        final List<Verdict> verdicts = new ArrayList<>();
        verdicts.add(within(findings));
        if (!findings.packets().isEmpty()) {
            verdicts.add(packetsLost(findings.packets()));
            verdicts.add(latest(findings.packets()));
        }
        if (!findings.streams().isEmpty()) {
            verdicts.add(connections(findings.streams()));
            verdicts.add(timeouts(findings.streams()));
        }
        findings.gaps().stream()
                .filter(Gap::isLossless)
                .forEach(gap ->
                        verdicts.add(new Verdict("nothing lost: " + gap.restart(), lost(gap.lost()), 0 == gap.lost())));
        return verdicts;
    }

    /** Otherwise the interval does not show what comes after the restart. */
    private static Verdict within(final Findings findings) {
        final List<Boolean> within = Stream.concat(
                        Stream.concat(findings.packets().stream(), findings.streams().stream())
                                .map(Turn::isWithin),
                        findings.gaps().stream().map(Gap::isWithin))
                .toList();
        final int count = Collections.frequency(within, true);
        return new Verdict(
                "restarts end within their interval (else: longer --seconds)",
                count + " of " + within.size(),
                count == within.size());
    }

    private static Verdict packetsLost(final List<Turn<PacketInterval>> turns) {
        final long lost =
                turns.stream().mapToLong(turn -> turn.handover().lost()).sum();
        return new Verdict("no packet lost", lost(lost), 0 == lost);
    }

    private static Verdict latest(final List<Turn<PacketInterval>> turns) {
        final double quiet = turns.stream()
                .mapToDouble(turn -> turn.quiet().latestMs())
                .max()
                .orElse(0);
        final double handover = turns.stream()
                .mapToDouble(turn -> turn.handover().latestMs())
                .max()
                .orElse(0);
        return new Verdict(
                String.format(Locale.ROOT, "no packet later than without one, and %.0f ms", LATENESS_MS),
                String.format(Locale.ROOT, "%.1f ms, without %.1f ms", handover, quiet),
                handover <= quiet + LATENESS_MS);
    }

    private static Verdict connections(final List<Turn<StreamInterval>> turns) {
        final List<String> troubles = turns.stream()
                .map(turn -> turn.handover().trouble())
                .filter(trouble -> !trouble.isEmpty())
                .toList();
        return new Verdict(
                "no TCP connection lost",
                troubles.isEmpty() ? "none" : troubles.size() + " times: " + troubles.get(0),
                troubles.isEmpty());
    }

    private static Verdict timeouts(final List<Turn<StreamInterval>> turns) {
        final long quiet =
                turns.stream().mapToLong(turn -> turn.quiet().timeouts()).sum();
        final long handover =
                turns.stream().mapToLong(turn -> turn.handover().timeouts()).sum();
        return new Verdict(
                "no more retransmission timeouts than without", handover + ", without " + quiet, handover <= quiet);
    }

    private static String lost(final long packets) {
        return packets + " lost";
    }
}
