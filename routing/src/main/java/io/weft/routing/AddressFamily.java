/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

/** The two address families of the overlay and the underlay. */
public enum AddressFamily {
    /** 32-bit addresses; AF_INET of linux/socket.h. */
    IPV4(32, 2),
    /** 128-bit addresses; AF_INET6 of linux/socket.h. */
    IPV6(128, 10);

    private final int addressBits;
    private final int socketFamily;

    AddressFamily(final int addressBits, final int socketFamily) {
        this.addressBits = addressBits;
        this.socketFamily = socketFamily;
    }

    /** Bits of an address, and so the longest prefix. */
    public int addressBits() {
        return addressBits;
    }

    /** The {@code sa_family} of a socket address of this family. */
    public int socketFamily() {
        return socketFamily;
    }
}
