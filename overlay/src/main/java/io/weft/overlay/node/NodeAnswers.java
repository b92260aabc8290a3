/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.handover.Description;
import io.weft.overlay.handover.HandoverServer;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.ops.ControlSocket;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.function.BooleanSupplier;

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
    /** Of each socket that is open, whether its file is there. */
    private final List<BooleanSupplier> places = new ArrayList<>();

    private boolean isOpen;
    /** One of them could not be opened again. */
    private boolean isPart;

    private boolean isClosed;

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
        openAll();
    }

    private void openAll() {
        for (final PacketSource source : sources) {
            final ControlSocket socket = ControlAnswers.open(runDirectory, source, sources, config, own, loop);
            undo.push(socket);
            places.add(socket::isInPlace);
        }
        // Also where no packet is this node's to forward: the place is kept by the names of devices.
        for (final String deviceName :
                running.description().get(Description.DEVICES).split(" ", -1)) {
            final HandoverServer server = HandoverServer.open(runDirectory, deviceName, running);
            undo.push(server);
            places.add(server::isInPlace);
        }
    }

    /**
     * Opens the sockets again if somebody removed the file of one. What was asked by the former ones ends.
     *
     * @return whether there was such a one.
     */
    boolean putBack() {
        if (!isOpen || isClosed || (!isPart && places.stream().allMatch(BooleanSupplier::getAsBoolean))) {
            return false;
        }
        isPart = true;
        places.clear();
        TakeDown.all(undo);
        openAll();
        isPart = false;
        return true;
    }

    @Override
    public void close() {
        isOpen = true;
        isClosed = true;
        TakeDown.all(undo);
    }
}
