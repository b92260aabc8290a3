/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.stats.Heap;
import io.weft.bench.stats.Stopwatch;
import io.weft.bench.traffic.PeerProxy;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Whether packets feel what the control side does: how late those of a fixed schedule come beside it, and without it. A schedule, since who
 * waits for an answer before it sends again has one packet in a pause, however long that is.
 */
final class PauseTrial implements Trial {
    private static final int ROUNDS = 5;
    private static final int PACKETS_PER_SECOND = 2000;
    private static final int PACKETS = 2 * PACKETS_PER_SECOND;
    private static final int PAYLOAD_LENGTH = 64;
    private static final int PORT = 8081;

    /** Leases of absent nodes, but while others arrive. */
    private static final int ABSENT = 5000;
    /** So many of them go and come. */
    private static final int CHANGING = 100;

    private static final int FEW = 10;
    private static final int MANY = 10_000;

    /** A few times as long as the file registry takes for the most of them. */
    private static final long CHANGE_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(300);

    /** As a host of many Services has them: each dump prints and reads all of them, and no packet meets one. */
    private static final int RULES = 10_000;

    private static final String CHAIN = "OF-OTHERS";

    /** Asks for the metrics again and again, by the shell alone, so that no program is started meanwhile. */
    private static final String ASK_FOR_METRICS = "while :; do exec 3<>/dev/tcp/127.0.0.1/" + PORT
            + "; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; while read -r line <&3; do :; done; exec 3>&-; read -t 0.05 || :; done";

    private final List<String> remarks = new ArrayList<>();

    /** Two nodes of weft among many that are absent, and programs that talk in their pods. */
    private static final class Running {
        private final Overlay overlay;
        private final List<Node> nodes;
        private final PeerProxy sender;
        private final PeerProxy receiver;
        private final Path rules;
        /** The registry's text by how many nodes are absent, made once: that work is not the daemon's. */
        private final Map<Integer, String> leases = new HashMap<>();
        /** How often each had stood still before the trial: a start's stops are no matter of it. */
        private final Map<Node, Integer> stopsBefore = new HashMap<>();

        private int run;

        Running(
                final Overlay overlay,
                final List<Node> nodes,
                final PeerProxy sender,
                final PeerProxy receiver,
                final Path rules)
                throws IOException {
            this.overlay = overlay;
            this.nodes = nodes;
            this.sender = sender;
            this.receiver = receiver;
            this.rules = rules;
            for (final int absent : List.of(ABSENT, ABSENT - CHANGING, FEW, MANY)) {
                leases.put(absent, overlay.leasesText(absent));
            }
            for (final Node node : nodes) {
                stopsBefore.put(node, Heap.stopsMs(overlay.gcLog(node)).size());
            }
        }

        /** One of a thousand packets comes later than this. */
        double p999Seconds() throws IOException {
            run++;
            receiver.receive(run, nodes.get(0));
            final int sent = sender.send(run, nodes.get(1), PACKETS_PER_SECOND, PACKETS, PAYLOAD_LENGTH);
            return receiver.collect(sent).latencies().getValueAtPercentile(99.9) / 1e9;
        }

        /** While every lease is read again and again, and some of them change. */
        double besideLeasesSeconds() throws IOException {
            return besideChangesSeconds(ABSENT - CHANGING, ABSENT);
        }

        /** While all but a few leases come and go. */
        double besideArrivalsSeconds() throws IOException {
            return besideChangesSeconds(MANY, FEW);
        }

        private double besideChangesSeconds(final int first, final int second) throws IOException {
            follow(second);
            final AtomicBoolean isOver = new AtomicBoolean();
            final CompletableFuture<Void> changes = CompletableFuture.runAsync(() -> change(isOver, first, second));
            final double seconds;
            try {
                seconds = p999Seconds();
            } finally {
                isOver.set(true);
                await(changes);
            }
            follow(ABSENT);
            return seconds;
        }

        private void change(final AtomicBoolean isOver, final int first, final int second) {
            try {
                for (int i = 0; !isOver.get(); i++) {
                    write(0 == i % 2 ? first : second);
                    LockSupport.parkNanos(CHANGE_INTERVAL_NS);
                }
            } catch (final IOException ex) {
                throw new CompletionException(ex);
            }
        }

        private void write(final int absent) throws IOException {
            overlay.leases(leases.getOrDefault(absent, ""));
        }

        /** Changes the leases, and returns when both nodes have all of them and no other. */
        void follow(final int absent) throws IOException {
            write(absent);
            for (final Node node : nodes) {
                Stopwatch.secondsUntil(
                        System.nanoTime(),
                        () -> absent + " leases of absent nodes on node " + node.letter(),
                        () -> isKnown(node, absent - 1) && !isKnown(node, absent));
            }
        }

