/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Faults of the IPv6 half of a cluster of both families, whose other half is well: which one, by the tools that show it. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class Ipv6FaultsTest {
    private final CloseAll resources = new CloseAll();
    private final Topology topology =
            resources.add(Topology.builder().dualStack().build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);
    private final String peer = kernel.underlayAddressV6();
    private Operator operator = new Operator(node.namespace(), Path.of("."));

    @BeforeAll
    void startADaemonBesideAKernelNode(@TempDir final Path directory) throws IOException {
        operator = new Operator(node.namespace(), directory.resolve("run"));
        topology.kernelVxlan(kernel);
        WeftdProcess.dualStackLeases(directory, "", 1, node, kernel);
        resources
                .add(WeftdProcess.start(node, directory, "--peer-check-interval=1"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        awaitWell();
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private void awaitWell() {
        operator.awaitPing(
                0, peer, kernel.subnetV6() + ": ok, underlay N ms up to 1500 bytes, overlay N ms up to 1430 bytes\n");
        operator.awaitStatus("  peers     ok     1 node by weft.1, 1 node by weft-v6.1, all answer");
    }

    private static void sh(final Topology.Node on, final String command) {
        on.namespace().exec("sh", "-c", command);
    }

    private void forgetNeighbours() {
        node.namespace().ip("-6", "neigh", "flush", "dev", node.underlayDevice());
        kernel.namespace().ip("-6", "neigh", "flush", "dev", kernel.underlayDevice());
    }

    @Test
    @Order(1)
    void shouldNameTheToolThatShowsRulesOfRoutingOfIpv6() {
        node.namespace().ip("-6", "rule", "add", "from", node.subnetV6(), "priority", "100", "prohibit");
        operator.awaitPing(3, peer, ": WRONG route, ", " iif cni0 says so; ip -6 rule show has the rules of routing");
        node.namespace().ip("-6", "rule", "delete", "priority", "100");
        awaitWell();
    }

    @Test
    @Order(1)
    void shouldNameTheToolThatShowsTheFirewallOfIpv6() {
        sh(node, "ip6tables -w -A INPUT -s " + peer + " -p udp --dport 8472 -j DROP");
        operator.awaitPing(
                3,
                peer,
                ": WRONG overlay, ",
                "this node's own firewall drops what comes from " + peer
                        + ": chain INPUT of table ip6 filter, rule 1 (",
                "(nft -a list ruleset and ip6tables-save show it)");
        sh(node, "ip6tables -w -F INPUT");
        sh(kernel, "ip6tables -w -A INPUT -p udp -j DROP; ip6tables -w -A OUTPUT -p udp -j DROP");
        operator.awaitPing(
                3,
                peer,
                ": WRONG overlay, ",
                "ip6tables -S INPUT and OUTPUT, or nft list ruleset",
                "ip route get " + node.subnetBaseV6() + ", ip neigh show dev flannel-v6.1");
        sh(kernel, "ip6tables -w -F");
        awaitWell();
    }

    @Test
    @Order(1)
    void shouldNameTheRuleThatKeepsThisNodeFromFindingItsNeighbours() {
        final String chain =
                "add table ip6 other; add chain ip6 other c { type filter hook prerouting priority -300 ; }; ";
        node.namespace().exec("nft", chain + "add rule ip6 other c icmpv6 type nd-neighbor-advert drop");
        forgetNeighbours();
        operator.awaitPing(
                3,
                peer,
                ": WRONG fabric, ",
                "this node's own firewall drops neighbour discovery, without which no node on the link is found:"
                        + " chain c of table ip6 other, rule 1 (drop): let ICMPv6 of types 135 and 136 pass both ways"
                        + " (nft -a list ruleset and ip6tables-save show it)");
        node.namespace()
                .exec(
                        "nft",
                        "flush chain ip6 other c; add rule ip6 other c icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }"
                                + " drop");
        forgetNeighbours();
        operator.awaitPing(
                3,
                peer,
                ": WRONG fabric, ",
                "; or this node's own firewall drops neighbour discovery: chain c of table ip6 other, rule 1 (drop)");
        node.namespace().exec("nft", "delete table ip6 other");
        awaitWell();
    }

    /** Only what is seen from here can be said of it. */
    @Test
    @Order(1)
    void shouldSayThatAPeerMayKeepItselfFromBeingFound() {
        sh(kernel, "ip6tables -w -I INPUT -p icmpv6 -j DROP");
        forgetNeighbours();
        operator.awaitPing(
                3,
                peer,
                ": WRONG fabric, ",
                "or a firewall there drops neighbour discovery (ICMPv6: ip6tables -S INPUT there, or nft list ruleset), or it may"
                        + " not use its address since another host on the link has it too (dadfailed in ip -6 address there)");
        sh(kernel, "ip6tables -w -F");
        awaitWell();
    }

    @Test
    @Order(1)
    void shouldNameTheRuleOfThisNodesFirewallThatLosesSome() {
        sh(node, "ip6tables -w -A INPUT -m statistic --mode random --probability 0.1 -j DROP");
        operator.awaitPing(
                3,
                peer,
                ": WRONG loss, ",
                ": this node's own firewall may drop them: chain INPUT of table ip6 filter, rule 1 (",
                "; or look for a rate limit or a firewall's limit there or on the way (ip6tables -S INPUT there, ");
        sh(node, "ip6tables -w -F INPUT");
        awaitWell();
    }

    @Test
    @Order(1)
    void shouldPutRulesOfBothFamiliesIntoAReport(@TempDir final Path directory) throws IOException {
        node.namespace().ip("-6", "rule", "add", "from", "fd00:77::/64", "priority", "100", "prohibit");
        node.namespace().exec("nft", "add table ip6 other");
        sh(node, "ip6tables -w -A OUTPUT -d fd00:78::/64 -j ACCEPT");
        final Path archive = directory.resolve("report.zip");
        operator.run(0, "report", "-w", archive.toString());
        node.namespace().ip("-6", "rule", "delete", "priority", "100");
        node.namespace().exec("nft", "delete table ip6 other");
        sh(node, "ip6tables -w -F OUTPUT");
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            assertContains(zip, "host/ip -6 rule.txt", "100:\tfrom fd00:77::/64 prohibit");
            assertContains(zip, "host/nft list ruleset.txt", "table ip6 other {");
            assertContains(zip, "host/ip6tables-save.txt", "-A OUTPUT -d fd00:78::/64 -j ACCEPT");
            assertContains(
                    zip,
                    "host/ip route show table all.txt",
                    Topology.CLUSTER_NETWORK_V6 + " via fe80::1 dev weft-v6.1");
            assertContains(zip, "host/sysctl --all --pattern.txt", "net.ipv6.conf.all.forwarding = 1");
        }
    }

    private static void assertContains(final ZipFile zip, final String name, final String words) throws IOException {
        assertTrue(
                null != zip.getEntry(name),
                () -> name + " is not among "
                        + zip.stream().map(Object::toString).collect(Collectors.joining(", ")));
        final String content = new String(
                zip.getInputStream(Objects.requireNonNull(zip.getEntry(name))).readAllBytes(), UTF_8);
        assertTrue(content.contains(words), content);
    }

    /** Of two. */
    @Test
    @Order(2)
    void shouldNameTheUnderlaysAddressThatIsLost() {
        final String setting = "net.ipv6.conf." + node.underlayDevice() + ".disable_ipv6";
        node.namespace().sysctl(setting, 1);
        operator.awaitStatus(
                "  underlay  WRONG  interface uA has lost an address of uA (192.168.100.1, fd00:100::1, MTU 1500):"
                        + " fd00:100::1 is gone, since " + setting
                        + " is 1: sysctl -w net/ipv6/conf/uA/disable_ipv6=0 &&"
                        + " ip address add fd00:100::1/LENGTH dev uA");
        node.namespace().sysctl(setting, 0);
        node.namespace().ip("address", "add", "fd00:100::1/64", "dev", "uA", "nodad");
        operator.awaitStatus("  underlay  ok ");
        awaitWell();
    }

    /** The other device is as it was, and nothing is put right that cannot be. */
    @Test
    @Order(3)
    void shouldNameTheDeviceThatMayHaveNoIpv6() {
        final String setting = "net/ipv6/conf/weft-v6.1/disable_ipv6";
        node.namespace().sysctl(setting, 1);
        operator.awaitStatus(
                "  device    WRONG  set address " + node.subnetBaseV6()
                        + "/128 on weft-v6.1: EACCES (permission denied)",
                "net.ipv6.conf.weft-v6/1.disable_ipv6 is 1: sysctl -w " + setting + "=0\n");
        assertFalse(operator.status().contains("something else deleted"), operator::status);
        node.namespace().sysctl(setting, 0);
        operator.awaitStatus(
                "  device    WRONG  in the last minute something else deleted weft-v6.1, set it down, or changed");
        awaitWell();
    }
}
