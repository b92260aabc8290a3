/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.weft.address.IpPrefix;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules that others have on a host, in a namespace with a bridge for pods. */
@RequiresRoot
class ForwardCheckTest {
    private static final IpPrefix NETWORK = IpPrefix.parse("10.244.0.0/16");
    private static final IpPrefix SUBNET = IpPrefix.parse("10.244.1.0/24");
    private static final String BOTH = "what pods here and those of other nodes send to each other";

    private final NetworkNamespace host = NetworkNamespace.create("forward");
    private final ForwardCheck alone = new ForwardCheck(NETWORK, SUBNET, "weft.1", false);
    private final ForwardCheck beside = new ForwardCheck(NETWORK, SUBNET, "weft.1", true);

    ForwardCheckTest() {
        host.ip("link", "add", "cni0", "type", "bridge");
        host.ip("link", "add", "weft.1", "type", "bridge");
        host.ip("address", "add", "10.244.1.1/24", "dev", "cni0");
    }

    @AfterEach
    void tearDown() {
        host.close();
    }

    private Forwarding look(final ForwardCheck check) {
        return host.call(() -> check.look(new HostFirewall()));
    }

    private void iptables(final String... arguments) {
        host.exec("sh", "-c", "iptables -w " + String.join(" ", arguments));
    }

    private void assertDrops(final ForwardCheck check, final String... words) {
        final Forwarding found = look(check);
        assertEquals(1, found.drops().size(), found::toString);
        for (final String each : words) {
            assertTrue(found.trouble().contains(each), found::toString);
        }
    }

    private void assertPasses(final ForwardCheck check, final String because) {
        assertEquals(Forwarding.WELL, look(check), because);
    }

