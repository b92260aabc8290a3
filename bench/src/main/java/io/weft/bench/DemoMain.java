/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.report.Console;
import io.weft.bench.report.ConsoleTable;
import io.weft.bench.traffic.Iperf;
import io.weft.bench.traffic.PeerProxy;
import io.weft.bench.traffic.Ping;
import io.weft.bench.traffic.Sockperf;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Three nodes, one overlay: every pod talks to every other, and each byte is compared where it arrives. */
@CommandLine.Command(
        name = "weft demo",
        mixinStandardHelpOptions = true,
        description = "Shows pods on three nodes reaching each other: A and B on weft, C on the kernel's VXLAN.")
public final class DemoMain implements Callable<Integer> {
    private static final List<Integer> PING_LENGTHS =
            List.of(1, 2, 15, 56, 512, 1000, 1421, 1422, 1423, 2000, 9000, 65_507);
    private static final List<Long> TCP_LENGTHS =
            List.of(1L, 2L, 1_000L, 1_397L, 1_398L, 1_399L, 65_535L, 65_536L, 1_000_003L, 32L << 20);

    /** All datagrams up to here are sent, then those of {@link #LONG_DATAGRAMS}. */
    private static final int SHORT_DATAGRAM = 1_500;

    private static final List<Integer> LONG_DATAGRAMS =
            List.of(2_000, 4_096, 8_000, 9_000, 16_384, 32_768, 65_506, PeerProxy.MAX_DATAGRAM_LENGTH);

    @Option(
            names = "--nodes",
            split = ",",
            defaultValue = "weft,weft,kernel",
            description = "What each of the three nodes runs: weft or kernel (default: ${DEFAULT-VALUE}).")
    private List<DataPlane> planes = List.of();

    @Option(names = "--seconds", defaultValue = "3", description = "Length of a measurement (default: 3).")
    private int seconds;

    @CommandLine.Mixin
    private WeftdOptions weftd = new WeftdOptions();

    private final Console console = new Console();
    private int failures;

    public static void main(final String[] args) {
        System.exit(Entry.execute(new DemoMain(), args));
    }

    @Override
    public Integer call() throws IOException {
        Entry.requireRoot();
        if (3 != planes.size() || !planes.stream().allMatch(DataPlane::isOfFlannel)) {
            throw new IllegalArgumentException(
                    "--nodes=" + planes + ": three of weft and kernel are needed, such as weft,weft,kernel");
        }
        final long startNs = System.nanoTime();
        try (Teardown teardown = new Teardown()) {
            try {
                final Lab lab = teardown.add(new Lab(Entry.labPrefix("demo")));
                lab.up(planes.size());
                teardown.add(new Overlay(lab)).start(planes, weftd.weftd());
                drawTopology();
                pairs(lab, teardown);
                measure(lab);
            } catch (final Command.CommandException | IOException ex) {
                if (teardown.isClosed()) {
                    return CommandLine.ExitCode.SOFTWARE;
                }
                throw ex;
            }
        }
        conclude((System.nanoTime() - startNs) / 1e9);
        return 0 == failures ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
    }

    private void drawTopology() {
        console.heading("Three nodes in network namespaces, one overlay");
        console.line("");
        console.line(String.format(Locale.ROOT, """
                     pod 10.244.0.2       pod 10.244.1.2       pod 10.244.2.2
                           │                    │                    │
                    ┌──────┴──────┐      ┌──────┴──────┐      ┌──────┴──────┐
                    │ A  %-8s │      │ B  %-8s │      │ C  %-8s │
                    └──────┬──────┘      └──────┬──────┘      └──────┬──────┘
                     192.168.100.1        192.168.100.2        192.168.100.3
                           └────────────────────┴────────────────────┘
                                  underlay: VXLAN, UDP port 8472""", planes.get(0), planes.get(1), planes.get(2)));
    }

    private String name(final Node node) {
        return node.letter() + " " + planes.get(node.index());
    }

