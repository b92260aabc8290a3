/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.traffic.PeerProxy;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

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

    /** So many of the leases go and come. */
    private static final int CHANGING = 100;

    /** Longer than the quiet that the file registry waits for. */
    private static final long CHANGE_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(300);

    /** Asks for the metrics again and again, by the shell alone, so that no program is started meanwhile. */
    private static final String ASK_FOR_METRICS = "while :; do exec 3<>/dev/tcp/127.0.0.1/" + PORT
            + "; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; while read -r line <&3; do :; done; exec 3>&-; read -t 0.05 || :; done";

    /** Two nodes of weft among many that are absent, and programs that talk in their pods. */
    private static final class Running {
        private final Overlay overlay;
        private final Node from;
        private final Node to;
        private final PeerProxy sender;
        private final PeerProxy receiver;
        private int run;

        Running(
                final Overlay overlay,
                final Node from,
                final Node to,
                final PeerProxy sender,
                final PeerProxy receiver) {
            this.overlay = overlay;
            this.from = from;
            this.to = to;
            this.sender = sender;
            this.receiver = receiver;
        }

        /** One of a thousand packets comes later than this. */
        double p999Seconds() throws IOException {
            run++;
            receiver.receive(run, from);
            final int sent = sender.send(run, to, PACKETS_PER_SECOND, PACKETS, PAYLOAD_LENGTH);
            return receiver.collect(sent).latencies().getValueAtPercentile(99.9) / 1e9;
        }

        /** While every lease is read again and again, and some of them change. */
        double besideLeasesSeconds() throws IOException {
            final AtomicBoolean isOver = new AtomicBoolean();
            final CompletableFuture<Void> changes = CompletableFuture.runAsync(() -> change(isOver));
            try {
                return p999Seconds();
            } finally {
                isOver.set(true);
                await(changes);
            }
        }

        private void change(final AtomicBoolean isOver) {
            try {
                for (int i = 0; !isOver.get(); i++) {
                    overlay.leases(Overlay.MAX_ABSENT_NODES - i % 2 * CHANGING);
                    LockSupport.parkNanos(CHANGE_INTERVAL_NS);
                }
            } catch (final IOException ex) {
                throw new CompletionException(ex);
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

        /** While the metrics of one node are asked for, with a series for each peer. */
        double besideMetricsSeconds() throws IOException {
            final Process asking = Command.converse(from.inNode("bash", "-c", ASK_FOR_METRICS));
            try {
                return p999Seconds();
            } finally {
                Command.end(asking);
            }
        }
    }

    @Override
    public String subject() {
        return "packets beside what the control side does";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Lab lab = teardown.add(new Lab(site.labPrefix() + "-pause"));
        lab.up(2);
        final Overlay overlay = teardown.add(new Overlay(lab, Overlay.MAX_ABSENT_NODES));
        overlay.start(List.of(DataPlane.WEFT, DataPlane.WEFT), site.weftd().with("--healthz-port=" + PORT));
        final Node from = lab.node(0);
        final Node to = lab.node(1);
        final Running running =
                new Running(overlay, from, to, teardown.add(PeerProxy.start(from)), teardown.add(PeerProxy.start(to)));
        return List.of(
                Budgets.LATE_BESIDE_LEASES.compare(ROUNDS, running::besideLeasesSeconds, running::p999Seconds),
                Budgets.LATE_BESIDE_METRICS.compare(ROUNDS, running::besideMetricsSeconds, running::p999Seconds));
    }
}
