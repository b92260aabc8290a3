/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Bystander;
import io.weft.bench.lab.Node;
import io.weft.bench.traffic.Iperf;
import io.weft.bench.traffic.KernelCounters;
import io.weft.bench.traffic.Ping;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What one pod feels while another of its node sends UDP in two streams as fast as it can: echoes between two bystanders. Each stream has a
 * program of its own, so that they keep two processors busy.
 */
final class Flood {
    /** The flood goes on for so much longer than the echoes take, so that it covers them and those that are waited for. */
    private static final double MARGIN_S = 2;

    /** So many datagrams have come when the flood has begun: no longer those by which iperf3 sets the streams up. */
    private static final long BEGUN = 100;

    /** Each look for them starts a process. */
    private static final long POLL_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final Iperf iperf;
    private final PeerPair peers;
    private final Node to;
    private final Bystander near;
    private final Bystander far;

    Flood(final Iperf iperf, final PeerPair peers, final Node to, final Bystander near, final Bystander far) {
        this.iperf = iperf;
        this.peers = peers;
        this.to = to;
        this.near = near;
        this.far = far;
    }

    /**
     * A pairing that answers no echo beside the flood has a share of answers, zero, and no latencies.
     *
     * @throws IOException if an echo is not answered without the flood either.
     */
    Map<Metric, Double> measure(final double seconds, final int payloadLength) throws IOException {
        Ping.once(near, far);
        final long before = received();
        final CompletableFuture<Iperf.Udp> flood = begin(() -> iperf.udp(seconds + 2 * MARGIN_S, 1, payloadLength));
        while (received() - before < BEGUN && !flood.isDone()) {
            LockSupport.parkNanos(POLL_INTERVAL_NS);
        }
        final CompletableFuture<Double> more =
                begin(() -> peers.flowDatagramsPerSecond(1, payloadLength, seconds + MARGIN_S));
        final Ping.Echoes echoes = Ping.scheduled(near, far, seconds);
        final double moreReceived = join(more);
        final Iperf.Udp udp = join(flood);
        return values(echoes, udp.receivedPerSecond() + moreReceived);
    }

    static Map<Metric, Double> values(final Ping.Echoes echoes, final double receivedPerSecond) {
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        values.put(Metric.ANSWERED_PERCENT, echoes.answeredPercent());
        values.put(Metric.RECEIVED_PER_SECOND, receivedPerSecond);
        if (0 != echoes.roundTripsNs().getTotalCount()) {
            values.put(Metric.P50_US, echoes.roundTripsNs().getValueAtPercentile(50) / 1e3);
            values.put(Metric.P99_US, echoes.roundTripsNs().getValueAtPercentile(99) / 1e3);
        }
        return values;
    }

    private long received() {
        return KernelCounters.ofPod(to, "snmp", "Udp", "InDatagrams");
    }

    private interface Sending<T> {
        T run() throws IOException;
    }

    /** On a thread of its own, for all wait for what they do. */
    private static <T> CompletableFuture<T> begin(final Sending<T> sending) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return sending.run();
                    } catch (final IOException ex) {
                        throw new UncheckedIOException(ex);
                    }
                },
                task -> new Thread(task, "weft-flood").start());
    }

    private static <T> T join(final CompletableFuture<T> flood) throws IOException {
        try {
            return flood.join();
        } catch (final CompletionException ex) {
            if (ex.getCause() instanceof UncheckedIOException failure) {
                throw failure.getCause();
            }
            throw ex;
        }
    }
}
