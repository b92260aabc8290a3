/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.budget.Site;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.ServiceManager;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.report.Console;
import io.weft.bench.stats.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Two nodes on weft, whose pods send to each other while one node's weftd is started anew. */
public final class LabHandovers implements HandoverCheck.Taking {
    static final int PACKETS_PER_SECOND = 10_000;

    /** A second of these fits any queue on the way: that of a TUN holds 1000, a pod's socket some 500. */
    private static final int FEW_PACKETS_PER_SECOND = 250;

    private final HandoverPlan plan;

    public LabHandovers(final HandoverPlan plan) {
        this.plan = plan;
    }

    @Override
    public Findings take(final Site site, final Console console, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix()));
        lab.up(2);
        final Overlay overlay = teardown.add(new Overlay(lab));
        overlay.start(List.of(DataPlane.WEFT, DataPlane.WEFT), site.weftd());
        final Aside aside = teardown.add(new Aside());
        final Node near = lab.node(0);
        final Node far = lab.node(1);
        final Session session = new Session(
                plan,
                site.weftd(),
                console,
                overlay,
                new Daemon(overlay, near),
                near,
                new PacketExchange(near, far, aside, teardown),
                new StreamExchange(near, far, aside, teardown));
        return new Findings(session.packetTurns(), session.streamTurns(), session.gaps(teardown), session.left());
    }

    /** All that is up. */
    private record Session(
            HandoverPlan plan,
            Weftd weftd,
            Console console,
            Overlay overlay,
            Daemon daemon,
            Node node,
            PacketExchange packets,
            StreamExchange streams) {

        List<Turn<PacketInterval>> packetTurns() throws IOException {
            final List<Turn<PacketInterval>> turns = new ArrayList<>();
            interval(() -> daemon.handOver(weftd)); // fills caches, and is thrown away
            for (int round = 1; round <= plan.rounds(); round++) {
                final PacketInterval quiet = interval(() -> {}).interval();
                final Outcome<PacketInterval> handover = interval(() -> daemon.handOver(weftd));
                final Turn<PacketInterval> turn =
                        new Turn<>(quiet, handover.interval(), handover.isWithin(), daemon.pauseMs());
                turns.add(turn);
                console.line(String.format(
                        Locale.ROOT,
                        "packets %d/%d: without %d lost, latest %.1f ms; with a handover %d lost, latest %.1f ms",
                        round,
                        plan.rounds(),
                        quiet.lost(),
                        quiet.latestMs(),
                        turn.handover().lost(),
                        turn.handover().latestMs()));
            }
            return turns;
        }

        private Outcome<PacketInterval> interval(final Event event) throws IOException {
            return packets.interval(PACKETS_PER_SECOND, plan.seconds(), event);
        }

        List<Turn<StreamInterval>> streamTurns() throws IOException {
            final List<Turn<StreamInterval>> turns = new ArrayList<>();
            for (int round = 1; round <= plan.rounds(); round++) {
                final boolean isOut = 0 == round % 2;
                final StreamInterval quiet =
                        streams.interval(isOut, plan.seconds(), () -> {}).interval();
                final Outcome<StreamInterval> handover =
                        streams.interval(isOut, plan.seconds(), () -> daemon.handOver(weftd));
                final Turn<StreamInterval> turn =
                        new Turn<>(quiet, handover.interval(), handover.isWithin(), daemon.pauseMs());
                turns.add(turn);
                console.line(String.format(
                        Locale.ROOT,
                        "streams %d/%d, %s the node: without %.2f Gbit/s, %d timeouts; with a handover %.2f Gbit/s, %d timeouts",
                        round,
                        plan.rounds(),
                        isOut ? "from" : "to",
                        quiet.gigabitsPerSecond(),
                        quiet.timeouts(),
                        turn.handover().gigabitsPerSecond(),
                        turn.handover().timeouts()));
            }
            return turns;
        }

        List<Gap> gaps(final Teardown teardown) throws IOException {
            final List<Gap> gaps = new ArrayList<>();
            gaps.add(gap("none", true, List.of(() -> {})));
            gaps.add(gap("handover", true, List.of(() -> daemon.handOver(weftd))));
            final Path otherJava = plan.otherJava();
            if (null != otherJava) {
                gaps.add(gap("handover to another JVM, and back", true, toAndBack(weftd.by(otherJava))));
            }
            for (final String option : List.of("--workers=2", "--underlay-port=packet", "--pod-port=packet")) {
                gaps.add(gap("handover to " + option + ", and back", false, toAndBack(weftd.with(option))));
            }
            gaps.add(gap("SIGTERM, then a start", false, List.of(() -> daemon.stopAndStart(weftd))));
            gaps.add(gap("SIGKILL, then a start", false, List.of(() -> daemon.killAndStart(weftd))));
            daemon.end();
            final ServiceManager manager = teardown.add(overlay.manage(node, weftd));
            manager.startDaemon();
            manager.awaitReady();
            for (final String signal : List.of("TERM", "KILL")) {
                gaps.add(gap("SIG" + signal + ", then a start, with a store of descriptors", true, List.of(() -> {
                    manager.end(signal);
                    manager.startDaemon();
                    manager.awaitReady();
                })));
            }
            return gaps;
        }

        private List<Event> toAndBack(final Weftd other) {
            return List.of(() -> daemon.handOver(other), () -> daemon.handOver(weftd));
        }

        /** @param events of which each is measured so often as the plan says. */
        private Gap gap(final String restart, final boolean isLossless, final List<Event> events) throws IOException {
            console.status(restart);
            final List<Double> silencesMs = new ArrayList<>();
            long lost = 0;
            boolean isWithin = true;
            for (int round = 0; round < plan.figureRounds(); round++) {
                for (final Event event : events) {
                    final Outcome<PacketInterval> seen =
                            packets.interval(FEW_PACKETS_PER_SECOND, plan.seconds(), event);
                    silencesMs.add(seen.interval().longestSilenceMs());
                    lost += seen.interval().lost();
                    isWithin &= seen.isWithin();
                }
            }
            return new Gap(
                    restart,
                    isLossless,
                    isWithin,
                    lost,
                    Spread.of(silencesMs.stream().mapToDouble(each -> each).toArray()));
        }

        List<String> left() {
            return null == plan.otherJava()
                    ? List.of("a handover to another JVM: name one by --other-java")
                    : List.of();
        }
    }
}
