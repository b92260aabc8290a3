/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.net.InetAddress;

/**
 * An address of a device.
 *
 * @param linkIndex of the device.
 * @param address of this host.
 * @param prefixLength leading bits that make the on-link network.
 * @param scope {@link #SCOPE_GLOBAL}, {@link #SCOPE_LINK} or {@link #SCOPE_HOST}.
 * @param flags the {@code IFA_F_} bits of include/uapi/linux/if_addr.h, such as {@link #NO_DUPLICATE_DETECTION}.
 */
public record InterfaceAddress(int linkIndex, InetAddress address, int prefixLength, int scope, int flags) {
    /** {@code RT_SCOPE_UNIVERSE}: valid everywhere. */
    public static final int SCOPE_GLOBAL = 0;

    /** {@code RT_SCOPE_LINK}: valid on this link. */
    public static final int SCOPE_LINK = 253;

    /** {@code RT_SCOPE_HOST}: valid inside this host. */
    public static final int SCOPE_HOST = 254;

    /** {@code IFA_F_NODAD}: an IPv6 address that is usable at once, without a duplicate address detection. */
    public static final int NO_DUPLICATE_DETECTION = 0x02;

    /** {@code IFA_F_NOPREFIXROUTE}: the kernel adds no route for the on-link network. */
    public static final int NO_PREFIX_ROUTE = 0x200;

    /**
     * A global address without flags.
     *
     * @param linkIndex of the device.
     * @param address of this host.
     * @param prefixLength leading bits that make the on-link network.
     */
    public InterfaceAddress(final int linkIndex, final InetAddress address, final int prefixLength) {
        this(linkIndex, address, prefixLength, SCOPE_GLOBAL, 0);
    }

    /** The on-link network. */
    public IpPrefix network() {
        return IpPrefix.containing(address, prefixLength);
    }

    @Override
    public String toString() {
        return IpAddress.of(address) + "/" + prefixLength + " on link " + linkIndex;
    }
}
