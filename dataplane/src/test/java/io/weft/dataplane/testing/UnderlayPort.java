/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.testing.Await;

/** What a node of the tests receives and sends by on the underlay. Suites of tests have one small subclass for each. */
public enum UnderlayPort {
    /** UDP sockets: how a superframe that came unsegmented is to be cut, and what its checksum is, has to be guessed. */
    UDP,

    /** Packet sockets, and UDP sockets for what those leave and do not reach: nothing is guessed. */
    PACKET;

    /** A node with this port, and all else by default. */
    public StaticNode.Options options() {
        final StaticNode.Options options = new StaticNode.Options();
        options.packetPort = PACKET == this;
        return options;
    }

    /** That all or nothing of what the node received and sent went by packet socket, as far as this port takes it. */
    public void assertUsed(final StaticNode node) {
        assertReceived(node);
        assertSent(node);
    }

    /** That all or nothing of what the node received came by packet socket, as far as this port takes it. */
    public void assertReceived(final StaticNode node) {
        assertAllOrNothing(
                node.counters(), DataPlaneCounter.INGRESS_MESSAGES, DataPlaneCounter.INGRESS_PACKET_MESSAGES);
    }

    /** That all or nothing of what the node sent went by packet socket, and none was refused. */
    public void assertSent(final StaticNode node) {
        final NodeCounters counters = node.counters();
        assertAllOrNothing(counters, DataPlaneCounter.EGRESS_MESSAGES, DataPlaneCounter.EGRESS_PACKET_MESSAGES);
        assertEquals(0, counters.of(DataPlaneCounter.EGRESS_PACKET_REFUSALS), counters::toString);
    }

    /** A message that comes or goes while the two are read, as a delayed acknowledgement at the end, is in one of them alone. */
    private void assertAllOrNothing(
            final NodeCounters counters, final DataPlaneCounter all, final DataPlaneCounter byPacket) {
        if (PACKET == this) {
            Await.until(
                    () -> "all messages by packet socket: " + counters,
                    Await.TIMEOUT_MS,
                    () -> counters.of(all) == counters.of(byPacket));
        } else {
            assertEquals(0, counters.of(byPacket), counters::toString);
        }
    }

    /** That some of what the node sent went by packet socket, and the rest, which had to be fragmented, by UDP. */
    public void assertSentBothWays(final StaticNode node) {
        final NodeCounters counters = node.counters();
        final long packets = counters.of(DataPlaneCounter.EGRESS_PACKET_MESSAGES);
        final long messages = counters.of(DataPlaneCounter.EGRESS_MESSAGES);
        assertEquals(PACKET == this, 0 < packets && packets < messages, counters::toString);
        assertEquals(0, counters.of(DataPlaneCounter.EGRESS_PACKET_REFUSALS), counters::toString);
    }

    /** Whether a superframe of TCP is cut as its sender meant it, however short the segments. */
    public boolean isToldHowToCut() {
        return PACKET == this;
    }
}
