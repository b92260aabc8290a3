/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.MacAddress;
import org.jspecify.annotations.Nullable;

/**
 * A network device.
 *
 * @param index the kernel's number for it, 1 or more.
 * @param name such as {@code eth0}.
 * @param kind {@code bridge}, {@code veth}, {@code vxlan}, {@code tun}; empty for a physical device.
 * @param flags the {@code IFF_} bits of include/uapi/linux/if.h.
 * @param mtu bytes of the largest packet.
 * @param mac the Ethernet address, null for a device that has none (TUN).
 * @param masterIndex index of the bridge or bond whose port it is, 0 if none.
 * @param peerIndex index of the other end of a veth pair; 0 if that is in another network namespace, and for all other kinds.
 * @param txQueueLength packets that its queue holds.
 * @param gsoMaxSize bytes of the largest superframe that the stack hands to it.
 * @param vxlan what it is set to if it is a kernel VXLAN device.
 */
public record Link(
        int index,
        String name,
        String kind,
        int flags,
        int mtu,
        @Nullable MacAddress mac,
        int masterIndex,
        int peerIndex,
        int txQueueLength,
        int gsoMaxSize,
        @Nullable Vxlan vxlan) {

    // include/uapi/linux/if.h
    static final int IFF_UP = 0x1;
    private static final int IFF_LOOPBACK = 0x8;
    static final int IFF_NOARP = 0x80;
    private static final int IFF_LOWER_UP = 0x10000;

    /** Whether it was set up by the administrator. */
    public boolean up() {
        return 0 != (flags & IFF_UP);
    }

    /** Whether its neighbours are asked for their MAC addresses. */
    public boolean resolvesNeighbours() {
        return 0 == (flags & IFF_NOARP);
    }

    /** Whether it has a carrier. */
    public boolean carrier() {
        return 0 != (flags & IFF_LOWER_UP);
    }

    /** Whether it is the loopback device. */
    public boolean loopback() {
        return 0 != (flags & IFF_LOOPBACK);
    }
}
