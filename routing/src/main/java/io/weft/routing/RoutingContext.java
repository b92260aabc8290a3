/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/** What the routing tables of a node are made for. Set up by one thread, then handed to {@link RoutingTables}. */
public final class RoutingContext {
    /** The port of the Linux kernel's VXLAN and of flannel, older than IANA's 4789 (drivers/net/vxlan). */
    public static final int UNDERLAY_PORT_DEFAULT = 8472;

    static final int VNI_MAX = (1 << 24) - 1;
    static final int PORT_MAX = (1 << 16) - 1;

    private Encapsulation encapsulation = Encapsulation.VXLAN;
    private int vni = 1;
    private MacAddress vtepMac = new MacAddress(0);
    private int underlayPort = UNDERLAY_PORT_DEFAULT;
    private boolean poisonFreed;
    private ToIntFunction<IpAddress> peerNumbers = peer -> 0;
    private final List<InetAddress> underlayAddresses = new ArrayList<>();
    private final List<IpAddress> overlayAddresses = new ArrayList<>();

    /** What stands in front of packets; VXLAN unless set. With another, VNI and VTEP MAC mean nothing. */
    public RoutingContext encapsulation(final Encapsulation encapsulation) {
        this.encapsulation = encapsulation;
        return this;
    }

    public Encapsulation encapsulation() {
        return encapsulation;
    }

    /** VXLAN network identifier, 0 to 2^24 - 1; 1 unless set, as flannel's. */
    public RoutingContext vni(final int vni) {
        this.vni = vni;
        return this;
    }

    public int vni() {
        return vni;
    }

    /** MAC of the own VTEP. */
    public RoutingContext vtepMac(final MacAddress vtepMac) {
        this.vtepMac = vtepMac;
        return this;
    }

    public MacAddress vtepMac() {
        return vtepMac;
    }

    /** UDP port of peers for which no FDB entry names another. */
    public RoutingContext underlayPort(final int underlayPort) {
        this.underlayPort = underlayPort;
        return this;
    }

    public int underlayPort() {
        return underlayPort;
    }

    /** Adds an address of this node's own: what would send packets to it is refused, as it would loop. */
    public RoutingContext addUnderlayAddress(final InetAddress address) {
        underlayAddresses.add(address);
        return this;
    }

    public List<InetAddress> underlayAddresses() {
        return List.copyOf(underlayAddresses);
    }

    /** Adds an address of the own VTEP inside the overlay. */
    public RoutingContext addOverlayAddress(final IpAddress address) {
        overlayAddresses.add(address);
        return this;
    }

    public List<IpAddress> overlayAddresses() {
        return List.copyOf(overlayAddresses);
    }

    /**
     * Gives the peers numbers, which data threads find in {@link RewriteBlock#peer}, to count by. Called with underlay addresses by the
     * tables' own thread, whenever what is sent to one changes.
     */
    public RoutingContext peerNumbers(final ToIntFunction<IpAddress> numbers) {
        peerNumbers = numbers;
        return this;
    }

    ToIntFunction<IpAddress> peerNumbers() {
        return peerNumbers;
    }

    /** Overwrites memory when it is freed, so that a test sees a reader that still uses it. Off unless set. */
    public RoutingContext poisonFreed(final boolean poisonFreed) {
        this.poisonFreed = poisonFreed;
        return this;
    }

    public boolean poisonFreed() {
        return poisonFreed;
    }

    void conclude() {
        if (vni < 0 || vni > VNI_MAX) {
            throw new IllegalArgumentException("vni " + vni + " is not in 0.." + VNI_MAX);
        }
        if (underlayPort < 1 || underlayPort > PORT_MAX) {
            throw new IllegalArgumentException("underlayPort " + underlayPort + " is not in 1.." + PORT_MAX);
        }
        if (Encapsulation.VXLAN == encapsulation) {
            requireUnicast(vtepMac, "vtepMac");
        }
    }

    /** @throws IllegalArgumentException naming the entry, if the MAC is zero or a multicast one. */
    static void requireUnicast(final MacAddress mac, final String entry) {
        if (0 == mac.value()) {
            throw new IllegalArgumentException(entry + ": the MAC is zero");
        }
        if (mac.isMulticast()) {
            throw new IllegalArgumentException(entry + ": " + mac + " is a multicast MAC");
        }
    }
}
