/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * An entry of the forwarding database of a bridge port, or of a VXLAN device itself.
 *
 * @param linkIndex of the device.
 * @param mac Ethernet destination.
 * @param destination underlay address of the VTEP, on a VXLAN device; null else.
 * @param state the {@code NUD_} bits, {@link Neighbour#PERMANENT} for one that does not expire.
 * @param flags the {@code NTF_} bits, such as {@link #SELF}.
 */
public record FdbEntry(
        int linkIndex, MacAddress mac, @Nullable InetAddress destination, int state, int flags) {
    // include/uapi/linux/neighbour.h
    /** {@code NTF_SELF}: the device's own database, where VXLAN devices have theirs. */
    public static final int SELF = 0x02;

    /** {@code NTF_MASTER}: the database of the bridge whose port the device is. */
    public static final int MASTER = 0x04;

    /**
     * A permanent entry of a VXLAN device.
     *
     * @param linkIndex of the device.
     * @param mac of the remote VTEP.
     * @param destination its underlay address.
     */
    public FdbEntry(final int linkIndex, final MacAddress mac, final InetAddress destination) {
        this(linkIndex, mac, destination, Neighbour.PERMANENT, SELF);
    }

    /** Whether it never expires. */
    public boolean permanent() {
        return 0 != (state & Neighbour.PERMANENT);
    }

    @Override
    public String toString() {
        return mac + (null == destination ? "" : " dst " + IpAddress.of(destination)) + " on link " + linkIndex
                + " state 0x" + Integer.toHexString(state) + " flags 0x" + Integer.toHexString(flags);
    }
}
