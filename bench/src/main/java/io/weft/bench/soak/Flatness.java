/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Whether what a weftd holds stays as it is: the median of the last third is compared with that of the third before, since a JVM
 * that has begun lately still grows, and what one compilation takes for a moment is no growth.
 */
final class Flatness {
    /** Fewer say nothing. */
    static final int FOOTPRINTS_MIN = 6;

    private static final double RESIDENT_MEBIBYTES = 8;
    private static final double HEAP_MEBIBYTES = 4;
    private static final double DIRECT_MEBIBYTES = 2;
    private static final int DESCRIPTORS = 6;
    private static final int THREADS = 4;

    private final String what;
    private final boolean isOneProcess;
    private final List<Footprint> footprints = new ArrayList<>();

    /**
     * @param what names the weftd in a complaint.
     * @param isOneProcess it lives all the time; of one that is replaced, the age decides what is resident.
     */
    Flatness(final String what, final boolean isOneProcess) {
        this.what = what;
        this.isOneProcess = isOneProcess;
    }

    /** One more, after all before. */
    void add(final Footprint footprint) {
        footprints.add(footprint);
    }

    /** What has grown; empty when nothing has. */
    List<String> complaints() {
        final List<String> complaints = new ArrayList<>();
        if (footprints.size() < FOOTPRINTS_MIN) {
            return complaints;
        }
        if (isOneProcess) {
            compare(complaints, "resident MiB", Footprint::residentMebibytes, RESIDENT_MEBIBYTES);
        }
        compare(complaints, "MiB of heap", Footprint::heapMebibytes, HEAP_MEBIBYTES);
        compare(complaints, "direct MiB", Footprint::directMebibytes, DIRECT_MEBIBYTES);
        compare(complaints, "descriptors", Footprint::descriptors, DESCRIPTORS);
        compare(complaints, "threads", Footprint::threads, THREADS);
        return complaints;
    }

    private void compare(
            final List<String> complaints,
            final String unit,
            final ToDoubleFunction<Footprint> figure,
            final double tolerance) {
        final int third = footprints.size() / 3;
        final double before = median(footprints.subList(third, footprints.size() - third), figure);
        final double last = median(footprints.subList(footprints.size() - third, footprints.size()), figure);
        if (last > before + tolerance) {
            complaints.add(String.format(Locale.ROOT, "%s: %.1f %s, after %.1f", what, last, unit, before));
        }
    }

    private static double median(final List<Footprint> some, final ToDoubleFunction<Footprint> figure) {
        final double[] values = some.stream().mapToDouble(figure).sorted().toArray();
        return values[values.length / 2];
    }
}
