/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Checks the way to each peer, once in an interval, on a thread of its own: a few long packets through the overlay to each, and more only to
 * those that do not answer all. Who the peers are it reads from the tables on record, so that the control thread has no part in it but to say
 * what has changed: those are asked before their turn, as are those that were not well.
 */
public final class PeerMonitor implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PeerMonitor.class.getName());

    /** 5000 peers are asked within two minutes, by about 70 KB a second. */
    private static final int PER_SECOND = 50;

    /** Of each way, where there are few: so that losses are seen which are not of each packet. */
    private static final int QUESTIONS_MAX = 10;

    private static final long END_PATIENCE_MS = 5_000;

    /** A node has its lease before it has its device, and changes seldom come alone. */
    private static final long SETTLE_NS = TimeUnit.SECONDS.toNanos(2);

    /** Told of what was found; on the monitor's thread. */
    public interface Sink {
        /**
         * Called for each peer.
         *
         * @param changes as {@link PeerMonitor#changed} had told it when the way was found.
         * @param pathMtu bytes that the underlay carries; 0 where that was not asked.
         */
        void accept(String device, IpAddress peer, long changes, PathCheck check, int pathMtu);
    }

    private final Path runDirectory;
    private final List<String> devices;
    private final ProbedTunnel tunnel;
    private final IntSupplier podMtu;
    private final long intervalMs;
    private final Sink sink;
    private final PeerLog log = new PeerLog();
    private final PeerDoubts doubts;
    private final PeerAgenda agenda = new PeerAgenda();
    private volatile int known;
    private String told = "";
    private final Thread thread = new Thread(this::run, "weft-peers");

    private PeerMonitor(
            final Path runDirectory,
            final List<String> devices,
            final ProbedTunnel tunnel,
            final IntSupplier podMtu,
            final long intervalMs,
            final Sink sink) {
        this.runDirectory = runDirectory;
        this.devices = List.copyOf(devices);
        this.tunnel = tunnel;
        this.podMtu = podMtu;
        this.intervalMs = intervalMs;
        this.sink = sink;
        doubts = new PeerDoubts(log, TimeUnit.MILLISECONDS.toNanos(intervalMs));
    }

    /**
     * Starts it; the first check of all comes after an interval.
     *
     * @param runDirectory where the tables are on record.
     * @param devices that peers are behind.
     * @param tunnel to them.
     * @param podMtu bytes of pods' packets, asked from the monitor's thread.
     */
    public static PeerMonitor start(
            final Path runDirectory,
            final List<String> devices,
            final ProbedTunnel tunnel,
            final IntSupplier podMtu,
            final long intervalMs,
            final Sink sink) {
        final PeerMonitor monitor = new PeerMonitor(runDirectory, devices, tunnel, podMtu, intervalMs, sink);
        monitor.thread.setDaemon(true);
        monitor.thread.start();
        return monitor;
    }

    /**
     * The tables of a device are on record; from any thread. All nodes hear of a new one at the same time: the more there are, the more time
     * they take until they ask it.
     *
     * @param peers whose ways are new, or others than they were.
     * @param changes how many there were of the device until now.
     */
    public void changed(final String device, final Set<IpAddress> peers, final long changes) {
        final long spreadNs = TimeUnit.SECONDS.toNanos(Math.max(known, peers.size())) / PER_SECOND;
        agenda.changed(
                device, peers, changes, SETTLE_NS + ThreadLocalRandom.current().nextLong(1 + spreadNs));
    }

    private void run() {
        final long intervalNs = TimeUnit.MILLISECONDS.toNanos(intervalMs);
        long allNs = System.nanoTime() + intervalNs;
        try {
            while (true) {
                final Map<String, Set<IpAddress>> changed = agenda.await(doubts.nextNs(allNs));
                final boolean isAll = System.nanoTime() - allNs >= 0;
                attempt(isAll, changed);
                if (isAll) {
                    allNs = System.nanoTime() + intervalNs;
                }
            }
        } catch (final InterruptedException closed) {
            // the node is taken down
        }
    }

    /** @param due those whose ways have changed; who could not be asked is due again. */
    private void attempt(final boolean isAll, final Map<String, Set<IpAddress>> due) throws InterruptedException {
        try {
            if (isAll) {
                ask(probe -> {
                    for (final String device : devices) {
                        check(probe, device, peer -> true);
                    }
                });
            } else if (!due.isEmpty()) {
                ask(probe -> {
                    for (final Map.Entry<String, Set<IpAddress>> each : due.entrySet()) {
                        check(probe, each.getKey(), each.getValue()::contains);
                    }
                });
            } else {
                askDoubtful();
            }
            told = "";
        } catch (final RuntimeException | Error failure) { // whatever it is, packets go on
            doubts.checked();
            due.forEach((device, peers) -> changed(device, peers, agenda.changes(device)));
            final String found =
                    failure instanceof RuntimeException ? String.valueOf(failure.getMessage()) : failure.toString();
            if (!found.equals(told) && !Thread.currentThread().isInterrupted()) { // closed is no failure
                LOG.log(WARNING, "{0}. Peers are not checked meanwhile", found);
            }
            told = found;
        }
    }

    private interface Questions {
        void ask(PathProbe probe) throws InterruptedException;
    }

    private void ask(final Questions questions) throws InterruptedException {
        try (PathProbe probe = PathProbe.open(tunnel, podMtu.getAsInt(), PER_SECOND)) {
            questions.ask(probe);
        }
        doubts.checked();
    }

    private List<PeerPath> paths(final String device) {
        return PeerPath.of(new DeviceRecord(device, runDirectory, runDirectory.resolve(device)));
    }

    /** One question to each that was not well; what it is now, is found out of those that answer. */
    private void askDoubtful() throws InterruptedException {
        final Map<String, List<PeerPath>> all = new LinkedHashMap<>();
        devices.forEach(device -> all.put(device, paths(device)));
        if (!doubts.areDue(all, tunnel)) {
            return;
        }
        ask(probe -> {
            for (final Map.Entry<String, List<PeerPath>> device : all.entrySet()) {
                final List<PeerPath> doubtful = doubts.of(device.getKey(), device.getValue());
                final Set<IpAddress> silent = silent(doubtful, probe.roundTripsNs(doubtful, 1)).stream()
                        .map(PeerPath::peer)
                        .collect(Collectors.toSet());
                final Set<IpAddress> well = doubtful.stream()
                        .map(PeerPath::peer)
                        .filter(peer -> !silent.contains(peer))
                        .collect(Collectors.toSet());
                if (!well.isEmpty()) {
                    check(probe, device.getKey(), well::contains);
                }
            }
        });
    }

    private static List<PeerPath> silent(final List<PeerPath> paths, final long[] rttsNs) {
        return IntStream.range(0, rttsNs.length)
                .filter(i -> rttsNs[i] < 0)
                .mapToObj(paths::get)
                .toList();
    }

    private void check(final PathProbe probe, final String device, final Predicate<IpAddress> isAsked)
            throws InterruptedException {
        final long changes = agenda.changes(device); // before the tables, which may have more of them
        final List<PeerPath> all = paths(device);
        known = all.size();
        final List<PeerPath> paths =
                all.stream().filter(path -> isAsked.test(path.peer())).toList();
        final Round round = new Round(device, changes);
        final long[] rttsNs = probe.roundTripsNs(paths, questions(all.size()));
        final List<PeerPath> silent = silent(paths, rttsNs);
        final Set<IpAddress> unsure = silent.stream().map(PeerPath::peer).collect(Collectors.toSet());
        for (int i = 0; i < rttsNs.length; i++) {
            if (!unsure.contains(paths.get(i).peer())) {
                round.tell(paths.get(i).peer(), PathState.OK, rttsNs[i], 0);
            }
        }
        look(probe, round, silent);
        log.checked(device, all.stream().map(PeerPath::peer).collect(Collectors.toSet()), round.states);
    }

    /** All nodes together ask each of them about once a second, which limits on pings let pass. */
    private int questions(final int ways) {
        return (int)
                Math.max(1, Math.min(QUESTIONS_MAX, TimeUnit.MILLISECONDS.toSeconds(intervalMs) / Math.max(1, ways)));
    }

    private void look(final PathProbe probe, final Round round, final List<PeerPath> silent)
            throws InterruptedException {
        final List<PathResult> answering = new ArrayList<>();
        for (int from = 0; from < silent.size(); from += PathProbe.WAYS) {
            // How long packets may be, and what is lost, is searched for the first of them alone: a fabric that has
            // changed is the same for all. Of others that answer nothing new is known.
            final boolean isExact = 0 == from;
            final int to = Math.min(silent.size(), from + PathProbe.WAYS);
            for (final PathResult result : probe.probe(silent.subList(from, to), isExact)) {
                if (isExact && (PathState.OK == result.state() || PathState.LOSS == result.state())) {
                    answering.add(result);
                } else if (PathState.OK != result.state()) {
                    round.tell(result, isExact);
                }
            }
        }
        for (final PathResult result : probe.withLosses(answering)) {
            round.tell(result, true);
        }
    }

    /** One check of peers of a device: what was found of each, by the ways as they were at its begin. */
    private final class Round {
        private final String device;
        private final long changes;
        private final Map<IpAddress, PathState> states = new HashMap<>();

        Round(final String device, final long changes) {
            this.device = device;
            this.changes = changes;
        }

        /** A peer with several subnets is as well as the way to the worst of them. */
        void tell(final PathResult result, final boolean isExact) {
            final IpAddress peer = result.path().peer();
            if (!states.containsKey(peer) || PathState.OK != result.state()) {
                tell(peer, result.state(), Math.max(0, result.overlayRttNs()), isExact ? result.fabricMtu() : 0);
            }
        }

        void tell(final IpAddress peer, final PathState state, final long rttNs, final int pathMtu) {
            if (!agenda.isChangedSince(device, peer, changes)) { // else it is asked anew
                states.put(peer, state);
                sink.accept(device, peer, changes, new PathCheck(state, System.currentTimeMillis(), rttNs), pathMtu);
            }
        }
    }

    @Override
    public void close() {
        thread.interrupt();
        TakeDown.await(thread, END_PATIENCE_MS);
    }
}
