/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.DataPlane;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Weftd;
import io.weft.bench.stats.Stopwatch;
import io.weft.overlay.options.WeftdCommandLine;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The weftd of one node, which is started anew in several ways. */
final class Daemon {
    private static final Pattern PAUSE = Pattern.compile("forwards in the place of .* after ([0-9.]+) ms");

    private final Overlay overlay;
    private final Node node;

    Daemon(final Overlay overlay, final Node node) {
        this.overlay = overlay;
        this.node = node;
    }

    /** Has another take its place, and waits until that is ready and this one has ended. */
    void handOver(final Weftd successor) throws IOException {
        final Process former = overlay.process(node);
        overlay.start(node, DataPlane.WEFT, successor);
        awaitReady();
        Stopwatch.secondsUntil(System.nanoTime(), () -> "the end of the former weftd", () -> !former.isAlive());
        if (WeftdCommandLine.EXIT_HANDED_OVER != former.exitValue()) {
            throw new Command.CommandException("the former weftd ended with status " + former.exitValue());
        }
    }

    /** For how long no daemon forwarded at the last handover. */
    double pauseMs() {
        final Matcher pause = PAUSE.matcher(overlay.said(node));
        if (!pause.find()) {
            throw new Command.CommandException("weftd tells of no handover: " + overlay.said(node));
        }
        return Double.parseDouble(pause.group(1));
    }

    /** Has it take its node down, and starts another. */
    void stopAndStart(final Weftd successor) throws IOException {
        Command.end(overlay.process(node));
        overlay.start(node, DataPlane.WEFT, successor);
        awaitReady();
    }

    /** Kills it, and starts another. */
    void killAndStart(final Weftd successor) throws IOException {
        Command.kill(overlay.process(node));
        overlay.start(node, DataPlane.WEFT, successor);
        awaitReady();
    }

    /** Ends it for good. */
    void end() {
        Command.end(overlay.process(node));
    }

    private void awaitReady() {
        Stopwatch.secondsUntil(System.nanoTime(), () -> "ready in " + overlay.said(node), () -> {
            if (!overlay.process(node).isAlive()) {
                throw new Command.CommandException("weftd has ended: " + overlay.said(node));
            }
            return overlay.said(node).contains("ready: ");
        });
    }
}
