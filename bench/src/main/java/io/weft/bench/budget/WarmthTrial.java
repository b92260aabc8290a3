/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.stats.Spread;
import io.weft.bench.stats.Stopwatch;
import io.weft.bench.traffic.Iperf;
import java.io.IOException;
import java.util.List;

/** How fast the first second is after both nodes have said that they are ready, beside a second when they have long forwarded. */
final class WarmthTrial implements Trial {
    /** More than of others: one start differs from another by more than what is looked for. */
    private static final int ROUNDS = 7;

    /** As long as compilers still find something to do. */
    private static final int WARM_UP_S = 5;

    /** What a trial has brought up. */
    private record Running(Weftd weftd, Lab lab, Overlay overlay, Iperf iperf) {
        double firstSecond() throws IOException {
            for (final Node node : lab.nodes()) {
                Command.end(overlay.process(node));
            }
            final long startNs = System.nanoTime();
            for (final Node node : lab.nodes()) {
                overlay.start(node, DataPlane.WEFT, weftd);
            }
            for (final Node node : lab.nodes()) {
                Stopwatch.secondsUntil(
                        startNs,
                        () -> "ready in " + overlay.said(node),
                        () -> overlay.said(node).contains("ready: "));
            }
            return secondsPerGigabit();
        }

        double laterSecond() throws IOException {
            iperf.tcp(WARM_UP_S, 1);
            return Spread.of(secondsPerGigabit(), secondsPerGigabit(), secondsPerGigabit())
                    .median();
        }

        /** By a connection of one second, so that both begin as TCP does. */
        private double secondsPerGigabit() throws IOException {
            return 1 / iperf.tcp(1, 1).gigabitsPerSecond();
        }
    }

    @Override
    public String name() {
        return "first-second";
    }

    @Override
    public String subject() {
        return "the first second";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-warmth"));
        lab.up(2);
        final Overlay overlay = teardown.add(new Overlay(lab));
        overlay.start(List.of(DataPlane.WEFT, DataPlane.WEFT), site.weftd());
        try (Iperf iperf = Iperf.start(lab.node(0), lab.node(1))) {
            final Running running = new Running(site.weftd(), lab, overlay, iperf);
            return List.of(Budgets.FIRST_SECOND.compare(ROUNDS, running::firstSecond, running::laterSecond));
        }
    }
}
