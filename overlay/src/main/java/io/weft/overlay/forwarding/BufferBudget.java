/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.Rehearsal;
import io.weft.dataplane.underlay.UnderlaySockets;

/**
 * The memory outside of the heap that weftd may need, told before it is taken: buffers of packets by workers and forwarders, and
 * a rest for netlink and the registry's sockets. {@code bin/weftd} starts the JVM with this limit
 * ({@code -XX:MaxDirectMemorySize}), and a test holds the two together.
 */
public final class BufferBudget {
    /** A forwarder for each underlay family. */
    public static final int FORWARDERS_MAX = UnderlayFamily.values().length;

    private static final long MEBIBYTE = 1 << 20;

    /** Of one worker of one forwarder, rounded up to what a script can reckon with. */
    public static final int WORKER_MEBIBYTES =
            (int) ((DataPlaneContext.memoryLength(1, UnderlaySockets.SEND_SOCKETS_DEFAULT) + MEBIBYTE - 1) / MEBIBYTE);

    /** Of one worker each, for as long as a start takes. */
    public static final int REHEARSAL_NODES = Rehearsal.NODES;

    /**
     * Netlink, the registry's connections, probes. Routing tables are not among it, and neither is what waits for the underlay: they lie
     * outside of what the JVM limits.
     */
    public static final int REST_MEBIBYTES = 32;

    private BufferBudget() {}

    /** What may lie on its way to the underlay besides, in mebibytes: pages of it are taken as frames come to wait. */
    public static int egressMebibytes(final int workers) {
        return (int) (FORWARDERS_MAX * DataPlaneContext.egressLength(workers) / MEBIBYTE);
    }

    /** What a daemon may take, in mebibytes, whether its network has one IP version or two. */
    public static int mebibytes(final int workers) {
        return REST_MEBIBYTES + (FORWARDERS_MAX * workers + REHEARSAL_NODES) * WORKER_MEBIBYTES;
    }
}
