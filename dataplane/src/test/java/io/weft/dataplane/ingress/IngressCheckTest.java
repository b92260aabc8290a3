/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.routing.AddressTable;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Two peers that nothing is sent to, as they did not answer; one of them is a node. */
class IngressCheckTest {
    private static final int NODE = 1;
    private static final int NO_NODE = 2;
    private static final IpAddress NODE_ADDRESS = IpAddress.parse("192.168.0.11");
    private static final IpAddress OTHER_ADDRESS = IpAddress.parse("192.168.0.12");

    private final UnansweredPeers unanswered = new UnansweredPeers(3);
    private final IngressCheck check = new IngressCheck(
            new AtomicReference<>(policy()), unanswered, new WorkerCounters(NodeCounters.newManager(), 0));

    private static IngressPolicy policy() {
        final AddressTable<Integer> numbers = new AddressTable<>();
        numbers.put(NODE_ADDRESS.mappedHigh(), NODE_ADDRESS.mappedLow(), NODE);
        numbers.put(OTHER_ADDRESS.mappedHigh(), OTHER_ADDRESS.mappedLow(), NO_NODE);
        return new IngressPolicy.Builder(IngressPolicy.Sources.KNOWN)
                .node(List.of(NODE_ADDRESS), List.of(IpPrefix.parse("10.244.1.0/24")))
                .build()
                .numbered(numbers);
    }

    private static ReceivedMessage from(final IpAddress address) {
        final ReceivedMessage message = new ReceivedMessage();
        message.isIpv4 = true;
        message.sourceHigh = address.high();
        message.sourceLow = address.low();
        return message;
    }

    /** What a pod says next to one that has answered it goes out at once, and not after the next look at the neighbours. */
    @Test
    void shouldSendToWhomItHearsOf() {
        unanswered.refuse(NODE);
        unanswered.refuse(NO_NODE);
        assertTrue(unanswered.refuses(NODE), "there was a packet for it");
        check.beginBatch();
        assertNull(check.refusalOfSender(from(NODE_ADDRESS)));
        assertFalse(unanswered.refuses(NODE));
        assertTrue(unanswered.isAdmitted(NODE));
        assertTrue(unanswered.refuses(NO_NODE));
    }

    @Test
    void shouldNotTakeStrangersWord() {
        unanswered.refuse(NO_NODE);
        check.beginBatch();
        assertEquals(DropReason.UNKNOWN_SENDER, check.refusalOfSender(from(OTHER_ADDRESS)));
        assertTrue(unanswered.refuses(NO_NODE));
        assertFalse(unanswered.isAdmitted(NO_NODE));
    }
}