    @Test
    void shouldNameIptablesThatDropsAndAcceptsNothingOfPods() {
        assertPasses(alone, "no rules");
        iptables("-P FORWARD DROP");
        assertDrops(
                alone,
                "chain FORWARD of table ip filter",
                " drops what it does not accept, and so " + BOTH
                        + ": leave the rules to weft (--iptables-forward-rules), or let pods pass: iptables-",
                " -I FORWARD -s 10.244.0.0/16 -j ACCEPT && iptables-");
        iptables("-N FLANNEL-FWD");
        iptables("-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment 'flanneld forward' -j ACCEPT");
        assertDrops(alone, "chain FORWARD of table ip filter");
        iptables("-A FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD");
        assertPasses(alone, "weft's rules of before");
        iptables("-D FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD");
        iptables("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
        iptables("-A FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT");
        iptables("-A FORWARD -i docker0 -j ACCEPT");
        iptables("-A FORWARD -s 192.168.0.0/16 -j ACCEPT");
        iptables("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT");
        iptables("-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT");
        iptables("-A INPUT -j ACCEPT");
        assertDrops(alone, "chain FORWARD of table ip filter", BOTH);
        for (final String accepting : List.of("-s 10.0.0.0/8", "-d 10.244.0.0/16", "! -s 192.168.0.0/16")) {
            iptables("-A FORWARD " + accepting + " -j ACCEPT");
            assertPasses(alone, accepting);
            iptables("-D FORWARD " + accepting + " -j ACCEPT");
        }
        for (final String oneWay : List.of("-i cni0", "-i cni+", "-o weft.1")) {
            iptables("-A FORWARD " + oneWay + " -j ACCEPT");
            assertDrops(alone, ", and so what pods of other nodes send to those here: ");
            iptables("-D FORWARD " + oneWay + " -j ACCEPT");
        }
        iptables("-P FORWARD ACCEPT");
        assertPasses(alone, "policy accept");
    }

    private void nft(final String script) {
        host.exec("nft", script);
    }

    private void chain(final String table, final String hook) {
        nft("add table " + table);
        nft("add chain " + table + " c { type filter hook " + hook + " priority 0 ; }");
    }

    @Test
    void shouldNameAForeignTableThatDropsThoughWeftsRulesAccept() {
        nft("add table inet other");
        nft("add chain inet other pass { type filter hook forward priority 10 ; policy drop ; }");
        nft("add rule inet other pass ct state established,related accept");
        nft("add rule inet other pass iifname \"docker0\" accept");
        assertDrops(
                beside,
                "chain pass of table inet other drops what it does not accept, and so " + BOTH
                        + ": let pods pass: nft insert rule inet other pass ip saddr 10.244.0.0/16 accept && nft insert"
                        + " rule inet other pass ip daddr 10.244.0.0/16 accept");
        nft("insert rule inet other pass ip saddr 10.244.0.0/16 accept");
        assertPasses(beside, "accepted");
    }

    @Test
    void shouldNameAChainWhoseLastRuleRejectsAsFirewalldsDoes() {
        nft("add table inet firewalld");
        nft("add chain inet firewalld zone");
        nft("add chain inet firewalld pass { type filter hook forward priority 10 ; policy accept ; }");
        nft("add rule inet firewalld pass jump zone");
        assertPasses(beside, "no rule");
        nft("add rule inet firewalld pass reject with icmpx admin-prohibited");
        assertDrops(beside, "chain pass of table inet firewalld, rule 2 (reject), drops " + BOTH);
        nft("add rule inet firewalld zone iifname \"cni0\" accept");
        nft("add rule inet firewalld zone oifname \"cni0\" accept");
        assertPasses(beside, "accepted");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "inet other      | forward     | iifname cni0 oifname weft.1 drop         | drop   | here send to other nodes",
                "inet other      | forward     | iifname cni0 oifname weft.1 reject       | reject | here send to other nodes",
                "inet other      | forward     | iifname weft.1 oifname cni0 drop         | drop   | of other nodes send to",
                "inet other      | forward     | oifname weft.1 drop                      | drop   | here send to other nodes",
                "inet other      | forward     | oifname \"weft*\" drop                 | drop   | here send to other nodes",
                "inet other      | forward     | iif weft.1 reject                        | reject | of other nodes send to",
                "ip other        | forward     | ip saddr 10.244.0.0/16 drop              | drop   | here and those of other",
                "inet other      | forward     | ip daddr 10.244.1.0/24 drop              | drop   | of other nodes send to",
                "inet other      | forward     | ct state new drop                        | drop   | here and those of other",
                "inet other      | prerouting  | iifname weft.1 drop                      | drop   | of other nodes send to",
                "inet other      | postrouting | oifname weft.1 drop                      | drop   | here send to other nodes",
                "inet other      | forward     | meta mark 0 drop                         | drop   | here and those of other"
            })
    void shouldNameTheRuleThatDropsAllOneWay(
            final String table, final String hook, final String rule, final String action, final String packets) {
        chain(table, hook);
        nft("add rule " + table + " c " + rule);
        assertDrops(
                beside,
                "chain c of table " + table + ", rule 1 (" + action + "), drops what pods " + packets,
                ": take that rule away, or let pods pass: nft insert rule " + table + " c ip saddr ");
        assertEquals(List.of(), look(beside).doubts());
    }

    @Test
    void shouldNameTheRuleOfADevicesOwnTable() {
        nft("add table netdev other");
        nft("add chain netdev other c { type filter hook ingress device cni0 priority 0 ; }");
        nft("add rule netdev other c ip daddr 10.244.0.0/16 drop");
        assertDrops(beside, "chain c of table netdev other, rule 1 (drop), drops what pods here send to other nodes");
    }

    @ParameterizedTest
    @CsvSource({
        "iptables-nft, -A FORWARD -i weft.1 -j DROP",
        "iptables-legacy, -A FORWARD -i weft.1 -j DROP",
        "iptables-nft, -t mangle -A FORWARD -i weft.1 -j DROP",
        "iptables-legacy, -t raw -A PREROUTING -i weft+ -j DROP"
    })
    void shouldNameTheRuleOfEachIptables(final String tool, final String rule) {
        host.exec("sh", "-c", tool + " -w " + rule);
        assertDrops(beside, ", rule 1 (", "), drops what pods of other nodes send to those here: ", tool + " -");
    }