        /** Whether a node has the lease of an absent one, which are counted from 0. */
        private boolean isKnown(final Node node, final int absent) {
            final Node other = new Node(nodes.size() + absent, "", "");
            try {
                return ControlSocket.ask(
                                overlay.runDirectory(node).resolve("weft.1.sock"), "explain " + other.podAddress())
                        .contains(other.vtepMac());
            } catch (final IOException ex) {
                throw new UncheckedIOException(ex);
            }
        }

        private static void await(final CompletableFuture<Void> changes) throws IOException {
            try {
                changes.get();
            } catch (final ExecutionException ex) {
                throw new IOException("change leases: " + ex.getCause(), ex);
            } catch (final InterruptedException ex) {
                Thread.currentThread().interrupt();
            }
        }

        /** While the metrics of one node are asked for. */
        double besideMetricsSeconds() throws IOException {
            final Process asking = Command.converse(nodes.get(0).inNode("bash", "-c", ASK_FOR_METRICS));
            try {
                return p999Seconds();
            } finally {
                Command.end(asking);
            }
        }

        /** While both nodes have their firewalls' rules printed once a second, which are many. */
        double besideRulesSeconds() throws IOException {
            for (final Node node : nodes) {
                Command.run(node.inNode("iptables-restore", "--noflush", rules.toString()));
            }
            try {
                return p999Seconds();
            } finally {
                for (final Node node : nodes) {
                    Command.run(node.inNode("iptables", "-F", CHAIN));
                    Command.run(node.inNode("iptables", "-X", CHAIN));
                }
            }
        }

        /** For how long all threads of the daemons stood still, in ms. */
        List<Double> stopsMs() throws IOException {
            final List<Double> stops = new ArrayList<>();
            for (final Node node : nodes) {
                Heap.stopsMs(overlay.gcLog(node)).stream()
                        .skip(stopsBefore.getOrDefault(node, 0))
                        .forEach(stops::add);
            }
            return stops;
        }

        /** The daemons' memory, now or at the most, of that which has more. */
        double residentMebibytes(final boolean isPeak) throws IOException {
            double most = 0;
            for (final Node node : nodes) {
                final long pid = overlay.process(node).pid();
                most = Math.max(most, isPeak ? Resident.peakMebibytes(pid) : Resident.mebibytes(pid));
            }
            return most;
        }
    }

    @Override
    public String name() {
        return "pauses";
    }

    @Override
    public String subject() {
        return "packets beside what the control side does";
    }

    /** For who compares collectors and heaps. */
    @Override
    public List<String> remarks() {
        return List.copyOf(remarks);
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-pause"));
        lab.up(2);
        final Overlay overlay = teardown.add(new Overlay(lab, ABSENT));
        overlay.start(
                List.of(DataPlane.WEFT, DataPlane.WEFT),
                site.weftd().with("--healthz-port=" + PORT).with("--iptables-resync=1"));
        lab.nodes().forEach(overlay::awaitReady); // else it would be of the rehearsal
        final Running running = new Running(
                overlay,
                lab.nodes(),
                teardown.add(PeerProxy.start(lab.node(0))),
                teardown.add(PeerProxy.start(lab.node(1))),
                Files.writeString(teardown.add(new Workspace()).path().resolve("rules"), rules()));
        final List<Finding> findings = Budget.compareAll(
                ROUNDS,
                List.of(
                        new Budget.Judged(Budgets.LATE_BESIDE_LEASES, running::besideLeasesSeconds),
                        new Budget.Judged(Budgets.LATE_BESIDE_ARRIVALS, running::besideArrivalsSeconds),
                        new Budget.Judged(Budgets.LATE_BESIDE_RULES, running::besideRulesSeconds),
                        new Budget.Judged(Budgets.LATE_BESIDE_METRICS, running::besideMetricsSeconds)),
                running::p999Seconds);
        remark(running);
        return findings;
    }

    private void remark(final Running running) throws IOException {
        final List<Double> stops = running.stopsMs();
        remarks.add(String.format(
                Locale.ROOT,
                "all threads of a weftd stood still %d times, for %.1f ms at the longest; it has %.0f MiB in memory, and had %.0f at the most",
                stops.size(),
                stops.stream().mapToDouble(Double::doubleValue).max().orElse(0),
                running.residentMebibytes(false),
                running.residentMebibytes(true)));
    }

    /** What iptables-restore takes. */
    private static String rules() {
        return IntStream.range(0, RULES)
                .mapToObj(i -> "-A " + CHAIN + " -d 172.16." + i / 256 + '.' + i % 256
                        + "/32 -p tcp -m comment --comment \"default/service-" + i + ":http\" -j ACCEPT\n")
                .collect(Collectors.joining("", "*filter\n:" + CHAIN + " - [0:0]\n", "COMMIT\n"));
    }
}
