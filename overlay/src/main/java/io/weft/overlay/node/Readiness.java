/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.ControlLoop;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/**
 * How a node that forwards becomes one that pods can be wired to: the CNI plugin is told, and again every second while that is not
 * possible, as on a full disk. Whatever has readiness sought, and however often, there is one attempt at a time. Control thread alone.
 */
final class Readiness {
    private static final System.Logger LOG = System.getLogger(Readiness.class.getName());
    private static final long RETRY_MS = 1_000;

    private final ControlLoop loop;
    private final Supplier<String> leaveFormerSubnet;
    private final PodAdmission admission;
    private final IntSupplier podMtu;
    private final IntConsumer onReady;
    /** The node is ready, or the next attempt is due at its time. */
    private boolean isSought;

    private String bridgeTrouble = "";

    /**
     * Not sought yet.
     *
     * @param leaveFormerSubnet makes the bridge fit for pods of this node's subnet, and returns why it is not; empty if it is.
     * @param podMtu tells the MTU of pods, in bytes.
     * @param onReady is told the MTU, once, when pods can be wired.
     */
    Readiness(
            final ControlLoop loop,
            final Supplier<String> leaveFormerSubnet,
            final PodAdmission admission,
            final IntSupplier podMtu,
            final IntConsumer onReady) {
        this.loop = loop;
        this.leaveFormerSubnet = leaveFormerSubnet;
        this.admission = admission;
        this.podMtu = podMtu;
        this.onReady = onReady;
    }

    /** All that pods need is there, or is not waited for any more. Of all calls the first counts. */
    void seek() {
        if (!isSought) {
            isSought = true;
            attempt();
        }
    }

    private void attempt() {
        final String found = leaveFormerSubnet.get();
        if (!found.isEmpty() && !found.equals(bridgeTrouble)) {
            LOG.log(WARNING, found);
        }
        bridgeTrouble = found;
        final int mtu = podMtu.getAsInt();
        if (admission.give(mtu)) {
            onReady.accept(mtu);
        } else {
            loop.after(RETRY_MS, this::attempt);
        }
    }
}
