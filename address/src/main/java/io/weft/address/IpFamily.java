/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import java.net.Inet4Address;
import java.net.InetAddress;

/** The two versions of IP. */
public enum IpFamily {
    IPV4(32, 2),
    IPV6(128, 10);

    private final int addressBits;
    private final int socketFamily;

    IpFamily(final int addressBits, final int socketFamily) {
        this.addressBits = addressBits;
        this.socketFamily = socketFamily;
    }

    /** The family of the JDK's address. */
    public static IpFamily of(final InetAddress address) {
        return address instanceof Inet4Address ? IPV4 : IPV6;
    }

    /** Bits of an address, and so the longest prefix: 32 or 128. */
    public int addressBits() {
        return addressBits;
    }

    /** Bytes of an address: 4 or 16. */
    public int addressLength() {
        return addressBits / Byte.SIZE;
    }

    /** The {@code sa_family} of a socket address: AF_INET or AF_INET6 of Linux include/linux/socket.h. */
    public int socketFamily() {
        return socketFamily;
    }
}