    private void pairs(final Lab lab, final Teardown teardown) throws IOException {
        final List<PeerProxy> peers = new ArrayList<>();
        for (final Node node : lab.nodes()) {
            peers.add(teardown.add(PeerProxy.start(node)));
        }
        console.heading("Every pod to every other, each byte compared where it arrives");
        console.line(console.dim(String.format(
                Locale.ROOT,
                "ping: %d sizes, 1 to %d B.  TCP: %d streams, 1 B to 32 MB.  UDP: %d datagrams, 1 to %d B, and back.%n",
                PING_LENGTHS.size(),
                PING_LENGTHS.get(PING_LENGTHS.size() - 1),
                TCP_LENGTHS.size(),
                SHORT_DATAGRAM + LONG_DATAGRAMS.size(),
                PeerProxy.MAX_DATAGRAM_LENGTH)));
        for (final Node from : lab.nodes()) {
            for (final Node to : lab.nodes()) {
                if (!from.equals(to)) {
                    final PeerProxy peer = peers.get(from.index());
                    console.part(String.format(Locale.ROOT, "  %-10s →  %-10s", name(from), name(to)));
                    check("ping", () -> Ping.exchange(from, to, PING_LENGTHS));
                    check("TCP", () -> tcp(peer, to));
                    check("UDP", () -> udp(peer, to));
                    console.line("");
                }
            }
        }
    }

    private static String tcp(final PeerProxy peer, final Node to) throws IOException {
        for (final long length : TCP_LENGTHS) {
            peer.tcp(to, length);
        }
        return "";
    }

    private static String udp(final PeerProxy peer, final Node to) throws IOException {
        int repeated = peer.udp(to, 1, SHORT_DATAGRAM);
        for (final int length : LONG_DATAGRAMS) {
            repeated += peer.udp(to, length, length);
        }
        return 0 == repeated ? "" : " (" + repeated + " sent again)";
    }

    private interface Check {
        /** Does it, and returns a remark. */
        String run() throws IOException;
    }

    private void check(final String what, final Check check) {
        try {
            console.part("   " + what + " " + console.good("✓") + check.run());
        } catch (final IOException ex) {
            failures++;
            console.part("   " + what + " " + console.bad("✗ " + ex.getMessage()));
        }
    }

    private void measure(final Lab lab) throws IOException {
        console.heading("Throughput and latency");
        console.line("");
        final ConsoleTable table =
                new ConsoleTable("from → to", "TCP 1 stream", "4 streams", "UDP 64 B", "latency p50", "p99");
        measure(table, lab.node(0), lab.node(1));
        measure(table, lab.node(0), lab.node(2));
        measure(table, lab.node(2), lab.node(0));
        console.part(table.render());
    }

    private void measure(final ConsoleTable table, final Node from, final Node to) throws IOException {
        try (Iperf iperf = Iperf.start(from, to);
                Sockperf sockperf = Sockperf.start(from, to)) {
            iperf.tcp(1, 1);
            final Iperf.Tcp one = iperf.tcp(seconds, 1);
            final Iperf.Tcp four = iperf.tcp(seconds, 4);
            final Iperf.Udp udp = iperf.udp(seconds, 1, 64);
            final Sockperf.Latency latency = sockperf.pingPong(seconds);
            table.row(
                    name(from) + " → " + name(to),
                    String.format(Locale.ROOT, "%.1f Gbit/s", one.gigabitsPerSecond()),
                    String.format(Locale.ROOT, "%.1f Gbit/s", four.gigabitsPerSecond()),
                    String.format(Locale.ROOT, "%.0f kpps", udp.receivedPerSecond() / 1e3),
                    String.format(Locale.ROOT, "%.0f µs", latency.p50Us()),
                    String.format(Locale.ROOT, "%.0f µs", latency.p99Us()));
        }
    }

    private void conclude(final double elapsedS) {
        final String taken = String.format(Locale.ROOT, " Everything is taken down; %.0f s.", elapsedS);
        console.line("");
        console.line((0 == failures
                        ? console.good("All six directed pairs reached, every byte as it was sent.")
                        : console.bad(failures + " checks failed."))
                + taken);
    }
}
