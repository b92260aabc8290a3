/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.testing.FileSystemUser;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both iptables of Debian beside each other in a namespace, with rules that others have in them. */
@RequiresRoot
class IptablesRulesTest {
    private static final NodeRules.Wishes ALL = new NodeRules.Wishes(true, true, true, null);
    private static final List<String> MASQUERADE = List.of("POSTROUTING", "FLANNEL-POSTRTG");
    private static final List<String> FORWARD = List.of("FORWARD", "FLANNEL-FWD");

    private final NetworkNamespace host = NetworkNamespace.create("host");

    @AfterEach
    void tearDown() {
        host.close();
    }

    /** IPv4 and IPv6; the host's own rules are in the iptables that is the default of this machine, or in the other one. */
    static Stream<Arguments> placesOfTheHostsRules() {
        return Stream.of("iptables", "ip6tables")
                .flatMap(tool -> Stream.of("-nft", "-legacy").map(variant -> Arguments.of(tool, variant)));
    }

    private static IptablesRules rules(final String tool, final IptablesRules.Scope scope) {
        return "iptables".equals(tool)
                ? new IptablesRules(
                        IpPrefix.parse("10.244.0.0/16"), IpPrefix.parse("10.244.1.0/24"), ALL, scope, List::of)
                : new IptablesRules(
                        IpPrefix.parse("fd00:10:244::/48"), IpPrefix.parse("fd00:10:244:1::/64"), ALL, scope, List::of);
    }

    private static String other(final String variant) {
        return "-nft".equals(variant) ? "-legacy" : "-nft";
    }

    private boolean repair(final IptablesRules rules) {
        return host.call(rules::repair);
    }

    /** Sets what is missing, after which nothing is. */
    private void set(final IptablesRules rules) {
        assertTrue(repair(rules));
        assertFalse(repair(rules), "all is there");
    }

    private List<String> save(final String tool) {
        return host.exec(tool + "-save")
                .lines()
                .filter(line -> line.startsWith("-A "))
                .toList();
    }

    private static boolean has(final List<String> saved, final List<String> chain) {
        final boolean hasJump = saved.stream()
                .anyMatch(line -> line.startsWith("-A " + chain.get(0) + " ") && line.endsWith("-j " + chain.get(1)));
        final boolean hasRules = saved.stream().anyMatch(line -> line.startsWith("-A " + chain.get(1) + " "));
        assertEquals(hasJump, hasRules, () -> "half of " + chain + ": " + saved);
        return hasJump;
    }

    private void assertHas(final String tool, final boolean masquerade, final boolean forward) {
        final List<String> saved = save(tool);
        assertEquals(masquerade, has(saved, MASQUERADE), () -> tool + ": " + saved);
        assertEquals(forward, has(saved, FORWARD), () -> tool + ": " + saved);
    }

    private void ownRules(final String tool, final int count) {
        for (int i = 0; i < count; i++) {
            host.exec(tool, "-A", "INPUT", "-p", "tcp", "--dport", String.valueOf(1000 + i), "-j", "ACCEPT");
        }
    }

    @Test
    void shouldUseThePlainToolAndMakeNoLegacyTableWhereNobodyHasRules() {
        set(rules("iptables", IptablesRules.Scope.ALL));
        assertHas("iptables", true, true);
        if (host.exec("iptables", "--version").contains("nf_tables")) {
            assertEquals("", host.exec("sh", "-c", "cat /proc/net/ip_tables_names || true"));
        }
    }

    /** As weftd with two capabilities alone: what is root's to know is told once, with the remedy, and nftables has the rules. */
    @ParameterizedTest
    @ValueSource(strings = {"iptables", "ip6tables"})
    void shouldSetTheRulesByNftablesWhereLegacyIsRootsToKnow(final String tool) {
        loadClasses(tool);
        ownRules(tool + "-legacy", 3);
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        assertTrue(repairAsNobody(rules));
        assertFalse(repairAsNobody(rules), "all is there");
        assertHas(tool + "-nft", true, true);
        assertHas(tool + "-legacy", false, false);
        final RulesException failure = assertThrows(
                RulesException.class, () -> asNobody(() -> new IptablesVariant(tool + "-legacy", true).dump()));
        final String names =
                "/proc/thread-self/net/" + ("iptables".equals(tool) ? "ip_tables_names" : "ip6_tables_names");
        assertEquals(
                "read " + names
                        + ": EACCES (permission denied). Which tables iptables-legacy has is root's to know: run as"
                        + " user 0, or with capability CAP_DAC_READ_SEARCH too",
                failure.getMessage());
    }

    /** Nobody may not read them where the build is root's. */
    private static void loadClasses(final String tool) {
        try (NetworkNamespace other = NetworkNamespace.create("other")) {
            other.call(rules(tool, IptablesRules.Scope.ALL)::repair);
            other.call(new IptablesVariant(tool + "-legacy", true)::dump);
        }
        final LinuxException failure = LinuxException.reading(Path.of("/x"), new AccessDeniedException("/x"), "");
        final RulesException told = new UnreadableTablesException(String.valueOf(failure.getMessage()));
        System.getLogger(IptablesRules.class.getName()).log(System.Logger.Level.WARNING, "{0}", told.getMessage());
    }

