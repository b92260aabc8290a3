/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;

/** What the tools are called that show an operator what this host, or another one, does with packets of an IP version. */
public final class HostTools {
    private HostTools() {}

    /** The tool of iproute2, for what it shows of IPv4 alone unless it is told otherwise: rules of routing. */
    public static String ip(final IpAddress packets) {
        return isIpv4(packets) ? "ip" : "ip -6";
    }

    /** That of the kernel's older packet filter. */
    public static String iptables(final IpAddress packets) {
        return isIpv4(packets) ? "iptables" : "ip6tables";
    }

    private static boolean isIpv4(final IpAddress packets) {
        return IpFamily.IPV4 == packets.family();
    }
}
