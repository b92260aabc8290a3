/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Traffic of all kinds between three nodes, two of weft and one of the kernel's VXLAN, while leases, routes and the first node's weftd
 * change. Now and then all is quiet for a moment: then each packet must be accounted for, and in the end nothing may have grown. The
 * second node's weftd lives all the time. Used by one thread.
 *
 * @param duration of it all.
 * @param interval between two accounts.
 * @param rest between two changes.
 * @param seed of the changes and of the traffic.
 */
public record Soak(Duration duration, Duration interval, Duration rest, long seed) {
    /** With fewer nothing is said of growth. */
    public static final int MINIMUM_ACCOUNTS = Flatness.FOOTPRINTS_MIN;

    /**
     * Runs it.
     *
     * @param prefix of the namespaces' names.
     * @param started how weftd is started; it must run with {@link Footprint#JAVA_OPTION} by its command already, or heed WEFT_JAVA_OPTS.
     * @param teardown gets what is to be taken down.
     * @param report gets a line for each account.
     * @return what was wrong; empty when nothing was.
     */
    public List<String> run(
            final String prefix, final Weftd started, final Teardown teardown, final Consumer<String> report)
            throws IOException {
        final Weftd weftd = started.withJavaOption(Footprint.JAVA_OPTION);
        final Lab lab = teardown.add(new Lab(prefix));
        lab.up(3);
        final Overlay overlay = teardown.add(new Overlay(lab));
        overlay.start(List.of(DataPlane.WEFT, DataPlane.WEFT, DataPlane.KERNEL), weftd);
        overlay.userspaceNodes().forEach(overlay::awaitReady);
        final Traffic traffic = teardown.add(Traffic.start(lab, seed));
        final Upheavals upheavals = new Upheavals(lab, overlay, weftd, seed);
        final Map<Node, Flatness> footprints = new LinkedHashMap<>();
        for (final Node node : overlay.userspaceNodes()) {
            footprints.put(node, new Flatness("weftd " + node.letter(), 0 != node.index()));
        }
        final List<String> complaints = new ArrayList<>();
        final long startNs = System.nanoTime();
        for (int number = 1; complaints.isEmpty() && System.nanoTime() - startNs < duration.toNanos(); number++) {
            upheave(upheavals, traffic, startNs + number * interval.toNanos());
            account(overlay, traffic, footprints, complaints, line -> report.accept(time(startNs) + line));
            report.accept(time(startNs) + traffic + "; changes " + upheavals);
        }
        footprints.values().forEach(flatness -> complaints.addAll(flatness.complaints()));
        return complaints;
    }

    private static String time(final long startNs) {
        final long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNs);
        return String.format("%3d:%02d  ", seconds / 60, seconds % 60);
    }

    /** At least one change, and more until a moment. */
    private void upheave(final Upheavals upheavals, final Traffic traffic, final long endNs) throws IOException {
        do {
            upheavals.next();
            LockSupport.parkNanos(Math.min(rest.toNanos(), endNs - System.nanoTime()));
        } while (System.nanoTime() - endNs < 0 && traffic.failures().isEmpty());
    }

    private static void account(
            final Overlay overlay,
            final Traffic traffic,
            final Map<Node, Flatness> footprints,
            final List<String> complaints,
            final Consumer<String> report)
            throws IOException {
        traffic.pause();
        try {
            for (final Map.Entry<Node, Flatness> each : footprints.entrySet()) {
                final Node node = each.getKey();
                final Balance balance =
                        Balance.settled(overlay.runDirectory(node).resolve(Weftd.COUNTERS));
                final Footprint footprint = Footprint.of(overlay.process(node).pid());
                each.getValue().add(footprint);
                report.accept("weftd " + node.letter() + ": " + footprint + "; " + balance);
                if (!balance.isEven()) {
                    complaints.add("weftd " + node.letter() + ": " + balance);
                }
            }
            complaints.addAll(traffic.failures());
        } finally {
            traffic.resume();
        }
    }
}
