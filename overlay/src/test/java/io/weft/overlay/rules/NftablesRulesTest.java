/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.ProgramsWithoutRights;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rules of a real nft, of which a run fails. */
@RequiresRoot
class NftablesRulesTest {
    private static final String BRIDGE_RULE = "iifname \"cni0\" udp dport 8472";

    private final NetworkNamespace host = NetworkNamespace.create("host");
    private final NftablesRules rules = new NftablesRules(
            IpPrefix.parse("10.244.0.0/16"),
            IpPrefix.parse("10.244.1.0/24"),
            new NodeRules.Wishes(true, true, true, new TunnelPort(8472, List.of(), List.of())),
            List::of);

    @AfterEach
    void tearDown() {
        host.close();
    }

    private boolean repair() {
        return host.call(rules::repair);
    }

    private void repairWithoutRights() {
        host.call(() -> ProgramsWithoutRights.withoutNetAdmin(rules::repair));
    }

    private String listing() {
        return host.exec("nft", "list", "ruleset");
    }

    @Test
    void shouldSetTheRulesOfABridgeThatCameWhileTheToolFailed() {
        assertTrue(repair());
        assertFalse(listing().contains(BRIDGE_RULE), this::listing);
        host.ip("link", "add", "cni0", "type", "bridge");
        host.ip("address", "add", "10.244.1.1/24", "dev", "cni0");
        assertThrows(RulesException.class, this::repairWithoutRights);
        assertThrows(RulesException.class, this::repairWithoutRights, "it is tried again");
        assertTrue(repair(), "rules that were missing are set");
        assertTrue(listing().contains(BRIDGE_RULE), this::listing);
        assertFalse(repair(), "all is there");
    }

    @Test
    void shouldTryAgainWhenTheFirstRunFailed() {
        assertThrows(RulesException.class, this::repairWithoutRights);
        assertTrue(repair());
        assertFalse(repair(), "all is there");
    }
}
