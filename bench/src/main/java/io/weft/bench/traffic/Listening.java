/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Waits for a server in a pod. */
final class Listening {
    private static final long LIMIT_NS = TimeUnit.MINUTES.toNanos(2);
    /** Each look starts a process. */
    private static final long POLL_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private Listening() {}

    /**
     * Returns when a socket of the pod is bound to the port.
     *
     * @param protocol {@code -t} or {@code -u}, as ss(8) takes it.
     */
    static void await(final Node node, final String protocol, final int port) {
        final long deadlineNs = System.nanoTime() + LIMIT_NS;
        while (Command.run(node.inPod("ss", "-Hln", protocol, "sport = :" + port))
                .isBlank()) {
            if (System.nanoTime() > deadlineNs) {
                throw new Command.CommandException("nothing listens on port " + port + " in pod " + node.letter());
            }
            LockSupport.parkNanos(POLL_INTERVAL_NS);
        }
    }
}
