/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.ingress.IngressPolicy.Sources;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.encap.IpPacket;
import io.weft.routing.AddressTable;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * This node has 10.244.0.0/24, fd00:0::/64, 192.168.0.1, 192.168.0.100 and 10.8.0.0/16. Node 1 has 10.244.1.0/24, node 2 10.244.2.0/24 and so on,
 * at 192.168.0.11 and 2001:db8::11, 192.168.0.12 and 2001:db8::12; nodes 3 and 4 are both behind 203.0.113.7. 198.51.100.0/24 is
 * admitted, as is 192.168.0.13.
 */
class IngressPolicyTest {
    private static IngressPolicy policy(final Sources sources) {
        return builder(sources).build();
    }

    private static IngressPolicy.Builder builder(final Sources sources) {
        return new IngressPolicy.Builder(sources)
                .node(
                        addresses("192.168.0.11", "2001:db8::11"),
                        List.of(IpPrefix.parse("10.244.1.0/24"), IpPrefix.parse("fd00:0:0:1::/64")))
                .node(
                        addresses("192.168.0.12", "2001:db8::12"),
                        List.of(IpPrefix.parse("10.244.2.0/24"), IpPrefix.parse("fd00:0:0:2::/64")))
                .node(addresses("203.0.113.7"), List.of(IpPrefix.parse("10.244.3.0/24")))
                .node(addresses("203.0.113.7", "192.168.0.14"), List.of(IpPrefix.parse("10.244.4.0/24")))
                .node(addresses("192.168.0.13"), List.of(IpPrefix.parse("10.244.5.0/24")))
                // The own address, as a stale lease of this node may have it, is no other node's.
                .node(addresses("192.168.0.1"), List.of(IpPrefix.parse("10.244.6.0/24")))
                .admit(IpPrefix.parse("198.51.100.0/24"))
                .admit(IpPrefix.parse("192.168.0.13/32"))
                .ownSubnet(IpPrefix.parse("10.244.0.0/24"))
                .ownSubnet(IpPrefix.parse("fd00::/64"))
                .ownAddress(IpPrefix.parse("192.168.0.1/32"))
                .ownAddress(IpPrefix.parse("192.168.0.100/32"))
                .ownAddress(IpPrefix.parse("10.244.0.0/32"))
                .ownAddress(IpPrefix.parse("2001:db8::1/128"))
                .ownAddress(IpPrefix.parse("10.8.0.0/16"))
                .broadcast(IpAddress.parse("192.168.0.255"));
    }

    /** Nothing that is asked of a sender, or not, lets in from an address that none has. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "127.1.2.3",
                "0.0.0.0",
                "224.0.0.5",
                "239.255.255.255",
                "255.255.255.255",
                "192.168.0.1",
                "10.8.1.2",
                "192.168.0.255",
                "::",
                "::1",
                "ff02::1",
                "2001:db8::1"
            })
    void shouldRefuseASenderWhoseAddressNoOtherNodeHas(final String outer) {
        for (final Sources sources : Sources.values()) {
            final IngressPolicy policy = builder(sources)
                    .admit(IpPrefix.parse("0.0.0.0/0"))
                    .admit(IpPrefix.parse("::/0"))
                    .build();
            assertEquals("OUTER_INVALID_SOURCE", judge(policy, outer, "10.244.1.9", "10.244.0.9"), sources::name);
        }
    }

    /** Two nodes of one host may be reached by its loopback. */
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1", "240.0.0.1", "0.0.0.1"})
    void shouldLetInWhatALeaseNamesWhateverTheAddress(final String outer) {
        final IngressPolicy policy = builder(Sources.KNOWN)
                .node(addresses(outer), List.of(IpPrefix.parse("10.244.7.0/24")))
                .build();
        assertEquals("passes", judge(policy, outer, "10.244.7.9", "10.244.0.9"));
    }

    private static List<IpAddress> addresses(final String... texts) {
        return Arrays.stream(texts).map(IpAddress::parse).toList();
    }

