/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.TableSocket;
import io.weft.linux.netlink.Nftables;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules as nft and both iptables set them in the kernel: which of them may concern a tunnel's packets, and which do not. */
@RequiresRoot
@TestInstance(Lifecycle.PER_CLASS)
class TunnelTrafficTest {
    private final NetworkNamespace namespace = NetworkNamespace.create("rules");
    private static final InetAddress LOCAL = inet("192.168.100.1");
    private static final InetAddress LOCAL_V6 = inet("fd00:100::1");
    private static final List<InetAddress> PEERS = List.of(inet("192.168.100.2"), inet("192.168.100.3"));
    private static final List<InetAddress> PEERS_V6 = List.of(inet("fd00:100::2"));
    private static final int LINK_INDEX = 7;
    private static final long SEED = 20_260_101;
    private static final int DAMAGED_COPIES = 5_000;

    @TempDir
    private Path directory = Path.of(".");

    private static InetAddress inet(final String address) {
        return IpAddress.parse(address).toInetAddress();
    }

    private void flush() {
        namespace.exec("nft", "flush", "ruleset");
    }

    @AfterAll
    void delete() {
        namespace.close();
    }

    private String touched(final boolean isIpv4) {
        return traffic(isIpv4).touchedBy(chains(isIpv4));
    }

    private static TunnelTraffic traffic(final boolean isIpv4) {
        return new TunnelTraffic(
                isIpv4 ? LOCAL : LOCAL_V6,
                8472,
                "uA",
                LINK_INDEX,
                isIpv4 ? PEERS : PEERS_V6,
                Set.of("WEFT-TUNNEL-PORT"));
    }

    private List<Chain> chains(final boolean isIpv4) {
        return namespace.call(() -> {
            try (Nftables nftables = Nftables.open()) {
                final List<Chain> chains = new ArrayList<>(LegacyTables.chains(isIpv4));
                chains.addAll(null == nftables ? List.of() : nftables.chains(isIpv4));
                return chains;
            }
        });
    }