    private boolean repairAsNobody(final IptablesRules rules) {
        return asNobody(rules::repair);
    }

    private <T> T asNobody(final Callable<T> task) {
        return host.call(() -> FileSystemUser.asNobody(task));
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldSetTheRulesWhereTheHostsOwnAre(final String tool, final String variant) {
        ownRules(tool + variant, 3);
        ownRules(tool + other(variant), 1);
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        set(rules);
        assertHas(tool + variant, true, true);
        assertHas(tool + other(variant), false, false);
        assertEquals(
                3,
                save(tool + variant).stream()
                        .filter(line -> line.contains("dport"))
                        .count());
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldFollowKubeletsChainRatherThanTheNumberOfRules(final String tool, final String variant) {
        ownRules(tool + other(variant), 5);
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        set(rules);
        assertHas(tool + other(variant), true, true);
        host.exec(tool + variant, "-t", "mangle", "-N", "KUBE-IPTABLES-HINT");
        set(rules);
        assertHas(tool + variant, true, true);
        assertHas(tool + other(variant), false, false);
        assertEquals(5, save(tool + other(variant)).size(), "the others' rules stay");
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldStayWhereTheyAreWhileBothHaveAsMany(final String tool, final String variant) {
        ownRules(tool + variant, 3);
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        set(rules);
        ownRules(tool + other(variant), 6);
        assertFalse(repair(rules));
        ownRules(tool + other(variant), 1);
        set(rules);
        assertHas(tool + other(variant), true, true);
        assertHas(tool + variant, false, false);
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldAcceptForwardedTrafficAlsoWhereTheOtherDropsIt(final String tool, final String variant) {
        ownRules(tool + other(variant), 1);
        host.exec(tool + variant, "-P", "FORWARD", "DROP");
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        set(rules);
        assertHas(tool + other(variant), true, true);
        assertHas(tool + variant, false, true);
        host.exec(tool + variant, "-P", "FORWARD", "ACCEPT");
        set(rules);
        assertHas(tool + variant, false, false);
        host.exec(tool + variant, "-P", "FORWARD", "DROP");
        set(rules);
        host.exec(tool + variant, "-F");
        set(rules);
        assertHas(tool + variant, false, true);
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldAcceptBeforeARuleThatLetsNothingPass(final String tool, final String variant) {
        ownRules(tool + other(variant), 5);
        host.exec(tool + variant, "-A", "FORWARD", "-i", "lo", "-j", "ACCEPT");
        final IptablesRules rules = rules(tool, IptablesRules.Scope.ALL);
        set(rules);
        assertHas(tool + variant, false, false);
        host.exec(tool + variant, "-A", "FORWARD", "-m", "comment", "--comment", "all else", "-j", "REJECT");
        set(rules);
        assertEquals(
                List.of("-i lo", "FLANNEL-FWD", "-j REJECT"),
                save(tool + variant).stream()
                        .filter(line -> line.startsWith("-A FORWARD "))
                        .map(line -> Stream.of("-i lo", "FLANNEL-FWD", "-j REJECT")
                                .filter(line::contains)
                                .findFirst()
                                .orElse(line))
                        .toList());
        host.exec(tool + variant, "-I", "FORWARD", "1", "-j", "DROP");
        set(rules);
        assertTrue(save(tool + variant).stream()
                .filter(line -> line.startsWith("-A FORWARD "))
                .findFirst()
                .orElseThrow()
                .endsWith("-j FLANNEL-FWD"));
    }

    @ParameterizedTest
    @MethodSource("placesOfTheHostsRules")
    void shouldKeepToWhatIsDroppedWhereNftablesHasTheRules(final String tool, final String variant) {
        ownRules(tool + variant, 1);
        set(rules(tool, IptablesRules.Scope.ALL));
        assertHas(tool + variant, true, true);
        final IptablesRules rules = rules(tool, IptablesRules.Scope.WHERE_DROPPED);
        set(rules);
        assertHas(tool + variant, false, false);
        host.exec(tool + variant, "-P", "FORWARD", "DROP");
        set(rules);
        assertHas(tool + variant, false, true);
        assertHas(tool + other(variant), false, false);
    }

    @Test
    void shouldLeaveRulesThatAreNotWishedAsTheyAre() {
        set(rules("iptables", IptablesRules.Scope.ALL));
        final IptablesRules forwardAlone = new IptablesRules(
                IpPrefix.parse("10.244.0.0/16"),
                IpPrefix.parse("10.244.1.0/24"),
                new NodeRules.Wishes(false, false, true, null),
                IptablesRules.Scope.ALL,
                List::of);
        set(forwardAlone);
        assertHas("iptables", true, true);
    }
}
