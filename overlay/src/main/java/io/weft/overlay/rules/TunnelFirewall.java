/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.Chain;
import io.weft.linux.netfilter.LegacyTables;
import io.weft.linux.netfilter.TunnelTraffic;
import io.weft.linux.netlink.Nftables;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * Whether the host's firewall may concern the tunnel's packets, which it would not see if they went by packet socket: rules of nftables
 * and of both iptables, but for weft's own of the tunnel's port, which say what the data plane says too (docs/decisions/0024). What is
 * not understood may concern them. Of the network namespace of the control thread, which uses it alone.
 */
public final class TunnelFirewall implements AutoCloseable {
    static final Set<String> OWN_CHAINS = Set.of(
            IptablesRules.TUNNEL_PORT_CHAIN,
            NftablesRules.TUNNEL_PORT_CHAIN + "-input",
            NftablesRules.TUNNEL_PORT_CHAIN + "-forward");

    /** There while the kernel has nf_tables: to ask it otherwise would load a module. */
    private static final Path NF_TABLES = Path.of("/sys/module/nf_tables");

    private static final Path IPVS = Path.of("/proc/thread-self/net/ip_vs");
    private static final int IPVS_HEADING_LINES = 3;

    private final InetAddress local;
    private final int port;
    private final boolean isIpv4;
    private @Nullable Nftables nftables;
    private List<Chain> nftablesChains = List.of();
    private int generation;
    private boolean isRead;

    /**
     * Looks at nothing yet.
     *
     * @param local address of this host on the underlay.
     * @param port of UDP, here and at the peers.
     */
    public TunnelFirewall(final InetAddress local, final int port) {
        this.local = local;
        this.port = port;
        isIpv4 = local instanceof Inet4Address;
    }

    /**
     * One look at all rules; those of nftables are read only if somebody has changed them.
     *
     * @param device that packets come and go by.
     * @param linkIndex of the same.
     * @param peers where packets go.
     * @return what may concern them, in words; empty if nothing does.
     * @throws LinuxException if the rules cannot be read: CAP_NET_ADMIN is needed.
     */
    public String touchedBy(final String device, final int linkIndex, final Collection<InetAddress> peers) {
        final TunnelTraffic traffic = new TunnelTraffic(local, port, device, linkIndex, peers, OWN_CHAINS);
        final String byNftables = traffic.touchedBy(nftablesChains());
        if (!byNftables.isEmpty()) {
            return byNftables;
        }
        final String byLegacy = traffic.touchedBy(LegacyTables.chains(isIpv4));
        return byLegacy.isEmpty() && hasVirtualServices()
                ? "IPVS has virtual services, which are not looked into"
                : byLegacy;
    }

    private List<Chain> nftablesChains() {
        if (null == nftables && (!isRead || Files.exists(NF_TABLES))) {
            nftables = Nftables.open();
        }
        final Nftables open = nftables;
        if (null != open) {
            final int now = open.generation();
            if (!isRead || now != generation) {
                nftablesChains = open.chains(isIpv4);
                generation = now; // asked before: what came in between is read twice
            }
        }
        isRead = true;
        return nftablesChains;
    }

    private static boolean hasVirtualServices() {
        try {
            return Files.readAllLines(IPVS).size() > IPVS_HEADING_LINES;
        } catch (final NoSuchFileException noModule) {
            return false;
        } catch (final IOException failure) {
            throw LinuxException.reading(IPVS, failure, "");
        }
    }

    @Override
    public void close() {
        CloseHelper.close(nftables);
    }
}
