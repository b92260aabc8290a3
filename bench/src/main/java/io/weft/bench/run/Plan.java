/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a run of the benchmark does.
 *
 * @param pairings the pairs of data planes.
 * @param offloads the offload settings, one after the other.
 * @param measures what is measured.
 * @param rounds how often each is measured; pairings take turns within a round.
 * @param seconds how long each measurement takes.
 * @param lossFreeOffloads the settings in which loss-free rates are searched.
 * @param absentNodes how many nodes have a lease beside the two.
 * @param congestionControl of TCP between pods; null for the machine's own.
 * @param singleRounds how often the one-packet-per-call baseline is measured; it is slow and steady.
 */
public record Plan(
        List<Pairing> pairings,
        List<Offload> offloads,
        List<Measure> measures,
        int rounds,
        int seconds,
        List<Offload> lossFreeOffloads,
        int absentNodes,
        @Nullable String congestionControl,
        int singleRounds) {
    /** Of the lowest loss-free rate; at each the latencies are measured. */
    static final List<Integer> LOAD_PERCENTS = List.of(10, 50, 90);

    private static final int QUICK_ROUNDS = 2;
    private static final int QUICK_SECONDS = 2;
    private static final int NARROW_ROUNDS = 3;
    private static final int NARROW_SECONDS = 3;
    private static final int FULL_ROUNDS = 5;
    private static final int FULL_SECONDS = 4;

    /**
     * Fills what was not asked for. A quick run ends within five minutes; one that is also narrow, with some measures
     * alone, gives each more time.
     *
     * @param pairings empty for the plan's own.
     * @param measures empty for the plan's own.
     * @param rounds 0 for the plan's own.
     * @param seconds 0 for the plan's own.
     * @param absentNodes how many nodes have a lease beside the two.
     * @param congestionControl of TCP between pods; null for the machine's own.
     */
    public static Plan of(
            final boolean quick,
            final List<Pairing> pairings,
            final List<Offload> offloads,
            final List<Measure> measures,
            final int rounds,
            final int seconds,
            final int absentNodes,
            final @Nullable String congestionControl) {
        final boolean narrow = quick && !measures.isEmpty();
        final int plannedRounds = narrow ? NARROW_ROUNDS : quick ? QUICK_ROUNDS : FULL_ROUNDS;
        final int plannedSeconds = narrow ? NARROW_SECONDS : quick ? QUICK_SECONDS : FULL_SECONDS;
        final int actualRounds = 0 == rounds ? plannedRounds : rounds;
        return new Plan(
                pairings.isEmpty() ? pairings(quick, narrow) : pairings,
                offloads,
                measures.isEmpty() ? measures(quick) : measures,
                actualRounds,
                0 == seconds ? plannedSeconds : seconds,
                quick ? offloads.subList(0, 1) : offloads,
                absentNodes,
                congestionControl,
                quick ? 1 : actualRounds);
    }

    private static List<Measure> measures(final boolean quick) {
        return Stream.of(Measure.values())
                .filter(measure -> !quick || measure.isQuick())
                .toList();
    }

    private static List<Pairing> pairings(final boolean quick, final boolean narrow) {
        if (narrow) {
            return List.of(Pairing.WEFT, Pairing.KERNEL);
        }
        return quick ? List.of(Pairing.WEFT, Pairing.KERNEL, Pairing.SINGLE) : List.of(Pairing.values());
    }

    /** The same without some of the pairings. */
    public Plan without(final Set<Pairing> left) {
        final List<Pairing> rest =
                pairings.stream().filter(pairing -> !left.contains(pairing)).toList();
        return new Plan(
                rest,
                offloads,
                measures,
                rounds,
                seconds,
                lossFreeOffloads,
                absentNodes,
                congestionControl,
                singleRounds);
    }

    /** How often a pairing is measured. */
    int rounds(final Pairing pairing) {
        return Pairing.SINGLE == pairing ? Math.min(singleRounds, rounds) : rounds;
    }

    /** Those of the measures that are taken in rounds. */
    List<Measure> sampled() {
        return measures.stream().filter(measure -> !measure.isSearched()).toList();
    }

    /** Those of the measures that are searched. */
    List<Measure> searched() {
        return measures.stream().filter(Measure::isSearched).toList();
    }

    /** Those that are taken once before they count: where something is to be compiled first. */
    List<Measure> warmUps(final Pairing pairing) {
        return sampled().stream()
                .filter(measure -> pairing.hasProcess() || measure.isByPeers())
                .toList();
    }

    /** Whether loss-free rates of a pairing are searched in a setting. */
    boolean searches(final Pairing pairing, final Offload offload) {
        return Pairing.SINGLE != pairing && lossFreeOffloads.contains(offload);
    }

    /** How many things are done: pairings brought up, warm-ups, measurements. */
    int steps() {
        int steps = 0;
        for (final Pairing pairing : pairings) {
            final int measurements = sampled().size();
            steps += 1 + warmUps(pairing).size();
            for (final Offload offload : offloads) {
                steps += rounds(pairing) * measurements;
                steps += searches(pairing, offload) ? searched().size() * (1 + LOAD_PERCENTS.size()) : 0;
            }
        }
        return steps;
    }
}
