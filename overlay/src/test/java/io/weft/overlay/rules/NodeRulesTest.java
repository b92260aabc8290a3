/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which rules a node has by its options, set by the real tools. */
@RequiresRoot
class NodeRulesTest {
    private static final String DEVICE = "weft.1";

    private final NetworkNamespace host = NetworkNamespace.create("host");

    @AfterEach
    void tearDown() {
        host.close();
    }

    private static NodeRules rulesOf(final boolean nftables, final @Nullable TunnelPort tunnelPort) {
        final NetworkConfig config = new NetworkConfig(
                IpPrefix.parse("10.244.0.0/16"),
                null,
                null,
                null,
                nftables,
                new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false));
        return NodeRules.of(
                config,
                LeaseKey.parse("10.244.1.0-24"),
                new NodeRules.Wishes(false, false, false, tunnelPort),
                List.of(DEVICE),
                List::of);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldGuardTheTunnelsPortWhereNeitherMasqueradeNorForwardRulesAreWished(final boolean nftables) {
        final NodeRules rules = rulesOf(nftables, new TunnelPort(8472, List.of(), List.of(DEVICE)));
        host.call(() -> {
            rules.wanted().forEach(Ruleset::repair);
            return null;
        });
        final String listing = nftables ? host.exec("nft", "list", "ruleset") : host.exec("iptables-save");
        assertTrue(
                listing.contains(nftables ? NftablesRules.TUNNEL_PORT_CHAIN : IptablesRules.TUNNEL_PORT_CHAIN),
                listing);
        assertTrue(listing.contains("8472"), listing);
        assertFalse(listing.contains(nftables ? "masquerade" : "MASQUERADE"), listing);
        assertFalse(listing.contains(nftables ? "accept\n" : "-j ACCEPT"), listing);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldHaveNoRulesWhereNoneIsWishedAndThereIsNoPortToGuard(final boolean nftables) {
        assertEquals(List.of(), rulesOf(nftables, null).wanted());
    }
}
