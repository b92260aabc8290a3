/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import io.weft.bench.stats.Spread;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** All that a run has measured. Filled and read by one thread. */
public final class Results {
    private final List<Sample> samples = new ArrayList<>();
    private final List<LossFree> lossFree = new ArrayList<>();
    private final List<Curve> curves = new ArrayList<>();
    private final List<JvmReport> jvms = new ArrayList<>();

    public void add(final Sample sample) {
        samples.add(sample);
    }

    public void add(final LossFree rate) {
        lossFree.add(rate);
    }

    public void add(final Curve curve) {
        curves.add(curve);
    }

    public void add(final JvmReport jvm) {
        jvms.add(jvm);
    }

    public List<Sample> samples() {
        return List.copyOf(samples);
    }

    public List<LossFree> lossFree() {
        return List.copyOf(lossFree);
    }

    public List<Curve> curves() {
        return List.copyOf(curves);
    }

    public List<JvmReport> jvms() {
        return List.copyOf(jvms);
    }

    /** The offload settings that have results, in the order of their measurement. */
    public List<Offload> offloads() {
        return Stream.concat(
                        samples.stream().map(Sample::offload), lossFree.stream().map(LossFree::offload))
                .distinct()
                .toList();
    }

    /** The pairings that have results, in the order of their declaration. */
    public List<Pairing> pairings() {
        return Stream.concat(
                        samples.stream().map(Sample::pairing), lossFree.stream().map(LossFree::pairing))
                .distinct()
                .sorted()
                .toList();
    }

    /** The measures that have samples, in the order of their declaration. */
    public List<Measure> measures() {
        return samples.stream().map(Sample::measure).distinct().sorted().toList();
    }

    /** The measures that have loss-free rates, in the order of their declaration. */
    public List<Measure> searched() {
        return lossFree.stream().map(LossFree::measure).distinct().sorted().toList();
    }

    /** A loss-free rate, in packets per second; empty if it was not searched. */
    public OptionalDouble lossFreeRate(final Pairing pairing, final Offload offload, final Measure measure) {
        return lossFree.stream()
                .filter(rate -> rate.pairing() == pairing && rate.offload() == offload && rate.measure() == measure)
                .mapToDouble(LossFree::packetsPerSecond)
                .findFirst();
    }

    /** The spread over the rounds of one figure; empty if it was not measured. */
    public Optional<Spread> spread(
            final Pairing pairing, final Offload offload, final Measure measure, final Metric metric) {
        final Collection<Double> values =
                byRound(pairing, offload, measure, metric).values();
        return values.isEmpty() ? Optional.empty() : Optional.of(Spread.of(inOrder(values)));
    }

    /**
     * What a pairing reaches of what the kernel does: the ratio of the medians over the rounds that both have, with the
     * least and greatest ratio within one round. Empty unless both were measured.
     */
    public Optional<Spread> ratioToKernel(
            final Pairing pairing, final Offload offload, final Measure measure, final Metric metric) {
        final SortedMap<Integer, Double> own = byRound(pairing, offload, measure, metric);
        final SortedMap<Integer, Double> kernel = byRound(Pairing.KERNEL, offload, measure, metric);
        own.keySet().retainAll(kernel.keySet());
        kernel.keySet().retainAll(own.keySet());
        return own.isEmpty()
                ? Optional.empty()
                : Optional.of(Spread.ofRatios(inOrder(own.values()), inOrder(kernel.values())));
    }

    private SortedMap<Integer, Double> byRound(
            final Pairing pairing, final Offload offload, final Measure measure, final Metric metric) {
        final SortedMap<Integer, Double> values = new TreeMap<>();
        samples.stream()
                .filter(sample -> sample.pairing() == pairing
                        && sample.offload() == offload
                        && sample.measure() == measure
                        && !Double.isNaN(sample.value(metric)))
                .forEach(sample -> values.put(sample.round(), sample.value(metric)));
        return values;
    }

    private static double[] inOrder(final Collection<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
