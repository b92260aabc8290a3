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
 * @param isManaged whether the kernel asks for it again and again by itself ({@code NTF_EXT_MANAGED}, Linux 5.16).
 * @param protocol who made it, as for {@link Route#protocol}; 0 for nobody in particular.
 */
public record Neighbour(
        int linkIndex, InetAddress address, @Nullable MacAddress mac, int state, boolean isManaged, int protocol) {
    /** {@code NUD_PERMANENT}: never expires, never asked for. */
    public static final int PERMANENT = 0x80;

    // NUD_INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, NOARP
    private static final int INCOMPLETE = 0x01;
    private static final int REACHABLE = 0x02;
    private static final int STALE = 0x04;
    private static final int DELAY = 0x08;
    private static final int PROBE = 0x10;
    private static final int NOARP = 0x40;

    private static final int VALID = PERMANENT | NOARP | REACHABLE | PROBE | STALE | DELAY;
    private static final int FIXED = PERMANENT | NOARP;
    private static final int AT_WORK = FIXED | REACHABLE | INCOMPLETE | DELAY | PROBE;

    /**
     * A permanent entry.
     *
     * @param linkIndex of the device.
     * @param address of the neighbour.
     * @param mac its Ethernet address.
     */
    public Neighbour(final int linkIndex, final InetAddress address, final MacAddress mac) {
        this(linkIndex, address, mac, PERMANENT, false, 0);
    }

    /** Whether it never expires. */
    public boolean permanent() {
        return 0 != (state & PERMANENT);
    }

    /** Whether the kernel sends to its MAC address ({@code NUD_VALID}). */
    public boolean valid() {
        return null != mac && 0 != (state & VALID);
    }

    /** Whether the kernel never asks for it. */
    public boolean fixed() {
        return 0 != (state & FIXED);
    }

    /** Whether the kernel asks for it and has no answer yet: what is sent to it waits. */
    public boolean isAskedFor() {
        return 0 != (state & INCOMPLETE);
    }

    /** Whether the kernel knows it for certain or is about to ask. */
    public boolean atWork() {
        return 0 != (state & AT_WORK);
    }

    @Override
    public String toString() {
        return IpAddress.of(address) + " lladdr " + mac + " on link " + linkIndex + " state 0x"
                + Integer.toHexString(state);
    }
}