    /** Of packets between this host and the first of the peers. */
    private String dropped(final boolean isIncoming) {
        return traffic(true).fate(chains(true), PEERS.get(0), isIncoming).droppedBy();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "input      | udp dport 8472 drop                                      | c, rule 1 (drop)",
                "input      | tcp dport 22 drop; ip saddr 192.168.100.2 reject         | c, rule 2 (reject)",
                "input      | udp dport 8472 jump other                                | other, rule 1 (drop)",
                "input      | limit rate over 10/second drop; drop                     | c, rule 2 (drop)",
                "input      | limit rate 10/second return; policy drop;                | c drops what it does not accept",
                "input      | limit rate 10/second goto harmless; policy drop;         | c drops what it does not accept",
                "input      | ip saddr 192.168.100.3 accept; policy drop;              | c drops what it does not accept",
                "prerouting | iifname \"uA\" drop                                    | c, rule 1 (drop)",
                "output     | ip daddr 192.168.100.2 drop                              | c, rule 1 (drop)",
                "output     | policy drop; tcp dport 22 accept                         | c drops what it does not accept"
            })
    void shouldNameWhatDropsAllOfAPeer(final String hook, final String rules, final String expected) throws Exception {
        chain("inet", hook, rules);
        final boolean isIncoming = !"output".equals(hook);
        assertEquals(expected.replaceFirst("^(\\w+)", "chain $1 of table inet t"), dropped(isIncoming));
        assertEquals("", dropped(!isIncoming));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "input      | ip saddr 192.168.100.3 udp dport 8472 drop",
                "input      | ip saddr 192.168.100.2 accept; policy drop;",
                "input      | limit rate over 10/second drop",
                "input      | limit rate 10/second return; drop",
                "input      | limit rate 10/second goto harmless; drop",
                "input      | ct state established accept; policy drop;",
                "input      | udp dport vmap { 8472 : accept }; drop",
                "input      | limit rate over 10/second jump other",
                "forward    | policy drop;",
                "output     | ip daddr 192.168.100.3 drop",
                "prerouting | udp dport 8472 redirect to :9"
            })
    void shouldNotBeSureOfWhatMayLetSomePass(final String hook, final String rules) throws Exception {
        chain("inet", hook, rules);
        assertEquals("", dropped(true));
        assertEquals("", dropped(false));
    }

    /** They have another port when they come there. */
    @Test
    void shouldNotBeSureOfAnInputChainThatComesBehindARedirect() throws Exception {
        nft("""
                table inet t {
                  chain c { type filter hook input priority 0; udp dport 8472 drop; }
                  chain redirects { type nat hook prerouting priority -100; udp dport 8472 redirect to :9; }
                }
                """);
        assertEquals("", dropped(true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"iptables-legacy", "iptables-nft"})
    void shouldNameARuleOfIptablesByItsNumber(final String variant) throws Exception {
        restore(variant);
        assertEquals("", dropped(true), "kube-proxy's and weft's");
        final int before = namespace.exec(variant, "-S", "INPUT").split("\n").length; // the policy is the first of them
        iptables(variant, "-A INPUT -s 192.168.100.2 -p udp -m udp --dport 8472 -m comment --comment ours -j DROP");
        assertTrue(dropped(true).matches("chain INPUT of table ip filter.*, rule " + before + " \\(.*"), dropped(true));
        iptables(variant, "-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-F", "-t nat -F", "-t mangle -F");
    }

    private void nft(final String script) throws Exception {
        final Path file = directory.resolve("rules.nft");
        Files.writeString(file, script);
        namespace.exec("nft", "-f", file.toString());
    }

    /** One chain, of a hook, with one rule. */
    private void chain(final String family, final String hook, final String rule) throws Exception {
        final String type = rule.matches(".*(masquerade|dnat|redirect).*") ? "nat" : "filter";
        nft("flush ruleset\ntable " + family
                + " t {\n chain other { counter drop; }\n chain harmless { counter return; }\n" + " chain c { type "
                + type + " hook " + hook + " priority 0;\n" + rule + "\n}\n}\n");
    }

    @Test
    void shouldFindNothingWhereThereAreNoRules() {
        flush();
        assertEquals("", touched(true));
        assertEquals("", touched(false));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "input       | udp dport 8472 drop                              | drop",
                "input       | drop                                             | drop",
                "input       | policy drop;                                     | drops what it does not accept",
                "input       | policy drop; ip saddr 192.168.100.2 udp dport 8472 accept | drops what it does not accept",
                "prerouting  | ip saddr 192.0.2.7 drop                          | drop",
                "input       | udp dport { 53, 8472 } drop                      | drop",
                "input       | udp dport 8000-9000 drop                         | drop",
                "input       | ip saddr != 192.168.100.0/24 udp dport 8472 reject | reject",
                "input       | limit rate over 10/second drop                   | drop",
                "input       | udp dport 8472 jump other                        | drop",
                "input       | udp dport vmap { 8472 : drop }                   | a verdict from a map",
                "input       | ct state new goto other                          | drop",
                "prerouting  | udp dport 8472 redirect to :9                    | redir",
                "output      | udp dport 8472 drop                              | drop",
                "output      | oifname \"uA\" drop                              | drop",
                "output      | oifname \"u*\" drop                              | drop",
                "output      | oif 7 drop                                       | drop",
                "output      | ip daddr 192.168.100.3 drop                      | drop",
                "output      | meta mark set 1                                  | meta set",
                "postrouting | ip daddr 192.168.100.0/24 ip dscp set cs1        | payload set",
                "postrouting | ip saddr 192.168.0.0/16 masquerade               | masq",
            })
    void shouldFindWhatMayConcernTheTunnel(final String hook, final String rule, final String said) throws Exception {
        chain("inet", hook, rule);
        final String touched = touched(true);
        assertTrue(touched.startsWith("chain c of table inet t ") || touched.startsWith("chain other"), touched);
        assertTrue(touched.contains(said), touched);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "input       | tcp dport 22 drop",
                "input       | udp dport 53 drop",
                "input       | udp dport 8472 counter",
                "input       | udp dport 8472 log",
                "input       | udp dport 8472 jump harmless",
                "input       | ct state established,related accept",
                "input       | policy drop; iifname \"lo\" accept; udp dport 8472 accept",
                "input       | policy drop; meta l4proto tcp drop; iifname \"uA\" accept",
                "input       | iifname \"uB\" drop",
                "input       | iifname \"uA0\" drop",
                "input       | iif 8 drop",
                "input       | ip daddr 192.168.101.1 drop",
                "input       | ip daddr != 192.168.100.1 drop",
                "forward     | policy drop;",
                "output      | ip daddr 192.0.2.0/24 drop",
                "output      | ip saddr != 192.168.100.1 drop",
                "output      | meta mark 5 drop",
                "output      | ip protocol != udp drop",
                "postrouting | ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade",
                "postrouting | meta mark & 0x4000 != 0x4000 return; masquerade",
            })
    void shouldPassOverWhatDoesNot(final String hook, final String rule) throws Exception {
        chain("inet", hook, rule);
        assertEquals("", touched(true));
    }

    @Test
    void shouldTellTheIpVersionsApart() throws Exception {
        chain("ip", "input", "udp dport 8472 drop");
        assertTrue(touched(true).startsWith("chain c of table ip t has a rule for UDP port 8472, "), touched(true));
        assertEquals("", touched(false));
        chain("ip6", "input", "udp dport 8472 drop");
        assertEquals("", touched(true));
        assertEquals(
                "chain c of table ip6 t has a rule for UDP port 8472, or that may concern it: drop", touched(false));
        chain("inet", "input", "ip saddr 192.0.2.0/24 drop");
        assertEquals("", touched(false));
        chain("ip6", "output", "ip6 daddr fd00:100::/64 drop");
        assertTrue(touched(false).endsWith("drop"), touched(false));
        chain("ip6", "output", "ip6 daddr fd00:101::/64 drop");
        assertEquals("", touched(false));
        flush();
    }

    /** They come in front of packet sockets. */
    @Test
    void shouldPassOverWhatIsAskedForPacketSocketsToo() throws Exception {
        namespace.ip("link", "add", "d0", "type", "veth", "peer", "name", "d1");
        nft(
                "flush ruleset\ntable netdev t { chain c { type filter hook ingress device d0 priority 0; policy drop; }\n}\n");
        assertEquals("", touched(true));
        namespace.ip("link", "delete", "d0");
        flush();
    }

    private void restore(final String variant) throws Exception {
        flush();
        try (InputStream rules = getClass().getResourceAsStream("kubernetes.rules")) {
            assertNotNull(rules);
            final Path file = directory.resolve("rules");
            Files.writeString(file, new String(rules.readAllBytes(), UTF_8));
            namespace.exec(variant + "-restore", file.toString());
        }
    }

    private void iptables(final String variant, final String... commands) {
        for (final String command : commands) {
            namespace.exec((variant + " " + command).split(" ", -1));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"iptables-legacy", "iptables-nft"})
    void shouldReadWhatIptablesHasSet(final String variant) throws Exception {
        restore(variant);
        assertEquals("", touched(true), "kube-proxy's and weft's");
        iptables(
                variant,
                "-A INPUT -p udp --dport 53 -j DROP",
                "-A INPUT ! -i u+ -j DROP",
                "-P FORWARD DROP",
                "-t nat -A KUBE-SVC-DNS -p udp -j DNAT --to-destination 10.244.1.3:53");
        assertEquals("", touched(true));
        for (final String rule : List.of(
                "INPUT -p udp --dport 8472 -j DROP",
                "INPUT -p udp ! --dport 54 -j REJECT",
                "INPUT -s 192.0.2.0/24 -j DROP",
                "INPUT -i u+ -j DROP",
                "KUBE-FIREWALL -o uA -j DROP",
                "OUTPUT -d 192.168.100.2 -j DROP",
                "POSTROUTING -t nat -o uA -j MASQUERADE",
                "POSTROUTING -t mangle -p udp -j TOS --set-tos 4",
                "OUTPUT -t mangle -p udp -j MARK --set-mark 1")) {
            iptables(variant, "-I " + rule);
            assertTrue(touched(true).contains(" has a rule for UDP port 8472"), rule);
            iptables(variant, "-D " + rule);
        }
        iptables(variant, "-P INPUT DROP");
        assertTrue(touched(true).startsWith("chain INPUT of table ip filter"), touched(true));
        assertTrue(touched(true).endsWith("drops what it does not accept"), touched(true));
        iptables(variant, "-I INPUT -p udp --dport 8472 -j ACCEPT");
        assertEquals("", touched(true));
        iptables(variant, "-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-F", "-t nat -F", "-t mangle -F");
    }

    @Test
    void shouldReadIptablesOfIpv6() {
        flush();
        namespace.exec("ip6tables-legacy", "-A", "INPUT", "-s", "2001:db8::/32", "-j", "DROP");
        assertEquals("", touched(true));
        assertTrue(touched(false).startsWith("chain INPUT of table ip6 filter (legacy) has a rule"), touched(false));
        namespace.exec("ip6tables-legacy", "-F");
        namespace.exec("ip6tables-legacy", "-A", "OUTPUT", "-d", "2001:db8::/32", "-p", "udp", "-j", "DROP");
        namespace.exec("ip6tables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP");
        assertEquals("", touched(false));
        namespace.exec("ip6tables-legacy", "-F");
    }

    @Test
    void shouldReadOrRefuseATableByNameWhateverIsDamaged() throws Exception {
        restore("iptables-legacy");
        final TableSocket.Table table = namespace.call(() -> {
            try (TableSocket socket = TableSocket.open(true)) {
                return socket.read("nat");
            }
        });
        final Random random = new Random(SEED);
        int refused = 0;
        for (int i = 0; i < DAMAGED_COPIES; i++) {
            final byte[] damaged = 0 == i % 4
                    ? Arrays.copyOf(table.entries(), random.nextInt(table.entries().length))
                    : table.entries().clone();
            for (int bytes = random.nextInt(8); bytes > 0 && damaged.length > 0; bytes--) {
                damaged[random.nextInt(damaged.length)] = (byte) (random.nextBoolean() ? 0 : random.nextInt());
            }
            try {
                LegacyTable.read("nat", true, Map.of(0, 0), Map.of(0, 152), damaged);
            } catch (final LinuxException failure) {
                assertEquals(Errno.EBADMSG, failure.errno());
                refused++;
            }
        }
        assertTrue(refused > DAMAGED_COPIES / 10, "only " + refused + " were refused");
        assertThrows(
                LinuxException.class, () -> LegacyTable.read("nat", true, Map.of(0, 4), Map.of(0, 4), table.entries()));
    }
}
