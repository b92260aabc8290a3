/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What this kernel can do, found out by trying, not by its version: distributions move features to older kernels.
 *
 * @param version of the kernel, as {@code uname -r} tells it.
 * @param udpSegmentation whether a UDP socket cuts a large send in datagrams ({@code UDP_SEGMENT}, Linux 4.18).
 * @param maxUdpSegments into how many at most: 128, 64 on older kernels, 0 without.
 * @param udpReceiveOffload whether a UDP socket joins received datagrams ({@code UDP_GRO}, Linux 5.0).
 * @param tun whether there is a TUN driver that this process may open; the following need one.
 * @param tunMultiQueue whether a TUN device may have several queues ({@code IFF_MULTI_QUEUE}, Linux 3.8).
 * @param tunUdpSegmentation whether a TUN device takes UDP superframes ({@code TUN_F_USO4}, {@code USO6}, Linux 6.2).
 * @param tunnelSegmentation whether a TAP device takes unsegmented superframes of a UDP tunnel (Linux 6.17).
 */
public record KernelFeatures(
        String version,
        boolean udpSegmentation,
        int maxUdpSegments,
        boolean udpReceiveOffload,
        boolean tun,
        boolean tunMultiQueue,
        boolean tunUdpSegmentation,
        boolean tunnelSegmentation) {

    /** {@code UDP_MAX_SEGMENTS} since Linux 6.9 (include/linux/udp.h). */
    static final int MAX_UDP_SEGMENTS = 128;

    private static final String TUN_DEVICE = "/dev/net/tun";
    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    private static final int CAP_NET_ADMIN = 12; // include/uapi/linux/capability.h

    // include/uapi/linux/if_tun.h
    /** {@code TUN_F_CSUM, TSO4, TSO6, USO4, USO6}: the kernel takes USO only together with the others. */
    private static final long OFFLOADS_WITH_USO = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;

    private static final long TUNSETIFF = 0x400454CAL;
    private static final long TUNSETOFFLOAD = 0x400454D0L;
    private static final long TUNGETFEATURES = 0x800454CFL;
    private static final int IFF_TUN = 0x0001;
    private static final int IFF_MULTI_QUEUE = 0x0100;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFREQ_FLAGS_OFFSET = 16;
    private static final int IFREQ_LENGTH = 40;

    /**
     * Tries every feature, on loopback and with a TUN device that is gone at the end, in the calling thread's network
     * namespace. The loopback device must be up.
     *
     * @return what was found.
     * @throws LinuxException with the remedy if there is no capability CAP_NET_ADMIN.
     */
    public static KernelFeatures probe() {
        requireNetAdmin();
        final boolean segmentation;
        final boolean receiveOffload;
        try (UdpSocket socket = UdpSocket.open(IpFamily.IPV4)) {
            segmentation = socket.segmentationOffload();
            receiveOffload = socket.receiveOffload();
        }
        final int tun = Libc.LIBC.open(TUN_DEVICE, O_RDWR | O_CLOEXEC, 0);
        try {
            final boolean multiQueue = tun >= 0 && 0 != (tunFeatures(tun) & IFF_MULTI_QUEUE);
            return new KernelFeatures(
                    read(Path.of("/proc/sys/kernel/osrelease")),
                    segmentation,
                    segmentation
                            ? UdpSegmentProbe.maxSegments(
                                    IpAddress.parse("127.0.0.1").toInetAddress())
                            : 0,
                    receiveOffload,
                    tun >= 0,
                    multiQueue,
                    tun >= 0 && takesUdpSuperframes(tun),
                    TapDevice.takesTunnelSuperframes());
        } finally {
            if (tun >= 0) {
                Libc.LIBC.close(tun);
            }
        }
    }

    /**
     * What makes weft faster and this kernel lacks, each with the first Linux that has it; docs/performance.md tells what weft does
     * without.
     *
     * @return a few words for each, empty if it lacks nothing.
     */
    public List<String> missing() {
        final List<String> missing = new ArrayList<>();
        addUnless(tun, missing, "a TUN driver that may be opened");
        addUnless(!tun || tunnelSegmentation, missing, "tunnel offload of TAP devices (6.17)");
        addUnless(
                maxUdpSegments >= MAX_UDP_SEGMENTS,
                missing,
                MAX_UDP_SEGMENTS + " segments in a message of UDP_SEGMENT (6.9)");
        addUnless(!tun || tunUdpSegmentation, missing, "UDP superframes of TUN devices, USO (6.2)");
        addUnless(udpReceiveOffload, missing, "UDP_GRO (5.0)");
        addUnless(udpSegmentation, missing, "UDP_SEGMENT (4.18)");
        return missing;
    }

    private static void addUnless(final boolean isThere, final List<String> missing, final String feature) {
        if (!isThere) {
            missing.add(feature);
        }
    }

    /**
     * Checks that this process may configure the network.
     *
     * @throws LinuxException with {@link Errno#EPERM} and the remedy if it has no CAP_NET_ADMIN.
     */
    public static void requireNetAdmin() {
        for (final String line : read(Path.of("/proc/self/status")).split("\n", -1)) {
            if (line.startsWith("CapEff:")) {
                final long effective = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).trim(), 16);
                if (0 != (effective & (1L << CAP_NET_ADMIN))) {
                    return;
                }
            }
        }
        throw new LinuxException(
                "configure the network",
                Errno.EPERM,
                "Run as root, or with capability CAP_NET_ADMIN (in a pod: securityContext.capabilities.add NET_ADMIN)");
    }

    /**
     * Checks that the TUN driver is there.
     *
     * @throws LinuxException with the remedy if it cannot be opened.
     */
    public static void requireTun() {
        final int fd = Libc.LIBC.open(TUN_DEVICE, O_RDWR | O_CLOEXEC, 0);
        if (fd < 0) {
            final int errno = Errno.last();
            throw new LinuxException("open " + TUN_DEVICE, errno, tunRemedy(errno));
        }
        TunDevice.requireDriver(fd);
        Libc.LIBC.close(fd);
    }

    static String tunRemedy(final int errno) {
        return switch (errno) {
            case Errno.ENOENT ->
                "Load the driver with 'modprobe tun'; in a container mount the host's " + TUN_DEVICE
                        + " (hostPath, type CharDevice)";
            case Errno.ENODEV, Errno.ENXIO -> "The kernel has no TUN driver: 'modprobe tun', or build CONFIG_TUN";
            case Errno.EPERM, Errno.EACCES ->
                "Run as root; in a container allow the device (character device 10:200), for example by 'privileged: true'";
            default -> "";
        };
    }

    private static int tunFeatures(final int tun) {
        final UnsafeBuffer features = allocate(Integer.BYTES);
        return Libc.LIBC.ioctl(tun, TUNGETFEATURES, features.addressOffset()) < 0
                ? 0
                : features.getInt(0, nativeOrder());
    }

    /** Attaches a device, which goes with the descriptor. */
    private static boolean takesUdpSuperframes(final int tun) {
        final UnsafeBuffer request = allocate(IFREQ_LENGTH);
        request.putBytes(0, TunDevice.TRIAL_NAME.getBytes(US_ASCII));
        request.putShort(IFREQ_FLAGS_OFFSET, (short) (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR), nativeOrder());
        if (Libc.LIBC.ioctl(tun, TUNSETIFF, request.addressOffset()) < 0) {
            throw new LinuxException("create a TUN device to try its offloads", Errno.last());
        }
        return 0 == Libc.LIBC.ioctl(tun, TUNSETOFFLOAD, OFFLOADS_WITH_USO);
    }

    private static String read(final Path path) {
        try {
            return Files.readString(path).trim();
        } catch (final IOException e) {
            throw new UncheckedIOException("read " + path, e);
        }
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
