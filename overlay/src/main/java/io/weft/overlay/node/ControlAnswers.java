/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.address.IpAddress;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.ControlSocket;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Path;

/** The answers that a forwarder's control socket gives: from the tables in use, between two tasks of the control thread. */
final class ControlAnswers {
    private static final String EXPLAIN = "explain ";

    private ControlAnswers() {}

    /**
     * Opens the socket of a forwarder.
     *
     * @param loop that the tables belong to.
     * @throws StartupException when it cannot be made.
     */
    static ControlSocket open(
            final Path runDirectory, final String deviceName, final RoutingTables tables, final ControlLoop loop) {
        final Path path = runDirectory.resolve(deviceName + ".sock");
        try {
            return ControlSocket.open(path, question -> loop.ask(() -> answer(question, tables)));
        } catch (final IOException failure) {
            throw new StartupException(
                    "make control socket " + path + ": " + failure + ". Choose a writable place by --run-dir", failure);
        }
    }

    private static String answer(final String question, final RoutingTables tables) {
        if (question.startsWith(EXPLAIN)) {
            return tables.explain(IpAddress.parse(question.substring(EXPLAIN.length()))
                            .toInetAddress())
                    .toString();
        }
        throw new IllegalArgumentException("\"" + question + "\" is not known here, ask: " + EXPLAIN + "ADDRESS");
    }
}
