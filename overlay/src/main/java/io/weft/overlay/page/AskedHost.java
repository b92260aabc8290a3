/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import io.weft.address.IpAddress;
import java.net.InetAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whose page a browser believes to ask for, by the field Host. A foreign page's script may reach this server under that page's own
 * name, once the name's owner has it lead to this address (DNS rebinding); then the name stands here. The port may be another, where
 * one is forwarded.
 */
final class AskedHost {
    private static final Pattern HOST =
            Pattern.compile("(\\[(?<ipv6>[0-9a-fA-F:.]+)]|(?<name>[^:\\[\\]]+))(:\\d{1,5})?");

    private AskedHost() {}

    /**
     * Whether the field names what is listened on: the address itself, or this host as each host calls itself; any address where all
     * are listened on, for nobody else's name is an address.
     */
    static boolean isOurs(final String host, final InetAddress listening) {
        final Matcher parts = HOST.matcher(host);
        if (!parts.matches()) {
            return false;
        }
        if ("localhost".equalsIgnoreCase(parts.group("name"))) {
            return true;
        }
        try {
            final String ipv6 = parts.group("ipv6");
            final InetAddress asked =
                    IpAddress.parse(null == ipv6 ? parts.group("name") : ipv6).toInetAddress();
            return asked.isLoopbackAddress() || listening.isAnyLocalAddress() || asked.equals(listening);
        } catch (final IllegalArgumentException name) {
            return false;
        }
    }
}
