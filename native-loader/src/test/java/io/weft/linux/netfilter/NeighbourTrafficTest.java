/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.linux.netlink.Nftables;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.net.Inet6Address;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules as nft and both ip6tables set them in the kernel: which of them keep two hosts from finding each other on a link. */
@RequiresRoot
class NeighbourTrafficTest {
    private final NetworkNamespace namespace = NetworkNamespace.create("rules");

    @AfterEach
    void delete() {
        namespace.close();
    }

    private static Inet6Address inet(final String address) {
        return (Inet6Address) IpAddress.parse(address).toInetAddress();
    }

    private Fate fate() {
        final List<Chain> chains = namespace.call(() -> {
            try (Nftables nftables = Nftables.open()) {
                final List<Chain> all = new ArrayList<>(LegacyTables.chains(false));
                all.addAll(null == nftables ? List.of() : nftables.chains(false));
                return all;
            }
        });
        return new NeighbourTraffic(inet("fd00:100::1"), inet("fd00:100::2"), "uA", 7).fate(chains);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "input      | icmpv6 type nd-neighbor-advert drop       | drops",
                "prerouting | icmpv6 type nd-neighbor-solicit drop      | drops",
                "output     | icmpv6 type nd-neighbor-solicit drop      | drops",
                "output     | meta l4proto ipv6-icmp drop               | drops",
                "input      | ct state established accept; policy drop; | drops",
                "input      | ip6 saddr fd00:100::2 drop                | drops",
                "prerouting | icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop | may",
                "input      | icmpv6 type nd-neighbor-advert limit rate over 1/second drop | may",
                "input      | icmpv6 type echo-request drop             | passes",
                "input      | udp dport 8472 drop                       | passes",
                "input      | ip6 saddr fd00:100::3 icmpv6 type nd-neighbor-advert drop    | passes",
                "input      | meta l4proto ipv6-icmp accept; policy drop;                  | passes",
                "forward    | policy drop;                              | passes"
            })
    void shouldTellWhatBecomesOfNeighbourDiscovery(final String hook, final String rules, final String becomes) {
        final boolean hasPolicy = rules.contains("policy drop;");
        namespace.exec(
                "nft",
                "add table ip6 t; add chain ip6 t c { type filter hook " + hook + " priority -300 ; "
                        + (hasPolicy ? "policy drop ; " : "") + "}");
        final String rule =
                rules.replace("policy drop;", "").replaceFirst("; *$", "").strip();
        if (!rule.isEmpty()) {
            namespace.exec("nft", "add rule ip6 t c " + rule);
        }
        final Fate fate = fate();
        final String place =
                "chain c of table ip6 t" + (hasPolicy ? " drops what it does not accept" : ", rule 1 (drop)");
        assertEquals("drops".equals(becomes) ? place : "", fate.droppedBy());
        assertEquals("passes".equals(becomes) ? "" : place, fate.mayBeLostBy());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip6tables-legacy", "ip6tables-nft"})
    void shouldUnderstandTypesOfIp6tables(final String variant) {
        namespace.exec(variant, "-A", "INPUT", "-p", "icmpv6", "--icmpv6-type", "echo-request", "-j", "DROP");
        assertEquals("", fate().mayBeLostBy());
        namespace.exec(
                variant, "-A", "INPUT", "-p", "icmpv6", "--icmpv6-type", "neighbour-advertisement", "-j", "DROP");
        assertTrue(fate().droppedBy().matches("chain INPUT of table ip6 filter.*, rule 2 \\(.*"), fate()::droppedBy);
    }

    @Test
    void shouldFindNothingWhereThereIsNoRule() {
        assertEquals(new Fate(null, null, ""), fate());
    }
}
