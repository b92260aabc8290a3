/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;

/** What a node of the tests receives by from the underlay. Suites of tests have one small subclass for each. */
public enum UnderlayPort {
    /** UDP sockets: how a superframe that came unsegmented is to be cut, and what its checksum is, has to be guessed. */
    UDP,

    /** Packet sockets, and UDP sockets for what those leave: nothing is guessed. */
    PACKET;

    /** A node with this port, and all else by default. */
    public StaticNode.Options options() {
        final StaticNode.Options options = new StaticNode.Options();
        options.packetPort = PACKET == this;
        return options;
    }

    /** That all or nothing of what the node received came by packet socket, as far as this port takes it. */
    public void assertUsed(final StaticNode node) {
        final long packets = node.counters().of(DataPlaneCounter.INGRESS_PACKET_MESSAGES);
        assertEquals(PACKET == this ? node.counters().of(DataPlaneCounter.INGRESS_MESSAGES) : 0, packets, "messages");
    }

    /** Whether a superframe of TCP is cut as its sender meant it, however short the segments. */
    public boolean isToldHowToCut() {
        return PACKET == this;
    }
}
