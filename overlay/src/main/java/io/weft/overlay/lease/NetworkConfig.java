/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.IpPrefix;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The cluster's network, from the {@code config} key, net-conf.json or the registry file (flannel pkg/subnet/config.go).
 *
 * @param network IPv4 addresses of all pods; null in a cluster of IPv6 alone.
 * @param ipv6Network IPv6 addresses of all pods; null without IPv6.
 * @param allocation how IPv4 subnets are cut out of the network; null where the registry does not hand out subnets.
 * @param ipv6Allocation the same for IPv6.
 * @param nftables masquerade and forward rules by nftables instead of iptables.
 * @param backend how nodes reach each other.
 */
public record NetworkConfig(
        @Nullable IpPrefix network,
        @Nullable IpPrefix ipv6Network,
        @Nullable Allocation allocation,
        @Nullable Allocation ipv6Allocation,
        boolean nftables,
        BackendConfig backend) {

    /**
     * The subnets a node may have.
     *
     * @param first lowest subnet (SubnetMin).
     * @param last highest subnet (SubnetMax), of the same size.
     */
    public record Allocation(IpPrefix first, IpPrefix last) {
        /** True when a node of this cluster may own the subnet. */
        public boolean allows(final IpPrefix subnet) {
            return subnet.length() == first.length() && first.compareTo(subnet) <= 0 && subnet.compareTo(last) <= 0;
        }
    }

    /** Addresses of all pods, of either family. */
    public List<IpPrefix> networks() {
        return Stream.of(network, ipv6Network).flatMap(Stream::ofNullable).toList();
    }

    /** The configuration as flannel's JSON; the reader makes the same of it again. */
    public String json() {
        final StringBuilder text = new StringBuilder(256);
        text.append("{\"EnableIPv4\":").append(null != network);
        text.append(",\"EnableIPv6\":").append(null != ipv6Network);
        family(text, "", network, allocation);
        family(text, "IPv6", ipv6Network, ipv6Allocation);
        text.append(",\"EnableNFTables\":").append(nftables);
        return text.append(",\"Backend\":").append(backend.json()).append('}').toString();
    }

    private static void family(
            final StringBuilder text,
            final String prefix,
            final @Nullable IpPrefix network,
            final @Nullable Allocation allocation) {
        if (null != network) {
            text.append(",\"")
                    .append(prefix)
                    .append("Network\":\"")
                    .append(network)
                    .append('"');
        }
        if (null != allocation) {
            text.append(",\"").append(prefix).append("SubnetLen\":").append(allocation.first.length());
            text.append(",\"").append(prefix).append("SubnetMin\":\"").append(allocation.first.base());
            text.append("\",\"").append(prefix).append("SubnetMax\":\"").append(allocation.last.base());
            text.append('"');
        }
    }
}
