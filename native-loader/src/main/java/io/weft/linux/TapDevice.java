/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;

/**
 * One queue of a TAP device through which unsegmented superframes of a UDP tunnel are handed to the host's IP stack, for a
 * device on the way out to cut (Linux 6.17): each write takes an Ethernet frame behind a
 * {@code struct virtio_net_hdr_v1_hash_tunnel}. It has to be a TAP: of a TUN device
 * the kernel refuses such a frame (drivers/net/tun_vnet.h, include/linux/virtio_net.h {@code virtio_net_hdr_tnl_to_skb}).
 *
 * <p>Only written to: what the host sends to the device stays there.
 */
public final class TapDevice implements FrameSink, AutoCloseable {
    private static final int TUN_F_CSUM = 0x01;
    private static final int TUN_F_TSO4 = 0x02;
    private static final int TUN_F_UDP_TUNNEL_GSO = 0x080;
    private static final int TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;
    private static final int TUNNEL_OFFLOADS =
            TUN_F_CSUM | TUN_F_TSO4 | TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM;

    private final int fd;
    private final Framing framing;
    private boolean closed;

    private TapDevice(final int fd, final int vnetHeaderLength) {
        this.fd = fd;
        framing = Framing.ofEthernet(vnetHeaderLength, 0, 0, true);
    }

    /**
     * Creates the device in the calling thread's network namespace, with one non-blocking queue for each worker. The
     * device goes when the last queue is closed.
     *
     * @param name the name of the device, at most {@value TunDevice#MAX_NAME_LENGTH} ASCII characters.
     * @param queues how many queues to attach, 1 or more.
     * @param vnetHeaderLength bytes of the vnet header in front of each frame, with its fields for the tunnel.
     * @return none if there is no TUN driver, or the kernel knows no tunnel offload: Linux 6.17 and later have it.
     * @throws LinuxException as {@link TunDevice#open} does.
     */
    public static List<TapDevice> open(final String name, final int queues, final int vnetHeaderLength) {
        if (!TunDevice.isDriverThere()) {
            return List.of();
        }
        final List<TapDevice> devices = new ArrayList<>(queues);
        boolean isOpen = false;
        try {
            for (int i = 0; i < queues; i++) {
                final TapDevice device = new TapDevice(TunDevice.openDriver(), vnetHeaderLength);
                devices.add(device);
                TunDevice.attach(device.fd, name, TunDevice.IFF_TAP, queues > 1);
                // The kernel does not check on a write what it was asked for here: asking tells whether it would know.
                if (!device.setTunnelOffload()) {
                    return List.of();
                }
                TunDevice.vnetHeaderLength(device.fd, name, vnetHeaderLength);
            }
            isOpen = true;
            return devices;
        } finally {
            if (!isOpen) {
                CloseHelper.closeAll(devices);
            }
        }
    }

    /**
     * Makes use of queues that another process attached, with tunnel offload.
     *
     * @param fds their descriptors, which belong to the new objects, and are closed if this fails.
     * @param name that the device shall have.
     * @param vnetHeaderLength bytes of the vnet header in front of each frame, with its fields for the tunnel.
     * @throws LinuxException if one of them is no queue of that device.
     */
    public static List<TapDevice> adopt(final List<Integer> fds, final String name, final int vnetHeaderLength) {
        final List<TapDevice> devices = new ArrayList<>(fds.size());
        try {
            for (final int fd : fds) {
                TunDevice.requireQueue(fd, name, TunDevice.IFF_TAP);
                devices.add(new TapDevice(fd, vnetHeaderLength));
            }
            return devices;
        } catch (final LinuxException ex) {
            fds.forEach(Libc.LIBC::close);
            throw ex;
        }
    }

    /** An end of a line in the place of a queue, as {@link TunDevice#ofLine} is. */
    public static TapDevice ofLine(final FrameLine line, final int end, final int vnetHeaderLength) {
        return new TapDevice(line.takeEnd(end), vnetHeaderLength);
    }

    /** The file descriptor. */
    public int fd() {
        return fd;
    }

    /**
     * Whether the kernel knows tunnel offload for such devices; not without a TUN driver. Tries with a device that is gone at the end.
     */
    public static boolean takesTunnelSuperframes() {
        if (!TunDevice.isDriverThere()) {
            return false;
        }
        try (TapDevice device = new TapDevice(TunDevice.openDriver(), 0)) {
            TunDevice.attach(device.fd, TunDevice.TRIAL_NAME, TunDevice.IFF_TAP, false);
            return device.setTunnelOffload();
        }
    }

    private boolean setTunnelOffload() {
        return Libc.LIBC.ioctl(fd, TunDevice.TUNSETOFFLOAD, TUNNEL_OFFLOADS) >= 0;
    }

    /** Ethernet frames, whose addresses are the writer's to know. */
    @Override
    public Framing framing() {
        return framing;
    }

    @Override
    public int write(final long address, final int length) {
        final long written = Libc.LIBC.write(fd, address, length);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final long written = Libc.LIBC.writev(fd, iovecs, count);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
