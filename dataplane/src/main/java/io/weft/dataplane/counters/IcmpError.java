/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;

/**
 * An ICMP error, or one of ICMPv6, as its sender's family tells.
 *
 * @param timeMs when it was seen, in milliseconds since 1970.
 */
public record IcmpError(int type, int code, IpAddress sender, long timeMs) {
    private static final String PORT_UNREACHABLE = "port unreachable";

    /** Whether nothing listens on the port, or a firewall says so: iptables rejects packets by this error if nothing else is asked for. */
    public boolean isPortUnreachable() {
        return PORT_UNREACHABLE.equals(words());
    }

    /** In the words of RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443 section 3. */
    public String words() {
        return IpFamily.IPV4 == sender.family() ? ofIpv4() : ofIpv6();
    }

    private String ofIpv4() {
        return switch (type) {
            case 3 ->
                switch (code) {
                    case 0, 6, 11 -> "network unreachable";
                    case 1, 7, 12 -> "host unreachable";
                    case 2 -> "protocol unreachable";
                    case 3 -> PORT_UNREACHABLE;
                    case 4 -> "fragmentation needed";
                    case 9, 10, 13 -> "administratively prohibited";
                    default -> "unreachable, code " + code;
                };
            case 11 -> "time exceeded";
            case 12 -> "parameter problem";
            default -> "type " + type + ", code " + code;
        };
    }

    private String ofIpv6() {
        return switch (type) {
            case 1 ->
                switch (code) {
                    case 0 -> "network unreachable";
                    case 1 -> "administratively prohibited";
                    case 3 -> "host unreachable";
                    case 4 -> PORT_UNREACHABLE;
                    default -> "unreachable, code " + code;
                };
            case 2 -> "packet too big";
            case 3 -> "time exceeded";
            case 4 -> "parameter problem";
            default -> "type " + type + ", code " + code;
        };
    }
}
