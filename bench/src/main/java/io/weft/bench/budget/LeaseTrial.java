/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.stats.Stopwatch;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A node in a cluster of 10 000 others: its start, its memory, and how soon a change is in its tables. */
final class LeaseTrial implements Trial {
    private static final int STARTS = 3;
    private static final int CHANGES = 10;
    /** The leases that change lie far apart. */
    private static final int CHANGE_STEP = 911;

    /** How the leases come to the daemon, and what that costs others. */
    interface Source extends AutoCloseable {
        /** The option that tells weftd where they are. */
        String option();

        /** Writes a lease; it is written when this returns. */
        void put(String key, String value) throws IOException;

        /** Reads it by other means. */
        double referenceSeconds(String key) throws IOException;

        @Override
        void close();
    }

    /** Puts leases where a source has them. */
    @FunctionalInterface
    interface Opening {
        Source open(Node node, Path directory, Leases leases) throws IOException;
    }

    /** The budgets of a source. */
    private record Judged(Budget ready, Budget change, Budget peak) {}

    private final String place;
    private final String lack;
    private final Opening opening;
    private final Judged judged;
    private int changes;

    private LeaseTrial(final String place, final String lack, final Opening opening, final Judged judged) {
        this.place = place;
        this.lack = lack;
        this.opening = opening;
        this.judged = judged;
    }

    static Trial inFile() {
        return new LeaseTrial(
                "file", "", FileSource::new, new Judged(Budgets.FILE_READY, Budgets.FILE_CHANGE, Budgets.FILE_PEAK));
    }

    static Trial inEtcd() {
        return new LeaseTrial(
                "etcd",
                EtcdSource.isInstalled() ? "" : "it needs Debian's etcd-server and etcd-client",
                EtcdSource::new,
                new Judged(Budgets.ETCD_READY, Budgets.ETCD_CHANGE, Budgets.ETCD_PEAK));
    }

    @Override
    public String name() {
        return place;
    }

    @Override
    public String subject() {
        return Leases.COUNT + " leases by " + place;
    }

    @Override
    public String lack() {
        return lack;
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-" + place));
        lab.up(2);
        final Node node = lab.node(0);
        final Path directory = teardown.add(new Workspace()).path();
        final Leases leases = new Leases(lab.nodes());
        final Source source = teardown.add(opening.open(node, directory, leases));
        final Daemon daemon = teardown.add(new Daemon(site.weftd(), node, source.option(), directory));
        final List<Finding> findings = new ArrayList<>();
        final double[] peaks = new double[1];
        findings.add(judged.ready.compare(
                STARTS,
                () -> {
                    final double seconds = daemon.startSeconds();
                    daemon.requireVia(Leases.pod(Leases.COUNT - 2), Leases.mac(Leases.COUNT - 2, 0));
                    return seconds;
                },
                Nothing::seconds));
        findings.add(judged.change.compare(
                CHANGES, () -> changeSeconds(daemon, source), () -> source.referenceSeconds(Leases.key(0))));
        findings.add(judged.peak.compare(1, () -> peaks[0] = daemon.peakMebibytes(), Nothing::peakMebibytes));
        return findings;
    }

    private double changeSeconds(final Daemon daemon, final Source source) throws IOException {
        changes++;
        final int index = changes * CHANGE_STEP % (Leases.COUNT - 1);
        final String mac = Leases.mac(index, changes);
        source.put(Leases.key(index), Leases.value(index, changes));
        final long startNs = System.nanoTime();
        return Stopwatch.secondsUntil(
                startNs,
                () -> mac + " in " + daemon.explain(Leases.pod(index)),
                () -> daemon.explain(Leases.pod(index)).contains(mac));
    }

    /** weftd on the node, started again and again. */
    private static final class Daemon implements AutoCloseable {
        private final Weftd weftd;
        private final Node node;
        private final String registry;
        private final Path directory;
        private Process process;

        Daemon(final Weftd weftd, final Node node, final String registry, final Path directory) {
            this.weftd = weftd;
            this.node = node;
            this.registry = registry;
            this.directory = directory;
            process = weftd.start(node, registry, directory);
        }

        synchronized double startSeconds() throws IOException {
            Command.end(process);
            final Path log = Weftd.log(directory, node);
            Files.deleteIfExists(log);
            final long startNs = System.nanoTime();
            process = weftd.start(node, registry, directory);
            return Stopwatch.secondsUntil(
                    startNs, () -> "ready in " + read(log), () -> read(log).contains("ready: "));
        }

        double peakMebibytes() throws IOException {
            return Resident.peakMebibytes(process.pid());
        }

        String explain(final String address) {
            try {
                return ControlSocket.ask(
                        Weftd.runDirectory(directory, node).resolve("weft.1.sock"), "explain " + address);
            } catch (final IOException ex) {
                throw new UncheckedIOException(ex);
            }
        }

        void requireVia(final String address, final String mac) {
            final String explanation = explain(address);
            if (!explanation.contains(mac)) {
                throw new Command.CommandException(mac + " is not in: " + explanation);
            }
        }

        private static String read(final Path log) {
            try {
                return Files.exists(log) ? Files.readString(log) : "";
            } catch (final IOException ex) {
                throw new UncheckedIOException(ex);
            }
        }

        @Override
        public void close() {
            Command.end(process);
        }
    }
}
