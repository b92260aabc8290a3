/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rules of two daemons for two networks, which share flannel's chains. */
@RequiresRoot
class TwoNetworksTest {
    private static final String IPV4 = "iptables";
    private static final String IPV6 = "ip6tables";

    private final NetworkNamespace host = NetworkNamespace.create("host");

    @AfterEach
    void tearDown() {
        host.close();
    }

    /**
     * A network.
     *
     * @param number 1 to 9, in its addresses, device and port.
     */
    private record Net(String tool, int number) {
        IpPrefix network() {
            return IpPrefix.parse(IPV6.equals(tool) ? "fd00:" + number + "::/48" : "10." + number + ".0.0/16");
        }

        IpPrefix subnet() {
            return IpPrefix.parse(IPV6.equals(tool) ? "fd00:" + number + ":0:1::/64" : "10." + number + ".1.0/24");
        }

        int port() {
            return 8470 + number;
        }

        String device() {
            return "weft." + number;
        }

        OtherNetwork seenByOthers() {
            return new OtherNetwork(List.of(network()), List.of(device()), port());
        }

        Ruleset rules(final Supplier<List<OtherNetwork>> others) {
            final NodeRules.Wishes wishes =
                    new NodeRules.Wishes(true, true, true, new TunnelPort(port(), List.of(), List.of(device())));
            return "nft".equals(tool)
                    ? new NftablesRules(network(), subnet(), wishes, others)
                    : new IptablesRules(network(), subnet(), wishes, IptablesRules.Scope.ALL, others);
        }
    }

    private boolean repair(final Ruleset rules) {
        return host.call(rules::repair);
    }

    private List<String> listing(final String tool) {
        return ("nft".equals(tool) ? host.exec("nft", "--stateless", "list", "ruleset") : host.exec(tool + "-save"))
                .lines()
                .map(String::strip)
                .filter(line -> !line.startsWith("#") && !line.startsWith(":"))
                .toList();
    }

    /** In their order. */
    private List<String> rulesOf(final Net net) {
        final String start = net.network().base().toString().replaceAll("(::|\\.0\\.0)$", "");
        return listing(net.tool).stream()
                .filter(line -> line.contains(start) || line.contains(net.device()) || line.contains("" + net.port()))
                .toList();
    }

    private void deleteSome(final Net net) {
        if ("nft".equals(net.tool)) {
            host.exec("nft", "flush", "chain", "ip", "flannel-ipv4", "forward");
        } else {
            host.exec(
                    net.tool,
                    "-D",
                    "FLANNEL-FWD",
                    "-s",
                    net.network().toString(),
                    "-m",
                    "comment",
                    "--comment",
                    "flanneld forward",
                    "-j",
                    "ACCEPT");
            host.exec(
                    net.tool,
                    "-t",
                    "mangle",
                    "-D",
                    "INPUT",
                    "-p",
                    "udp",
                    "--dport",
                    String.valueOf(net.port()),
                    "-m",
                    "comment",
                    "--comment",
                    "weftd tunnel port",
                    "-j",
                    "WEFT-TUNNEL-PORT");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {IPV4, IPV6, "nft"})
    void shouldKeepTheRulesOfBothNetworks(final String tool) {
        final Net one = new Net(tool, 1);
        final Net two = new Net(tool, 2);
        final Ruleset ofOne = one.rules(List::of);
        assertTrue(repair(ofOne));
        final List<String> alone = rulesOf(one);
        final Ruleset ofTwo = two.rules(() -> List.of(one.seenByOthers()));
        assertTrue(repair(ofTwo));
        assertEquals(alone, rulesOf(one), "the start of the one leaves those of the other");
        final List<String> rulesOfTwo = rulesOf(two);
        assertFalse(repair(ofOne), () -> "all is there: " + listing(tool));
        assertFalse(repair(ofTwo), () -> "all is there: " + listing(tool));
        deleteSome(one);
        assertTrue(repair(ofOne));
        repair(ofTwo);
        assertEquals(alone, rulesOf(one));
        assertEquals(rulesOfTwo, rulesOf(two));
        assertFalse(repair(ofOne), () -> "all is there again: " + listing(tool));
        assertFalse(repair(ofTwo), () -> "all is there again: " + listing(tool));
    }

    /** Its daemon keeps its files elsewhere: its rules go once and come back. */
    @ParameterizedTest
    @ValueSource(strings = {IPV4, IPV6, "nft"})
    void shouldComeToAnEndWithoutKnowingOfEachOther(final String tool) {
        final Net one = new Net(tool, 1);
        final Net two = new Net(tool, 2);
        final Ruleset ofOne = one.rules(List::of);
        final Ruleset ofTwo = two.rules(List::of);
        assertTrue(repair(ofOne));
        final List<String> alone = rulesOf(one);
        assertTrue(repair(ofTwo));
        final List<String> rulesOfTwo = rulesOf(two);
        assertTrue(repair(ofOne));
        assertEquals(alone, rulesOf(one));
        assertEquals(rulesOfTwo, rulesOf(two));
        assertFalse(repair(ofTwo), () -> "all is there: " + listing(tool));
        assertFalse(repair(ofOne), () -> "all is there: " + listing(tool));
    }

    @ParameterizedTest
    @ValueSource(strings = {IPV4, IPV6, "nft"})
    void shouldTakeAwayWhatAFormerNetworkOfTheNodeLeft(final String tool) {
        final Net former = new Net(tool, 1);
        final Net other = new Net(tool, 2);
        final Net now = new Net(tool, 3);
        assertTrue(repair(former.rules(List::of)));
        assertTrue(repair(other.rules(() -> List.of(former.seenByOthers()))));
        final List<String> ofOther = rulesOf(other);
        assertTrue(repair(now.rules(() -> List.of(other.seenByOthers()))));
        assertEquals(List.of(), rulesOf(former));
        assertEquals(ofOther, rulesOf(other));
    }

    @ParameterizedTest
    @ValueSource(strings = {IPV4, IPV6})
    void shouldMendTheOrderAndWhatIsDoubled(final String tool) {
        final Net one = new Net(tool, 1);
        final Net two = new Net(tool, 2);
        final Ruleset ofOne = one.rules(List::of);
        final Ruleset ofTwo = two.rules(() -> List.of(one.seenByOthers()));
        repair(ofOne);
        repair(ofTwo);
        final List<String> right = rulesOf(one);
        host.exec(
                tool,
                "-t",
                "nat",
                "-I",
                "FLANNEL-POSTRTG",
                "!",
                "-s",
                one.network().toString(),
                "-d",
                one.network().toString(),
                "-m",
                "comment",
                "--comment",
                "flanneld masq",
                "-j",
                "MASQUERADE",
                "--random-fully");
        host.exec(tool, "-A", "FORWARD", "-m", "comment", "--comment", "flanneld forward", "-j", "FLANNEL-FWD");
        assertTrue(repair(ofOne));
        repair(ofTwo);
        assertEquals(right, rulesOf(one));
        assertEquals(
                1,
                listing(tool).stream()
                        .filter(line -> line.endsWith("-j FLANNEL-FWD"))
                        .count());
    }
}
