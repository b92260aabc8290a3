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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Checks the way to each peer, once in an interval, on a thread of its own: a few long packets through the overlay to each, and more only to
 * those that do not answer all. Who the peers are it reads from the tables on record, so that the control thread has no part in it.
 */
public final class PeerMonitor implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PeerMonitor.class.getName());

    /** 5000 peers are asked within two minutes, by about 70 KB a second. */
    private static final int PER_SECOND = 50;

    /** Of each way, where there are few: so that losses are seen which are not of each packet. */
    private static final int QUESTIONS_MAX = 10;

    private static final long END_PATIENCE_MS = 5_000;

    /** Told of what was found; on the monitor's thread. */
    public interface Sink {
        /**
         * Called for each peer.
         *
         * @param pathMtu bytes that the underlay carries; 0 where that was not asked.
         */
        void accept(String device, IpAddress peer, PathCheck check, int pathMtu);
    }

    private final Path runDirectory;
    private final List<String> devices;
    private final ProbedTunnel tunnel;
    private final IntSupplier podMtu;
    private final long intervalMs;
    private final Sink sink;
    private final PeerLog log = new PeerLog();
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
    }

    /**
     * Starts it; the first check comes after an interval.
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

    private void run() {
        String told = "";
        try {
            while (true) {
                Thread.sleep(intervalMs);
                try (PathProbe probe = PathProbe.open(tunnel, podMtu.getAsInt(), PER_SECOND)) {
                    for (final String device : devices) {
                        check(probe, device);
                    }
                    told = "";
                } catch (final RuntimeException | Error failure) { // whatever it is, packets go on
                    final String found = failure instanceof RuntimeException
                            ? String.valueOf(failure.getMessage())
                            : failure.toString();
                    if (!found.equals(told) && !Thread.currentThread().isInterrupted()) { // closed is no failure
                        LOG.log(WARNING, "{0}. Peers are not checked meanwhile", found);
                    }
                    told = found;
                }
            }
        } catch (final InterruptedException closed) {
            // the node is taken down
        }
    }

    private void check(final PathProbe probe, final String device) throws InterruptedException {
        final List<PeerPath> paths = PeerPath.of(new DeviceRecord(device, runDirectory, runDirectory.resolve(device)));
        final long[] rttsNs = probe.roundTripsNs(paths, questions(paths.size()));
        final List<PeerPath> silent = IntStream.range(0, rttsNs.length)
                .filter(i -> rttsNs[i] < 0)
                .mapToObj(paths::get)
                .toList();
        final Map<IpAddress, PathState> states = new HashMap<>();
        final Set<IpAddress> unsure = silent.stream().map(PeerPath::peer).collect(Collectors.toSet());
        for (int i = 0; i < rttsNs.length; i++) {
            if (!unsure.contains(paths.get(i).peer())) {
                sink.accept(device, paths.get(i).peer(), found(PathState.OK, rttsNs[i]), 0);
                states.put(paths.get(i).peer(), PathState.OK);
            }
        }
        look(probe, device, silent, states);
        log.checked(device, states);
    }

    /** All nodes together ask each of them about once a second, which limits on pings let pass. */
    private int questions(final int ways) {
        return (int)
                Math.max(1, Math.min(QUESTIONS_MAX, TimeUnit.MILLISECONDS.toSeconds(intervalMs) / Math.max(1, ways)));
    }

    /** A peer with several subnets is as well as the way to the worst of them. */
    private void look(
            final PathProbe probe,
            final String device,
            final List<PeerPath> silent,
            final Map<IpAddress, PathState> states)
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
                    tell(device, result, isExact, states);
                }
            }
        }
        for (final PathResult result : probe.withLosses(answering)) {
            tell(device, result, true, states);
        }
    }

    private void tell(
            final String device,
            final PathResult result,
            final boolean isExact,
            final Map<IpAddress, PathState> states) {
        final IpAddress peer = result.path().peer();
        if (!states.containsKey(peer) || PathState.OK != result.state()) {
            states.put(peer, result.state());
            sink.accept(
                    device,
                    peer,
                    found(result.state(), Math.max(0, result.overlayRttNs())),
                    isExact ? result.fabricMtu() : 0);
        }
    }

    private static PathCheck found(final PathState state, final long rttNs) {
        return new PathCheck(state, System.currentTimeMillis(), rttNs);
    }

    @Override
    public void close() {
        thread.interrupt();
        TakeDown.await(thread, END_PATIENCE_MS);
    }
}
