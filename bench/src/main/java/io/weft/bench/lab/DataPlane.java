/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.Locale;

/** What carries packets between the pods of two nodes. */
public enum DataPlane {
    /** weftd with the file registry. */
    WEFT,

    /** The same by packet socket on the underlay. */
    WEFT_PACKET,

    /** The same with packet sockets in the place of a TUN. */
    WEFT_POD_PACKET,

    /** The same by packet sockets on both sides. */
    WEFT_ALL_PACKET,

    /** The kernel's VXLAN device, set up as flannel's vxlan backend does. */
    KERNEL,

    /**
     * One packet per system call, bare IP in UDP: what flannel's udp backend does, and what weft is an answer to. Talks
     * to its own kind only.
     */
    SINGLE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
