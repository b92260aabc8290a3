/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class NodeTest {
    private static final int NODES = Overlay.MAX_ABSENT_NODES + 2;

    @Test
    void shouldHaveAddressesOfItsOwnHoweverManyThereAre() {
        assertEquals(NODES, distinct(Node::subnet));
        assertEquals(NODES, distinct(Node::podAddress));
        assertEquals(NODES, distinct(Node::underlayAddress));
        assertEquals(NODES, distinct(Node::vtepMac));
    }

    private static int distinct(final Function<Node, String> property) {
        final Set<String> values = new HashSet<>();
        for (int i = 0; i < NODES; i++) {
            values.add(property.apply(new Node(i, "", "")));
        }
        return values.size();
    }
}
