/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import java.net.InetAddress;
import java.util.Set;

/**
 * Where the cluster's leases are kept. The daemon's main thread calls {@link #config}, {@link #publicAddresses},
 * {@link #acquire} and {@link #watch} in this order, once each; {@link #close} may come from any thread at any time.
 */
public interface Registry extends AutoCloseable {
    /** Leases that a registry may hold: so many fit the daemon's heap, with what is made of them. More are refused, and what was known stays. */
    int LEASES_MAX = 20_000;

    /**
     * The network configuration. Waits for a registry that is out of reach or has none yet, if it is of a kind that may
     * come later (etcd, the Kubernetes API).
     *
     * @throws RegistryException when it is wrong and waiting would not help.
     * @throws InterruptedException when the daemon is told to stop meanwhile.
     */
    NetworkConfig config() throws InterruptedException;

    /**
     * The public addresses that are written for this node, which win over flags and choose the underlay. Asked for before the lease;
     * waits as {@link #config} does.
     *
     * @throws RegistryException when one is no address.
     * @throws InterruptedException when the daemon is told to stop meanwhile.
     */
    default PublicAddresses publicAddresses() throws InterruptedException {
        return PublicAddresses.NONE;
    }

    /**
     * This node's own lease: found, or made where the registry hands out subnets.
     *
     * @throws RegistryException when this node can have none.
     * @throws InterruptedException when the daemon is told to stop meanwhile.
     */
    Lease acquire(NodeRequest request) throws InterruptedException;

    /**
     * Starts to follow the leases. The listener gets a snapshot first, and changes from then on: the first one from the calling thread
     * where the leases are at hand (a file, leases known before), and else from a thread of the registry, also after this has returned.
     */
    void watch(LeaseListener listener);

    /** What the registry is called in messages and metrics: {@code file}, {@code etcd}, {@code kube}. */
    String kind();

    /**
     * Whether this node may choose its VTEP MAC, and so take over that of a kernel device. Not so where the lease is written by
     * somebody else, as in a file.
     */
    boolean ownsMac();

    /** How well it is followed; readable from any thread. */
    RegistryStatus status();

    /** Where it is reached, as far as that is known; the overlay must not capture these. */
    default Set<InetAddress> addresses() {
        return Set.of();
    }

    /** The node forwards and pods can be wired; for registries that tell others so. */
    default void nodeReady() {}

    /**
     * What the node is asked for and does not hold at present, a line each, but for what concerns the registry; empty when all is well.
     * For registries that tell others so. Returns at once.
     */
    default void nodeTroubles(final String troubles) {}

    /** The node cannot be set up; for registries that tell others so. May take as long as one of their answers. */
    default void nodeFailed(final String cause) throws InterruptedException {}

    /** Stops following; gives nothing back, since a lease outlives its node's daemon. */
    @Override
    void close();
}
