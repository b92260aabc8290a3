/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * An entry of a device's neighbour table (ARP or neighbour discovery).
 *
 * @param linkIndex of the device.
 * @param address of the neighbour.
 * @param mac its Ethernet address, null while it is not known.
 * @param state the {@code NUD_} bits of include/uapi/linux/neighbour.h, such as {@link #PERMANENT}.
 */
public record Neighbour(
        int linkIndex, InetAddress address, @Nullable MacAddress mac, int state) {
    /** {@code NUD_PERMANENT}: never expires, never asked for. */
    public static final int PERMANENT = 0x80;

    /**
     * A permanent entry.
     *
     * @param linkIndex of the device.
     * @param address of the neighbour.
     * @param mac its Ethernet address.
     */
    public Neighbour(final int linkIndex, final InetAddress address, final MacAddress mac) {
        this(linkIndex, address, mac, PERMANENT);
    }

    /** Whether it never expires. */
    public boolean permanent() {
        return 0 != (state & PERMANENT);
    }

    @Override
    public String toString() {
        return IpAddress.of(address) + " lladdr " + mac + " on link " + linkIndex + " state 0x"
                + Integer.toHexString(state);
    }
}
