/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.INFO;

import io.weft.linux.SystemCalls;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.handover.Description;
import io.weft.overlay.handover.HandoverServer;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.options.WeftdCommandLine;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A node as the one that is to take its place sees it. What it is asked for is done by the control thread, between two tasks.
 *
 * @param readiness done when it is ready: before that it is not what another can go on with. Fails if the node ends before.
 * @param onLeave that another waits for this process to end.
 */
record RunningNode(
        ControlLoop loop,
        Forwarders forwarders,
        Description description,
        CompletableFuture<@Nullable Void> readiness,
        Runnable onLeave)
        implements HandoverServer.Running {
    private static final System.Logger LOG = System.getLogger(RunningNode.class.getName());

    /** So long the other is kept waiting while this one starts itself: with the control thread's answer, less than it waits for one. */
    private static final long READY_PATIENCE_MS = 7_000;

    @Override
    public Map<String, Integer> descriptors() throws Exception {
        try {
            readiness.get(READY_PATIENCE_MS, TimeUnit.MILLISECONDS);
        } catch (final TimeoutException late) {
            throw new IllegalStateException("it is starting itself, try again when it is ready", late);
        } catch (final ExecutionException never) {
            throw new IllegalStateException("its node is taken down", never);
        }
        return loop.ask(forwarders::descriptors).get();
    }

    @Override
    public void pause() throws Exception {
        loop.ask(() -> {
                    if (!forwarders.pause()) {
                        throw new IllegalStateException("a data thread hangs");
                    }
                    return true;
                })
                .get();
    }

    @Override
    public void resume() {
        loop.post(forwarders::resume);
    }

    /** The kernel closes and unlocks all at once; devices, routes and files are the other's now, and so is the lease. */
    @Override
    public void end(final String successor) {
        LOG.log(
                INFO,
                "{0} forwards in the place of this one, which ends{1}",
                successor,
                LogFields.of("successor", successor));
        SystemCalls.exit(WeftdCommandLine.EXIT_HANDED_OVER);
    }

    @Override
    public void leave(final String successor) {
        onLeave.run();
        loop.end(successor + " takes the place of this one");
    }
}
