/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.handover.Description;
import io.weft.overlay.handover.HandoverServer;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.TakeDown;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;

/**
 * The sockets by which commands ask about a node and another daemon asks for its place. They are opened when packets are forwarded, since
 * that takes as long as a tenth of a start; where no lease comes for so long, without. Used by the control thread alone.
 */
final class NodeAnswers implements AutoCloseable {
    /** Longer than a start needs whose registry answers at once. */
    private static final long PATIENCE_MS = 200;

    private final Collection<PacketSource> sources;
    private final Path runDirectory;
    private final NetworkConfig config;
    private final LeaseKey own;
    private final ControlLoop loop;
    private final RunningNode running;
    private final Deque<AutoCloseable> undo = new ArrayDeque<>();
    private boolean isOpen;

    /** To be opened by the loop, unless it is done before. */
    NodeAnswers(
            final Collection<PacketSource> sources,
            final Path runDirectory,
            final NetworkConfig config,
            final LeaseKey own,
            final ControlLoop loop,
            final RunningNode running) {
        this.sources = sources;
        this.runDirectory = runDirectory;
        this.config = config;
        this.own = own;
        this.loop = loop;
        this.running = running;
        loop.after(PATIENCE_MS, this::open);
    }

    /** Opens the sockets, once. */
    void open() {
        if (isOpen) {
            return;
        }
        isOpen = true;
        for (final PacketSource source : sources) {
            undo.push(ControlAnswers.open(runDirectory, source, sources, config, own, loop));
        }
        // Also where no packet is this node's to forward: the place is kept by the names of devices.
        for (final String deviceName :
                running.description().get(Description.DEVICES).split(" ", -1)) {
            undo.push(HandoverServer.open(runDirectory, deviceName, running));
        }
    }

    @Override
    public void close() {
        isOpen = true;
        TakeDown.all(undo);
    }
}
