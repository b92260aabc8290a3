/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rules that others have on a host, in a namespace with a bridge for pods. */
@RequiresRoot
class ForwardCheckTest {
    private static final IpPrefix NETWORK = IpPrefix.parse("10.244.0.0/16");
    private static final IpPrefix SUBNET = IpPrefix.parse("10.244.1.0/24");

    private final NetworkNamespace host = NetworkNamespace.create("forward");
    private final ForwardCheck alone = new ForwardCheck(NETWORK, SUBNET, false);
    private final ForwardCheck beside = new ForwardCheck(NETWORK, SUBNET, true);

    ForwardCheckTest() {
        host.ip("link", "add", "cni0", "type", "bridge");
        host.ip("address", "add", "10.244.1.1/24", "dev", "cni0");
    }

    @AfterEach
    void tearDown() {
        host.close();
    }

    private List<String> look(final ForwardCheck check) {
        return host.call(check::look);
    }

    private void iptables(final String... arguments) {
        host.exec("sh", "-c", "iptables -w " + String.join(" ", arguments));
    }

    private void assertDrops(final ForwardCheck check, final String words) {
        final List<String> found = look(check);
        assertEquals(1, found.size(), found::toString);
        assertTrue(found.get(0).contains(words), found::toString);
    }

    @Test
    void shouldNameIptablesThatDropsAndAcceptsNothingOfPods() {
        assertEquals(List.of(), look(alone));
        iptables("-P FORWARD DROP");
        assertDrops(
                alone,
                ", chain FORWARD, drops what pods send to other nodes, and no rule accepts 10.244.0.0/16: leave the rules"
                        + " to weft (--iptables-forward-rules), or iptables");
        assertEquals(List.of(), look(beside), "weft's rules are its keeper's");
        iptables("-N FLANNEL-FWD");
        iptables("-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment 'flanneld forward' -j ACCEPT");
        assertDrops(alone, ", chain FORWARD, drops ");
        iptables("-A FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD");
        assertEquals(List.of(), look(alone), "weft's rules of before");
        iptables("-D FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD");
        iptables("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
        iptables("-A FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT");
        iptables("-A FORWARD -i docker0 -j ACCEPT");
        iptables("-A FORWARD -s 192.168.0.0/16 -j ACCEPT");
        iptables("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT");
        iptables("-A INPUT -j ACCEPT");
        assertDrops(alone, ", chain FORWARD, drops ");
        for (final String accepting :
                List.of("-s 10.0.0.0/8", "-d 10.244.0.0/16", "-i cni0", "-i cni+", "! -s 192.168.0.0/16")) {
            iptables("-A FORWARD " + accepting + " -j ACCEPT");
            assertEquals(List.of(), look(alone), accepting);
            iptables("-D FORWARD " + accepting + " -j ACCEPT");
        }
        iptables("-P FORWARD ACCEPT");
        assertEquals(List.of(), look(alone));
    }

    private void nft(final String script) {
        host.exec("nft", script);
    }

    @Test
    void shouldNameAForeignTableThatDropsThoughWeftsRulesAccept() {
        nft("add table inet other");
        nft("add chain inet other pass { type filter hook forward priority 10 ; policy drop ; }");
        nft("add rule inet other pass ct state established,related accept");
        nft("add rule inet other pass iifname \"docker0\" accept");
        assertDrops(
                beside,
                "nftables, table inet other, chain pass, drops what pods send to other nodes, and no rule accepts"
                        + " 10.244.0.0/16: nft insert rule inet other pass ip saddr 10.244.0.0/16 accept && nft insert"
                        + " rule inet other pass ip daddr 10.244.0.0/16 accept");
        nft("insert rule inet other pass ip saddr 10.244.0.0/16 accept");
        assertEquals(List.of(), look(beside));
    }

    @Test
    void shouldNameAChainWhoseLastRuleRejectsAsFirewalldsDoes() {
        nft("add table inet firewalld");
        nft("add chain inet firewalld zone");
        nft("add chain inet firewalld pass { type filter hook forward priority 10 ; policy accept ; }");
        nft("add rule inet firewalld pass jump zone");
        assertEquals(List.of(), look(beside));
        nft("add rule inet firewalld pass reject with icmpx admin-prohibited");
        assertDrops(beside, "nftables, table inet firewalld, chain pass, drops ");
        nft("add rule inet firewalld zone iifname \"cni0\" accept");
        assertEquals(List.of(), look(beside));
    }
}