    private static String judge(
            final IngressPolicy policy, final String outer, final String source, final String destination) {
        final IpAddress from = IpAddress.parse(outer);
        final Claim sender = policy.sender(IpFamily.IPV4 == from.family(), from.high(), from.low());
        final @Nullable DropReason ofSender = policy.refusal(sender);
        if (null != ofSender) {
            return ofSender.name();
        }
        final byte[] bytes = CraftedPacket.udp(inet(source), inet(destination), 1, 2, new byte[8])
                .bytes();
        final UnsafeBuffer arena = new UnsafeBuffer(bytes);
        final IpPacket packet = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, packet.parse(arena, 0, bytes.length, true));
        final @Nullable DropReason reason = policy.refusal(sender, arena, packet);
        return null == reason ? "passes" : reason.name();
    }

    private static InetAddress inet(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    @ParameterizedTest
    @CsvSource({
        // outer, inner source, inner destination, known, strict
        "192.168.0.11, 10.244.1.9, 10.244.0.9, passes, passes",
        "192.168.0.11, 10.244.1.0, 10.244.0.9, passes, passes",
        "192.168.0.11, 10.244.1.9, 10.244.0.0, passes, passes",
        "192.168.0.11, 10.244.1.9, 192.168.0.100, passes, passes",
        "192.168.0.11, 192.168.0.11, 10.244.0.9, passes, passes",
        "2001:db8::11, 10.244.1.9, 10.244.0.9, passes, passes",
        "192.168.0.11, fd00:0:0:1::9, fd00::9, passes, passes",
        "192.168.0.11, 2001:db8::11, fd00::9, passes, passes",
        "192.168.0.11, 10.96.0.1, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "192.168.0.11, 8.8.8.8, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "192.168.0.11, 10.244.9.9, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "192.168.0.11, 192.168.0.12, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "2001:db8::11, fe80::1, fd00::9, passes, UNANNOUNCED_SOURCE",
        "2001:db8::11, 2001:db8::12, fd00::9, passes, UNANNOUNCED_SOURCE",
        "192.168.0.99, 10.244.1.9, 10.244.0.9, UNKNOWN_SENDER, UNKNOWN_SENDER",
        "192.168.0.1, 10.244.6.9, 10.244.0.9, OUTER_INVALID_SOURCE, OUTER_INVALID_SOURCE",
        "10.244.0.9, 10.244.1.9, 10.244.0.9, UNKNOWN_SENDER, UNKNOWN_SENDER",
        "192.168.0.11, 10.244.2.9, 10.244.0.9, OTHER_NODES_SOURCE, OTHER_NODES_SOURCE",
        "2001:db8::11, 10.244.2.9, 10.244.0.9, OTHER_NODES_SOURCE, OTHER_NODES_SOURCE",
        "2001:db8::11, fd00:0:0:2::9, fd00::9, OTHER_NODES_SOURCE, OTHER_NODES_SOURCE",
        "203.0.113.7, 10.244.3.9, 10.244.0.9, passes, passes",
        "203.0.113.7, 10.244.4.9, 10.244.0.9, passes, passes",
        "203.0.113.7, 192.168.0.14, 10.244.0.9, passes, passes",
        "203.0.113.7, 10.244.1.9, 10.244.0.9, OTHER_NODES_SOURCE, OTHER_NODES_SOURCE",
        "192.168.0.14, 10.244.4.9, 10.244.0.9, passes, passes",
        "192.168.0.14, 10.244.3.9, 10.244.0.9, OTHER_NODES_SOURCE, OTHER_NODES_SOURCE",
        "198.51.100.9, 10.244.1.9, 10.244.0.9, passes, passes",
        "198.51.100.9, 192.168.0.11, 10.244.0.9, passes, passes",
        "198.51.100.9, 8.8.8.8, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "198.51.100.9, 10.244.0.8, 10.244.0.9, OWN_SUBNET_SOURCE, OWN_SUBNET_SOURCE",
        "192.168.0.13, 10.244.1.9, 10.244.0.9, passes, passes",
        "192.168.0.11, 10.244.0.8, 10.244.0.9, OWN_SUBNET_SOURCE, OWN_SUBNET_SOURCE",
        "192.168.0.11, fd00::8, fd00::9, OWN_SUBNET_SOURCE, OWN_SUBNET_SOURCE",
        "192.168.0.11, 10.244.0.0, 10.244.0.9, IP_LOCAL_SOURCE, IP_LOCAL_SOURCE",
        "192.168.0.11, 192.168.0.100, 10.244.0.9, IP_LOCAL_SOURCE, IP_LOCAL_SOURCE",
        "192.168.0.11, 2001:db8::1, fd00::9, IP_LOCAL_SOURCE, IP_LOCAL_SOURCE",
        "192.168.0.11, 127.0.0.1, 10.244.0.9, IP_LOCALNET, IP_LOCALNET",
        "192.168.0.11, 10.244.1.9, 127.0.0.1, IP_LOCALNET, IP_LOCALNET",
        "192.168.0.11, ::1, fd00::9, IP_LOCALNET, IP_LOCALNET",
        "192.168.0.11, fd00:0:0:1::9, ::1, IP_LOCALNET, IP_LOCALNET",
        "192.168.0.11, 0.0.0.0, 10.244.0.9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, 0.1.2.3, 10.244.0.9, passes, UNANNOUNCED_SOURCE",
        "192.168.0.11, 224.0.0.5, 10.244.0.9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, 239.1.1.1, 10.244.0.9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, 255.255.255.255, 10.244.0.9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, ::, fd00::9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, ff02::1, fd00::9, IP_INVALID_SOURCE, IP_INVALID_SOURCE",
        "192.168.0.11, 10.244.1.9, 8.8.8.8, FOREIGN_DESTINATION, FOREIGN_DESTINATION",
        "192.168.0.11, 10.244.1.9, 10.244.2.9, FOREIGN_DESTINATION, FOREIGN_DESTINATION",
        "192.168.0.11, 10.244.1.9, 10.244.1.8, FOREIGN_DESTINATION, FOREIGN_DESTINATION",
        "192.168.0.11, 10.244.1.9, 224.0.0.1, FOREIGN_DESTINATION, FOREIGN_DESTINATION",
        "192.168.0.11, fd00:0:0:1::9, fe80::1, FOREIGN_DESTINATION, FOREIGN_DESTINATION",
    })
    void shouldJudgeByWhoSentAndByWhatIsInside(
            final String outer,
            final String source,
            final String destination,
            final String known,
            final String strict) {
        assertEquals(known, judge(policy(Sources.KNOWN), outer, source, destination));
        assertEquals(strict, judge(policy(Sources.STRICT), outer, source, destination));
    }

    @Test
    void shouldAskNothingWhenAnybodyMaySendAnything() {
        assertFalse(policy(Sources.ANY).isRestricting());
        assertFalse(IngressPolicy.ANYTHING.isRestricting());
    }

    @Test
    void shouldFindEachOfTenThousandNodes() {
        final IngressPolicy.Builder builder = new IngressPolicy.Builder(Sources.KNOWN);
        for (int node = 0; node < 10_000; node++) {
            builder.node(
                    List.of(IpAddress.ofIpv4(0x0A00_0001 + node)),
                    List.of(new IpPrefix(IpAddress.ofIpv4(0x6400_0000 + (node << 8)), 24)));
        }
        final IngressPolicy policy =
                builder.ownSubnet(IpPrefix.parse("192.0.2.0/24")).build();
        final Random random = new Random(14);
        for (int i = 0; i < 10_000; i++) {
            final int node = random.nextInt(10_000);
            final int other = random.nextInt(10_000);
            final String outer = IpAddress.ofIpv4(0x0A00_0001 + node).toString();
            final String source =
                    IpAddress.ofIpv4(0x6400_0000 + (other << 8) + 7).toString();
            assertEquals(node == other ? "passes" : "OTHER_NODES_SOURCE", judge(policy, outer, source, "192.0.2.1"));
        }
        assertEquals("UNKNOWN_SENDER", judge(policy, "10.0.39.17", "100.0.0.1", "192.0.2.1"));
    }

    /** What one of the policies below is made of. */
    private record Node(List<IpAddress> addresses, List<IpPrefix> subnets) {}

    /** As an address, or a packet's. */
    private static IpAddress random(final Random random) {
        return random.nextInt(4) < 3
                ? IpAddress.ofIpv4(0x0A00_0000 + (random.nextInt(8) << 8) + random.nextInt(8))
                : IpAddress.parse("fd00::").plus(((long) random.nextInt(8) << 48) + random.nextInt(8));
    }

    private static IpPrefix randomSubnet(final Random random) {
        final IpAddress address = random(random);
        return IpPrefix.containing(address, IpFamily.IPV4 == address.family() ? 22 + random.nextInt(11) : 120);
    }

    private static <T> List<T> some(final Random random, final int least, final Function<Random, T> of) {
        return Stream.generate(() -> of.apply(random))
                .limit(least + random.nextInt(2))
                .distinct()
                .toList();
    }

    private static IngressPolicy made(
            final Sources sources,
            final Collection<Node> nodes,
            final List<IpPrefix> own,
            final List<IpAddress> broadcasts) {
        final IngressPolicy.Builder builder = new IngressPolicy.Builder(sources)
                .ownSubnet(IpPrefix.parse("10.0.7.0/24"))
                .admit(IpPrefix.parse("10.0.6.4/30"));
        nodes.forEach(node -> builder.node(node.addresses, node.subnets));
        own.forEach(builder::ownAddress);
        broadcasts.forEach(builder::broadcast);
        return builder.build();
    }

    private static void assertAlike(final IngressPolicy expected, final IngressPolicy actual, final Random random) {
        for (int i = 0; i < 30; i++) {
            final String outer = random(random).toString();
            final IpAddress source = random(random);
            IpAddress destination = random(random);
            while (destination.family() != source.family()) {
                destination = random(random);
            }
            assertEquals(
                    judge(expected, outer, source.toString(), destination.toString()),
                    judge(actual, outer, source.toString(), destination.toString()),
                    outer + ": " + source + " to " + destination);
        }
    }

    /** Nodes that share addresses and subnets with each other and with this one come and go, as do this one's addresses. */
    @ParameterizedTest
    @EnumSource(Sources.class)
    void shouldBeWhatItWouldBeIfItWereMadeAnewHoweverItHasChanged(final Sources sources) {
        final Random random = new Random(15);
        final IngressPolicy.Builder changed = new IngressPolicy.Builder(sources)
                .ownSubnet(IpPrefix.parse("10.0.7.0/24"))
                .admit(IpPrefix.parse("10.0.6.4/30"));
        final Map<Claim.Node, Node> nodes = new LinkedHashMap<>();
        List<IpPrefix> own = List.of();
        List<IpAddress> broadcasts = List.of();
        IngressPolicy before = changed.build();
        for (int i = 0; i < 1_000; i++) {
            final IngressPolicy asBefore = made(sources, nodes.values(), own, broadcasts);
            if (random.nextInt(10) < 1) {
                own = some(random, 0, IngressPolicyTest::randomSubnet);
                broadcasts = some(random, 0, IngressPolicyTest::random);
                changed.forgetOwnAddresses();
                own.forEach(changed::ownAddress);
                broadcasts.forEach(changed::broadcast);
            } else if (random.nextInt(nodes.size() + 12) < 12) {
                final Node node = new Node(
                        some(random, 1, IngressPolicyTest::random), some(random, 0, IngressPolicyTest::randomSubnet));
                nodes.put(changed.add(node.addresses, node.subnets), node);
            } else {
                final Claim.Node gone = List.copyOf(nodes.keySet()).get(random.nextInt(nodes.size()));
                changed.remove(gone);
                nodes.remove(gone);
            }
            assertAlike(asBefore, before, random);
            before = changed.build();
            assertAlike(made(sources, nodes.values(), own, broadcasts), before, random);
        }
    }

    @Test
    void shouldNumberASenderByItsAddressOrByAnotherOneOfItsNode() {
        final AddressTable<Integer> numbers = new AddressTable<>();
        final IpAddress known = IpAddress.parse("192.168.0.14");
        numbers.put(known.mappedHigh(), known.mappedLow(), 4);
        final IngressPolicy policy = policy(Sources.KNOWN);
        final IngressPolicy numbered = policy.numbered(numbers);
        assertEquals(4, peer(numbered, "192.168.0.14"));
        assertEquals(4, peer(numbered, "203.0.113.7"));
        assertEquals(PeerTable.NOBODY, peer(numbered, "192.168.0.11"));
        assertEquals(PeerTable.NOBODY, peer(numbered, "192.168.0.99"));
        assertEquals(PeerTable.NOBODY, peer(policy, "192.168.0.14"));
    }

    private static int peer(final IngressPolicy policy, final String address) {
        final IpAddress from = IpAddress.parse(address);
        return policy.peer(IpFamily.IPV4 == from.family(), from.high(), from.low());
    }

    @Test
    void shouldMatchTheLongestPrefix() {
        final PrefixTable<Integer> table = new PrefixTable<>();
        table.put(IpPrefix.parse("::/0"), 1);
        table.put(IpPrefix.parse("fd00::/48"), 2);
        table.put(IpPrefix.parse("fd00::1:0/112"), 3);
        table.put(IpPrefix.parse("fd00::1:1/128"), 4);
        assertEquals(1, find(table, "2001:db8::1"));
        assertEquals(2, find(table, "fd00::1"));
        assertEquals(3, find(table, "fd00::1:2"));
        assertEquals(4, find(table, "fd00::1:1"));
        assertNull(find(new PrefixTable<>(), "fd00::"));
    }

    private static @Nullable Integer find(final PrefixTable<Integer> table, final String address) {
        final IpAddress key = IpAddress.parse(address);
        return table.find(key.high(), key.low());
    }
}
