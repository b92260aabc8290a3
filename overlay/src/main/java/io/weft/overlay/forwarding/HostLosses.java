/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.dataplane.DataPlane;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.pod.PodDevice;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.LinuxException;
import org.jspecify.annotations.Nullable;

/**
 * What the host has dropped on a forwarder's behalf. The kernel counts it for as long as there are the device and the sockets, which
 * another process may have left, with what it has counted of it. Used by the control thread alone.
 */
final class HostLosses {
    private static final System.Logger LOG = System.getLogger(HostLosses.class.getName());

    private final PodDevice pods;
    private final UnderlaySockets sockets;
    private final @Nullable PacketUnderlay packets;
    private long ofPodsBefore;
    private long ofUnderlayBefore;

    HostLosses(final PodDevice pods, final UnderlaySockets sockets, final @Nullable PacketUnderlay packets) {
        this.pods = pods;
        this.sockets = sockets;
        this.packets = packets;
    }

    /**
     * Device and sockets are another process's, whose counters go on here: what these have of the kernel's counts is not counted again.
     * A packet socket's count begins anew whenever it is read, so what it has now has not been counted.
     */
    void goOn(final DataPlane running) {
        ofPodsBefore = running.total(DataPlaneCounter.EGRESS_HOST_LOSSES);
        ofUnderlayBefore = null == packets ? running.total(DataPlaneCounter.INGRESS_HOST_LOSSES) : 0;
    }

    /** Counts what was lost since the last time. */
    void count(final DataPlane running) {
        try {
            final long ofPods = pods.takeLosses();
            final long ofSockets = sockets.takeLosses(); // has what packet sockets take as well
            final long ofUnderlay = null == packets ? ofSockets : packets.takeLosses();
            running.countLosses(Math.max(0, ofPods - ofPodsBefore), Math.max(0, ofUnderlay - ofUnderlayBefore));
            ofPodsBefore = 0;
            ofUnderlayBefore = 0;
        } catch (final LinuxException failure) {
            LOG.log(DEBUG, "{0}. Losses are counted by the next look", failure.getMessage());
        }
    }
}
