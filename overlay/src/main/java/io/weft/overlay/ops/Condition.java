/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.Locale;

/** What a node is asked for and may fail to hold while it runs; weft status, /readyz and the metric {@code weft_condition} tell. */
public enum Condition {
    /** The underlay interface can send, by the address that was chosen. */
    UNDERLAY,
    /** Devices and pods have the MTU that the underlay leaves them. */
    MTU,
    /** Devices, addresses and routes of the overlay are on the host. */
    HOST,
    /** The registry is followed, and has answered since the start. */
    REGISTRY,
    /** What this node has in the registry is as it should be, and nobody else claims it. */
    OWN_LEASE,
    /** Masquerade and forward rules are set. */
    RULES,
    /** No chain of others drops what pods send to other nodes, as far as can be told: for people, and not for {@code /readyz}. */
    FORWARDING,
    /** subnet.env and the lock beside it are there for the CNI plugin. */
    SUBNET_FILE,
    /** The pods' bridge has the address of this node's subnet. */
    BRIDGE,
    /** The pods' bridge is up, and the host forwards between it and the overlay: for people, and not for {@code /readyz}. */
    POD_PATH,
    /** Locks, sockets and counters are in the run directory: for people, and not for {@code /readyz}. */
    RUN_DIRECTORY,
    /** No data thread stands still. */
    DATA_THREADS;

    /** As metrics and answers name it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
