/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class WeftdTest {
    @Test
    void shouldWriteALeaseForEachNode() {
        final List<Node> nodes = List.of(new Node(0, "nodeA", "podA"), new Node(1, "nodeB", "podB"));

        final JsonNode json = new ObjectMapper().readTree(Weftd.leases(nodes));

        assertEquals("10.192.0.0/10", json.path("config").path("Network").asString());
        assertEquals(2, json.path("leases").size());
        final JsonNode lease = json.path("leases").path("10.244.1.0-24");
        assertEquals("192.168.100.2", lease.path("PublicIP").asString());
        assertEquals(
                "02:00:00:00:00:01", lease.path("BackendData").path("VtepMAC").asString());
    }
}
