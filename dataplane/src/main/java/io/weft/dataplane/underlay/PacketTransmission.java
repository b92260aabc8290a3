/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.address.IpAddress;
import io.weft.linux.DatagramPort;
import java.net.InetAddress;
import java.util.List;

/**
 * The way out by packet sockets: whole Ethernet frames, past the host's IP stack, to those peers whose next hop's MAC address is known.
 * Which these are is the control thread's to say, at any time: {@link #nextHops(NextHops)}. A sender asks once for each batch; all
 * others are reached by UDP.
 */
public final class PacketTransmission {
    private final List<? extends DatagramPort> ports;
    private final List<int[]> sourcePorts;
    private final IpAddress local;
    private volatile NextHops nextHops = NextHops.NONE;

    /**
     * @param ports the packet sockets, one for each worker.
     * @param sourcePorts for each worker the ports of its sending sockets, in their order, so that a flow keeps its port whichever way
     *     its packets go.
     * @param local address that datagrams are sent from.
     */
    public PacketTransmission(
            final List<? extends DatagramPort> ports, final List<int[]> sourcePorts, final InetAddress local) {
        this.ports = List.copyOf(ports);
        this.sourcePorts = List.copyOf(sourcePorts);
        this.local = IpAddress.of(local);
    }

    /** The packet socket of a worker. */
    public DatagramPort port(final int worker) {
        return ports.get(worker);
    }

    /** The ports of a worker's sending sockets, in their order. */
    public int[] sourcePorts(final int worker) {
        return sourcePorts.get(worker).clone();
    }

    /** Address that datagrams are sent from. */
    public IpAddress local() {
        return local;
    }

    /** Sets who is reached. Control thread. */
    public void nextHops(final NextHops now) {
        nextHops = now;
    }

    /** Who is reached. Any thread. */
    public NextHops nextHops() {
        return nextHops;
    }
}