    /** What it is for, only whoever made it knows. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ip daddr 10.244.7.0/24 drop",
                "ip saddr 10.244.1.77 drop",
                "ip protocol icmp drop",
                "numgen random mod 100 < 30 drop",
                "limit rate over 10/second drop",
                "ip saddr @bad drop"
            })
    void shouldNameARuleThatMayDropSomeAsNoFault(final String rule) {
        chain("ip other", "forward");
        nft("add set ip other bad { type ipv4_addr ; }");
        nft("add rule ip other c " + rule);
        final Forwarding found = look(beside);
        assertEquals(List.of(), found.drops());
        assertEquals(
                "chain c of table ip other, rule 1 (drop), may keep some of " + BOTH, found.doubt(), found::toString);
    }

    /** By a mark a rule in front of it may choose. */
    @Test
    void shouldNameADropByAMarkWhereSomethingSetsMarks() {
        chain("inet other", "forward");
        nft("add rule inet other c mark 0x99 drop");
        assertPasses(beside, "nobody sets it");
        nft("add chain inet other sets { type filter hook prerouting priority 0 ; }");
        nft("add rule inet other sets iifname weft.1 mark set 0x99");
        assertTrue(look(beside).doubt().startsWith("chain c of table inet other, rule 1 (drop), may"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ct state invalid drop",
                "ct state established,related accept",
                "tcp dport 8080 drop",
                "iifname eth0 drop",
                "ip daddr 192.0.2.0/24 drop",
                "meta mark 0x8000 drop",
                "tcp flags syn tcp option maxseg size set rt mtu",
                "fib daddr type local drop"
            })
    void shouldPassOverWhatConcernsNoPod(final String rule) {
        chain("inet other", "forward");
        nft("add rule inet other c " + rule);
        assertPasses(beside, rule);
    }

    /** Another host answers then, or none. */
    @Test
    void shouldDoubtWhereARuleGivesPodsPacketsAnotherDestination() {
        nft("add table ip other");
        nft("add chain ip other c { type nat hook prerouting priority -100 ; }");
        nft("add rule ip other c ip daddr 10.244.2.2 dnat to 192.0.2.1");
        assertEquals(
                "chain c of table ip other, rule 1 (nat), may keep some of " + BOTH,
                look(beside).doubt());
    }

    /** What a look leaves to collect is felt by packets, and rules of busy hosts are many. */
    @Test
    void shouldNotReadRulesAgainThatNobodyHasChanged() {
        assertPasses(alone, "no rules, and all classes are loaded");
        chain("ip many", "forward");
        host.exec(
                "sh",
                "-c",
                "{ yes 'add rule ip many c ip saddr 192.0.2.1 accept' | head -n 5000; } | nft -f /dev/stdin");
        final long firstBytes = allocatedByLook();
        final long secondBytes = allocatedByLook();
        assertTrue(secondBytes < firstBytes / 10, firstBytes + " bytes, then " + secondBytes);
        nft("add rule ip many c iifname weft.1 drop");
        assertDrops(alone, "chain c of table ip many, rule 5001 (drop)");
        nft("add rule ip many c iif weft.1 drop");
        nft("delete rule ip many c handle " + handleOf("iifname \"weft.1\""));
        assertDrops(alone, "chain c of table ip many, rule 5001 (drop)");
        host.ip("link", "delete", "weft.1");
        host.ip("link", "add", "weft.1", "type", "bridge");
        assertPasses(alone, "the rule has the number of the former device");
    }

    private long allocatedByLook() {
        return host.call(() -> {
            final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            final long before = threads.getCurrentThreadAllocatedBytes();
            alone.look(new HostFirewall());
            return threads.getCurrentThreadAllocatedBytes() - before;
        });
    }

    private String handleOf(final String rule) {
        final String listed = host.exec("nft", "--handle", "list", "chain", "ip", "many", "c");
        return listed.lines()
                .filter(line -> line.contains(rule))
                .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                .findFirst()
                .orElseThrow();
    }

    /** Each rule costs time that the host's other users want, and a verdict that is not known is told. */
    @Test
    void shouldDoubtWhatSoManyRulesDoThatNobodyReadsThem() {
        chain("ip many", "forward");
        host.exec(
                "sh",
                "-c",
                "{ yes 'add rule ip many c ip saddr 192.0.2.1 accept' | head -n 20001; } | nft -f /dev/stdin");
        final Forwarding found = look(alone);
        assertEquals(List.of(), found.drops());
        assertTrue(found.doubt().startsWith("whether the host's rules drop " + BOTH + " is not known: "), found::doubt);
    }
}
