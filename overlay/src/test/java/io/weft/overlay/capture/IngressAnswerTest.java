/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of packets that the policy refuses, though the tables have a way to where they are from. */
class IngressAnswerTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:02");

    private final RoutingTables tables =
            new RoutingTables(new RoutingContext().vni(1).vtepMac(MacAddress.parse("02:00:00:00:00:01")));

    @BeforeEach
    void setUp() {
        addRoute("10.244.1.0/24", "10.244.1.0");
        addRoute("fd00:10:244:1::/64", "fd00:10:244:1::");
        tables.addFdb(MAC, IpAddress.parse("192.168.100.2").toInetAddress());
        tables.publish();
    }

    private void addRoute(final String subnet, final String gateway) {
        final InetAddress inet = IpAddress.parse(gateway).toInetAddress();
        tables.addRoute(IpPrefix.parse(subnet), inet);
        tables.addNeighbour(inet, MAC);
    }

    @AfterEach
    void tearDown() {
        tables.close();
    }

    private String answer(
            final IngressPolicy.Sources sources,
            final String sender,
            final String subnet,
            final String source,
            final String destination) {
        final IngressPolicy policy = new IngressPolicy.Builder(sources)
                .node(List.of(IpAddress.parse(sender)), List.of(IpPrefix.parse(subnet)))
                .ownSubnet(IpPrefix.parse("10.244.0.0/24"))
                .ownSubnet(IpPrefix.parse("fd00:10:244::/64"))
                .build();
        final PacketSource node = new PacketSource(
                "weft.1",
                tables,
                () -> policy,
                new Captures(),
                IpAddress.parse("192.168.100.1"),
                8472,
                List.of(new int[] {40_000}));
        return IngressAnswer.of(node, IpAddress.parse(source), IpAddress.parse(destination));
    }

    @ParameterizedTest
    @CsvSource({
        "KNOWN, 192.168.100.9, 10.244.1.0/24, 10.244.1.2, 10.244.0.2, UNKNOWN_SENDER",
        "STRICT, 192.168.100.2, 10.244.2.0/24, 10.244.1.2, 10.244.0.2, UNANNOUNCED_SOURCE",
        "STRICT, 192.168.100.2, fd00:10:244:2::/64, fd00:10:244:1::2, fd00:10:244::2, UNANNOUNCED_SOURCE",
        "KNOWN, 192.168.100.2, 10.244.1.0/24, 10.244.1.2, 10.99.0.1, FOREIGN_DESTINATION",
    })
    void shouldTellWhyAPacketWouldBeRefused(
            final IngressPolicy.Sources sources,
            final String sender,
            final String subnet,
            final String source,
            final String destination,
            final String reason) {
        final String answer = answer(sources, sender, subnet, source, destination);
        assertTrue(answer.startsWith("\n  from       192.168.100.2, of whose subnet " + source + " is\n"), answer);
        assertTrue(answer.contains("\n  policy     " + reason + ", "), answer);
        assertTrue(answer.endsWith(": dropped"), answer);
    }

    @Test
    void shouldAdmitAnythingWhereThatIsAskedFor() {
        assertEquals(
                "\n  from       192.168.100.2, of whose subnet 10.244.1.2 is"
                        + "\n  policy     sender, source and destination are admitted"
                        + "\n  delivered  to weft.1: the host brings it to the pod by its bridge",
                answer(IngressPolicy.Sources.ANY, "192.168.100.9", "10.244.9.0/24", "10.244.1.2", "10.244.0.2"));
    }
}
