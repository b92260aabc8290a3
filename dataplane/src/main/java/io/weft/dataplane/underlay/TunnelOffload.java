/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.linux.FrameSink;
import java.util.List;

/**
 * The way out for superframes that nobody needs to cut here, since the underlay device cuts them, or carries them
 * unsegmented: through a TAP device to the host's own IP stack, which routes them out like any packet.
 *
 * <p>Whether to use it is the control thread's to say, at any time: {@link #mode(Mode)}. A sender asks once for each batch.
 */
public final class TunnelOffload {
    /** What the senders may do. */
    public enum Mode {
        /** Cut every superframe, and send it by the sockets. */
        OFF,

        /** Each sender hands over a single superframe, then cuts: until it is known what becomes of that one. */
        TRIAL,

        /** Hand over every superframe that fits. */
        ON
    }

    private final List<? extends FrameSink> ports;
    private final List<int[]> sourcePorts;
    private final int localIpv4;
    private volatile Mode mode = Mode.OFF;
    private volatile int mtu;
    private volatile long deviceMac;

    /**
     * @param ports the queues of the TAP device, one for each worker.
     * @param sourcePorts for each worker the ports of its sending sockets, in their order, so that a flow keeps its port
     *     whichever way its packets go.
     * @param deviceMac of the TAP device, in the low 48 bits.
     * @param localIpv4 address that datagrams are sent from, first byte highest.
     * @param mtu of pods in bytes.
     */
    public TunnelOffload(
            final List<? extends FrameSink> ports,
            final List<int[]> sourcePorts,
            final long deviceMac,
            final int localIpv4,
            final int mtu) {
        this.ports = List.copyOf(ports);
        this.sourcePorts = List.copyOf(sourcePorts);
        this.deviceMac = deviceMac;
        this.localIpv4 = localIpv4;
        this.mtu = mtu;
    }

    /** What the senders may do now. Any thread. */
    public Mode mode() {
        return mode;
    }

    /** Sets what the senders may do. Control thread. */
    public void mode(final Mode now) {
        mode = now;
    }

    /** Pods have another MTU now. Control thread. */
    public void mtu(final int bytes) {
        mtu = bytes;
    }

    /** MTU of pods in bytes. Any thread. */
    public int mtu() {
        return mtu;
    }

    /** The queue of the device that a worker writes to. */
    public FrameSink port(final int worker) {
        return ports.get(worker);
    }

    /** The ports of a worker's sending sockets, in their order. */
    public int[] sourcePorts(final int worker) {
        return sourcePorts.get(worker).clone();
    }

    /** The device has another MAC address now. Control thread. */
    public void deviceMac(final long mac) {
        deviceMac = mac;
    }

    /** MAC address of the device, in the low 48 bits. Any thread. */
    public long deviceMac() {
        return deviceMac;
    }

    /** Address that datagrams are sent from, first byte highest. */
    public int localIpv4() {
        return localIpv4;
    }
}
