/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

/** What a check of the way to a peer has found. Ids and labels are stable. */
public enum PathState {
    /** Nobody has looked. */
    UNCHECKED(0, "unchecked"),
    /** It answers through the overlay, also to a packet of the pods' MTU. */
    OK(1, "ok"),
    /** It answers neither through the overlay nor on the underlay. */
    FABRIC(2, "fabric"),
    /** It answers on the underlay, and not through the overlay. */
    OVERLAY(3, "overlay"),
    /** The underlay carries only shorter packets than weft sends. */
    FABRIC_MTU(4, "fabric-mtu"),
    /** The underlay carries all, by ICMP, and the overlay only shorter packets than pods send. */
    OVERLAY_MTU(5, "overlay-mtu"),
    /** This node itself does not send to it: its own firewall, or a route that is missing. */
    LOCAL(6, "local"),
    /** The host's own routes lead packets for it, or those of its pods, elsewhere than to the tunnel's device. */
    ROUTE(7, "route"),
    /** It takes what is for all MACs, and not what is for that of its lease. */
    MAC(8, "mac"),
    /** Of packets of one length some are answered and some are not. */
    LOSS(9, "loss");

    private final int id;
    private final String label;

    PathState(final int id, final String label) {
        this.id = id;
        this.label = label;
    }

    /** The stable id. */
    int id() {
        return id;
    }

    /** As people and metrics call it. */
    public String label() {
        return label;
    }

    static PathState of(final int id) {
        for (final PathState state : values()) {
            if (id == state.id) {
                return state;
            }
        }
        return UNCHECKED;
    }
}
