/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import java.net.InetAddress;

/** Address families of rtnetlink messages. Source: include/linux/socket.h. */
final class AddressFamily {
    static final int UNSPECIFIED = 0;
    static final int INET = 2;
    static final int BRIDGE = 7;
    static final int INET6 = 10;

    private AddressFamily() {}

    static int of(final InetAddress address) {
        return 16 == address.getAddress().length ? INET6 : INET;
    }
}
