/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Weftd;
import io.weft.overlay.options.WeftdCommandLine;
import java.io.IOException;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** One change after another: of leases and of routes on all nodes, of weftd itself on the first. */
final class Upheavals {
    private static final int LEASES_MAX = 200;
    private static final long HANDOVER_LIMIT_MS = TimeUnit.MINUTES.toMillis(2);

    /** What may happen. */
    private enum Kind {
        /** Leases of nodes that are not there come and go. */
        LEASES,
        /** Somebody removes the route into the tunnel. */
        ROUTE,
        /** A second weftd takes the place of the first. */
        HANDOVER,
        /** weftd ends by SIGTERM, and is started again. */
        RESTART,
        /** weftd ends by SIGKILL, and is started again. */
        KILL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Overlay overlay;
    private final Node changed;
    private final List<Node> routed;
    private final Weftd weftd;
    private final Random random;
    private final Map<Kind, Integer> counts = new EnumMap<>(Kind.class);
    private List<Kind> round = List.of();
    private int next;

    Upheavals(final Lab lab, final Overlay overlay, final Weftd weftd, final long seed) {
        this.overlay = overlay;
        this.weftd = weftd;
        changed = lab.node(0);
        routed = overlay.userspaceNodes();
        random = new Random(seed);
    }

    /**
     * Makes the next change, of which each kind comes once in each round, and waits until every pod reaches every other.
     *
     * @throws Command.CommandException if that does not come.
     */
    void next() throws IOException {
        if (next == round.size()) {
            round = List.of(Kind.values()).stream().collect(Collectors.toList());
            Collections.shuffle(round, random);
            next = 0;
        }
        final Kind kind = round.get(next++);
        switch (kind) {
            case LEASES -> overlay.leases(random.nextInt(LEASES_MAX));
            case ROUTE -> {
                final Node node = routed.get(random.nextInt(routed.size()));
                Command.tryRun(node.inNode("ip", "route", "delete", Node.CLUSTER_NETWORK, "dev", "weft.1"));
            }
            case HANDOVER -> handOver();
            case RESTART -> {
                Command.end(overlay.process(changed));
                overlay.start(changed, DataPlane.WEFT, weftd);
            }
            case KILL -> {
                Command.kill(overlay.process(changed));
                overlay.start(changed, DataPlane.WEFT, weftd);
            }
        }
        counts.merge(kind, 1, Integer::sum);
        overlay.awaitReachable();
    }

    private void handOver() throws IOException {
        final Process former = overlay.process(changed);
        overlay.start(changed, DataPlane.WEFT, weftd);
        try {
            if (!former.waitFor(HANDOVER_LIMIT_MS, TimeUnit.MILLISECONDS)) {
                throw new Command.CommandException(
                        "the first weftd goes on though a second was started: " + overlay.said(changed));
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new Command.CommandException("interrupted");
        }
        if (WeftdCommandLine.EXIT_HANDED_OVER != former.exitValue()) {
            throw new Command.CommandException(
                    "a handover ended with " + former.exitValue() + ": " + overlay.said(changed));
        }
    }

    @Override
    public String toString() {
        return counts.toString();
    }
}
