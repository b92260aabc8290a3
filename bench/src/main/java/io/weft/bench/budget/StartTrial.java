/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.stats.Stopwatch;
import io.weft.bench.traffic.EchoStream;
import java.io.IOException;
import java.util.List;

/** weftd ends, is killed and has its device and its route taken away; a pod of the kernel's VXLAN notices. */
final class StartTrial implements Trial {
    private static final int ROUNDS = 5;
    private static final String NETWORK = Node.CLUSTER_NETWORK;
    private static final String DEVICE = "weft.1";

    /** What a trial has brought up: node A on weftd, node B on the kernel's VXLAN. */
    private record Running(Weftd weftd, Overlay overlay, Node node, Node peer, EchoStream echoes) {
        void awaitReady() {
            Stopwatch.secondsUntil(
                    System.nanoTime(),
                    () -> "ready in " + overlay.said(node),
                    () -> overlay.said(node).contains("ready: "));
        }

        /** From a start until packets have gone both ways. */
        double forwardsAgainSeconds() throws IOException {
            echoes.awaitSilence();
            final long startNs = System.nanoTime();
            overlay.start(node, DataPlane.WEFT, weftd);
            final double seconds = (echoes.awaitReply(startNs) - startNs) / 1e9;
            awaitReady();
            return seconds;
        }

        double startSeconds() throws IOException {
            Command.end(overlay.process(node));
            return forwardsAgainSeconds();
        }

        double resumeSeconds() throws IOException {
            Command.kill(overlay.process(node));
            return forwardsAgainSeconds();
        }

        double routeRepairSeconds() {
            final long startNs = System.nanoTime();
            ip("route", "delete", NETWORK, "dev", DEVICE);
            return Stopwatch.secondsUntil(
                    startNs,
                    () -> "a route for " + NETWORK,
                    () -> !ip("route", "show", NETWORK, "dev", DEVICE).isBlank()); // beside the guard route
        }

        double routeReplaceSeconds() {
            return Stopwatch.seconds(words("route", "replace", "198.51.100.0/24", "dev", "lo"));
        }

        /** How long the echoes stand still. */
        double deviceRepairSeconds() {
            echoes.awaitReply(System.nanoTime());
            echoes.takeLongestGapSeconds();
            ip("link", "delete", DEVICE);
            Stopwatch.secondsUntil(
                    System.nanoTime(),
                    () -> "a new device " + DEVICE,
                    () -> Command.tryRun(words("link", "show", "dev", DEVICE)).ok());
            echoes.awaitReply(System.nanoTime());
            return echoes.takeLongestGapSeconds();
        }

        double kernelDeviceSeconds() throws IOException {
            final long startNs = System.nanoTime();
            overlay.restartKernelVxlan(peer);
            return Stopwatch.secondsSince(startNs);
        }

        private String ip(final String... arguments) {
            return Command.run(words(arguments));
        }

        private List<String> words(final String... arguments) {
            return Command.words(List.of("ip", "-n", node.namespace()), arguments);
        }
    }

    @Override
    public String name() {
        return "start";
    }

    @Override
    public String subject() {
        return "weftd's start and repairs";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-start"));
        lab.up(2);
        final Overlay overlay = teardown.add(new Overlay(lab));
        overlay.start(List.of(DataPlane.WEFT, DataPlane.KERNEL), site.weftd());
        final Node node = lab.node(0);
        try (EchoStream echoes = EchoStream.start(node, lab.node(1))) {
            final Running running = new Running(site.weftd(), overlay, node, lab.node(1), echoes);
            final List<String> counters = node.inNode(
                    site.bin().resolve("weft").toString(), "counters", "--run-dir=" + overlay.runDirectory(node));
            return List.of(
                    Budgets.START.compare(ROUNDS, running::startSeconds, Nothing::seconds),
                    Budgets.RESUME.compare(ROUNDS, running::resumeSeconds, Nothing::seconds),
                    Budgets.COUNTERS.compare(ROUNDS, () -> Stopwatch.seconds(counters), Nothing::seconds),
                    Budgets.ROUTE_REPAIR.compare(ROUNDS, running::routeRepairSeconds, running::routeReplaceSeconds),
                    Budgets.DEVICE_REPAIR.compare(ROUNDS, running::deviceRepairSeconds, running::kernelDeviceSeconds));
        }
    }
}
