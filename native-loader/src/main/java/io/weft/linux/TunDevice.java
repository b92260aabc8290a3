/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One queue of a TUN device: each read gives one IP packet, or one superframe of up to 64 KB, behind a
 * {@code struct virtio_net_hdr}; each write takes the same. All packets of a flow come by one queue, in their order.
 *
 * <p>A device of several queues chooses a flow's queue by its hash, but moves a flow to the queue that its last answer was written to, and
 * back when there has been none for three seconds (drivers/net/tun.c, {@code tun_automq_select_queue}): what lies in the queue before is
 * overtaken. What is written to a queue that is detached leaves no such record ({@code tun_flow_update}, since Linux 3.8), so there
 * all of them are read, and one more that is detached is written.
 *
 * <p>Owned by one thread, but for {@link #write(long, int)} and {@link #writev(long, int)}, which any thread may call, and for batches that
 * are written, which may be another's.
 * Sources: include/uapi/linux/if_tun.h, include/uapi/linux/if.h, Documentation/networking/tuntap.rst.
 */
public final class TunDevice implements PacketPort, FrameBatchSource, FrameBatchSink, AutoCloseable {
    /** {@code IFNAMSIZ} less the terminating zero. */
    public static final int MAX_NAME_LENGTH = 15;

    /**
     * Of a device that is there for a trial alone, and not set up; the kernel puts a number in the place of the last two characters. It
     * begins as others of weft do, so that a host that leaves those alone leaves this one (packaging/host).
     */
    static final String TRIAL_NAME = "weft.try%d";

    private static final String CLONE_DEVICE = "/dev/net/tun";

    private static final int O_RDWR = 2;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final int F_DUPFD_CLOEXEC = 1030; // include/uapi/linux/fcntl.h

    private static final long TUNSETIFF = 0x400454CAL;
    static final long TUNSETOFFLOAD = 0x400454D0L;
    private static final long TUNSETVNETHDRSZ = 0x400454D8L;
    private static final long TUNGETIFF = 0x800454D2L;
    private static final long TUNGETFEATURES = 0x800454CFL;
    private static final long TUNSETQUEUE = 0x400454D9L;

    static final short IFF_TUN = 0x0001;
    static final short IFF_TAP = 0x0002;
    private static final short IFF_MULTI_QUEUE = 0x0100;
    private static final short IFF_DETACH_QUEUE = 0x0400;
    private static final short IFF_NO_PI = 0x1000;
    private static final short IFF_VNET_HDR = 0x4000;

    private static final int TUN_F_CSUM = 0x01;
    private static final int TUN_F_TSO4 = 0x02;
    private static final int TUN_F_TSO6 = 0x04;
    private static final int TUN_F_USO4 = 0x20;
    private static final int TUN_F_USO6 = 0x40;
    private static final int TCP_OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    private static final int UDP_OFFLOADS = TUN_F_USO4 | TUN_F_USO6;

    /** {@code struct ifreq}: char ifr_name[16]; short ifr_flags; padded to 40 bytes. */
    private static final int IFREQ_NAME_OFFSET = 0;

    private static final int IFREQ_FLAGS_OFFSET = 16;
    private static final int IFREQ_LENGTH = 40;

    private final int fd;
    private final int writeFd;
    private final String name;
    private final Framing framing;
    private @Nullable TunBatches batches;
    private boolean closed;

    private TunDevice(final int fd, final int writeFd, final String name, final Framing framing) {
        this.fd = fd;
        this.writeFd = writeFd;
        this.name = name;
        this.framing = framing;
    }

    /**
     * Creates the device in the calling thread's network namespace, with one non-blocking queue for each worker. The
     * device goes when the last queue is closed.
     *
     * @param name the name of the device, at most {@value #MAX_NAME_LENGTH} ASCII characters.
     * @param queues how many there are to be, 1 or more.
     * @param vnetHeaderLength bytes of the vnet header in front of each packet, 10 or more.
     * @return the queues, each with checksum and segmentation offload as far as the kernel gives it.
     * @throws LinuxException if there is no TUN driver, no permission, or the name is taken.
     */
    public static List<TunDevice> open(final String name, final int queues, final int vnetHeaderLength) {
        final List<Integer> fds = new ArrayList<>(descriptorCount(queues));
        try {
            while (fds.size() < descriptorCount(queues)) {
                final int fd = openDriver();
                fds.add(fd);
                attach(fd, name, IFF_TUN, queues > 1);
            }
            if (queues > 1) {
                // The first, since it keeps its number, and the kernel warns of packets from a queue behind the last
                // (get_rps_cpu).
                final int writer = fds.remove(0);
                fds.add(writer);
                detach(writer, name);
            }
        } catch (final LinuxException ex) {
            fds.forEach(Libc.LIBC::close);
            throw ex;
        }
        return adopt(fds, queues, name, vnetHeaderLength);
    }

    /**
     * An end of a line in the place of a queue: the same calls, and no device.
     *
     * @param line whose end this closes.
     * @param end 0 or 1.
     * @param vnetHeaderLength bytes of the vnet header in front of each packet.
     */
    public static TunDevice ofLine(final FrameLine line, final int end, final int vnetHeaderLength) {
        final int fd = line.takeEnd(end);
        return new TunDevice(fd, fd, "line", Framing.ofPackets(vnetHeaderLength, true));
    }

    /**
     * Makes use of queues that another process attached.
     *
     * @param fds {@link #descriptors} of that process, which belong to the new objects, and are closed if this fails.
     * @param queues how many there are to be.
     * @param name that the device shall have.
     * @param vnetHeaderLength bytes of the vnet header in front of each packet, 10 or more.
     * @throws LinuxException if they are not the queues of that device, or not so many.
     */
    public static List<TunDevice> adopt(
            final List<Integer> fds, final int queues, final String name, final int vnetHeaderLength) {
        final List<Integer> owned = new ArrayList<>(fds);
        try {
            if (fds.size() != descriptorCount(queues)) {
                throw new LinuxException(
                        "use " + fds.size() + " descriptors for " + queues + " queues of " + name,
                        Errno.EINVAL,
                        "They are those of a weftd with another number of workers");
            }
            fds.forEach(fd -> requireQueue(fd, name, IFF_TUN));
            final List<TunDevice> devices = new ArrayList<>(queues);
            int writer = fds.get(fds.size() - 1);
            for (final int fd : fds.subList(0, queues)) {
                vnetHeaderLength(fd, name, vnetHeaderLength);
                if (!devices.isEmpty()) {
                    writer = copy(writer, name);
                    owned.add(writer);
                }
                devices.add(new TunDevice(fd, writer, name, Framing.ofPackets(vnetHeaderLength, offload(fd, name))));
            }
            return devices;
        } catch (final LinuxException ex) {
            owned.forEach(Libc.LIBC::close);
            throw ex;
        }
    }

    private static int descriptorCount(final int queues) {
        return 1 == queues ? 1 : queues + 1;
    }

    /** The descriptors of all queues of a device, and that which is written if it is none of them. */
    public static List<Integer> descriptors(final List<TunDevice> queues) {
        return Stream.concat(queues.stream().map(TunDevice::fd), Stream.of(queues.get(0).writeFd))
                .distinct()
                .toList();
    }

    private static void detach(final int fd, final String name) {
        final UnsafeBuffer request = new UnsafeBuffer(BufferUtil.allocateDirectAligned(IFREQ_LENGTH, 8));
        request.putShort(IFREQ_FLAGS_OFFSET, IFF_DETACH_QUEUE, nativeOrder());
        if (Libc.LIBC.ioctl(fd, TUNSETQUEUE, request.addressOffset()) < 0) {
            throw new LinuxException("detach a queue of " + name, Errno.last());
        }
    }

    private static int copy(final int fd, final String name) {
        final int copy = Libc.LIBC.fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            throw new LinuxException("copy the descriptor of a queue of " + name, Errno.last());
        }
        return copy;
    }

    /** Checks that the descriptor is a queue of the device; kind is TUN or TAP. */
    static void requireQueue(final int fd, final String name, final short kind) {
        final UnsafeBuffer request = new UnsafeBuffer(BufferUtil.allocateDirectAligned(IFREQ_LENGTH, 8));
        if (Libc.LIBC.ioctl(fd, TUNGETIFF, request.addressOffset()) < 0) {
            throw new LinuxException("use descriptor " + fd + " as a queue of " + name, Errno.last());
        }
        int length = 0;
        while (length < MAX_NAME_LENGTH && 0 != request.getByte(length)) {
            length++;
        }
        final String found = request.getStringWithoutLengthAscii(IFREQ_NAME_OFFSET, length);
        final boolean isOfKind = 0 != (request.getShort(IFREQ_FLAGS_OFFSET, nativeOrder()) & kind);
        if (!isOfKind || !found.equals(name)) {
            throw new LinuxException("use a queue of device " + found + " as one of " + name, Errno.ENODEV);
        }
    }

    /** Whether the driver may be opened. */
    static boolean isDriverThere() {
        final int fd = Libc.LIBC.open(CLONE_DEVICE, O_RDWR | O_CLOEXEC, 0);
        final boolean isDriver = fd >= 0 && isDriver(fd);
        return fd >= 0 && 0 == Libc.LIBC.close(fd) && isDriver;
    }

    /** A sandbox may have put another device over it, as /dev/null. */
    private static boolean isDriver(final int fd) {
        final UnsafeBuffer features = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        return 0 == Libc.LIBC.ioctl(fd, TUNGETFEATURES, features.addressOffset());
    }

    /** Checks what was opened as the driver, and closes it if it is none. */
    static void requireDriver(final int fd) {
        if (!isDriver(fd)) {
            final int errno = Errno.last();
            Libc.LIBC.close(fd);
            throw new LinuxException(
                    "use " + CLONE_DEVICE + " as the TUN driver",
                    errno,
                    "Something else lies over it, as where a sandbox masks devices: give the container the host's");
        }
    }

    /** A descriptor of the driver, of no device yet. */
    static int openDriver() {
        final int fd = Libc.LIBC.open(CLONE_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException(
                    "open " + CLONE_DEVICE,
                    Errno.last(),
                    "The TUN driver is needed: 'modprobe tun', or in a container a hostPath of " + CLONE_DEVICE);
        }
        requireDriver(fd);
        return fd;
    }

    /** Makes the descriptor a queue of the device, which is made if it is not there; kind is TUN or TAP. */
    static void attach(final int fd, final String name, final short kind, final boolean multiQueue) {
        final UnsafeBuffer request = new UnsafeBuffer(BufferUtil.allocateDirectAligned(IFREQ_LENGTH, 8));
        request.putBytes(IFREQ_NAME_OFFSET, name.getBytes(US_ASCII));
        final int flags = kind | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0);
        request.putShort(IFREQ_FLAGS_OFFSET, (short) flags, nativeOrder());
        if (Libc.LIBC.ioctl(fd, TUNSETIFF, request.addressOffset()) < 0) {
            final int errno = Errno.last();
            throw new LinuxException("create device " + name, errno, attachRemedy(errno, name));
        }
    }

    /** Has each frame begin with a vnet header of so many bytes. */
    static void vnetHeaderLength(final int fd, final String name, final int bytes) {
        final UnsafeBuffer length = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        length.putInt(0, bytes, nativeOrder());
        if (Libc.LIBC.ioctl(fd, TUNSETVNETHDRSZ, length.addressOffset()) < 0) {
            throw new LinuxException("set a vnet header of " + bytes + " bytes on " + name, Errno.last());
        }
    }

    private static String attachRemedy(final int errno, final String name) {
        return switch (errno) {
            case Errno.EPERM -> "Run as root or with CAP_NET_ADMIN";
            case Errno.EBUSY ->
                "Another process holds " + name + ": stop it, or choose another name with --device-name";
            case Errno.EINVAL -> "An interface " + name + " of another kind exists: remove it, or choose another name";
            default -> "";
        };
    }

    /** Asks for all offloads, then for those that kernels before 6.2 have. */
    private static boolean offload(final int fd, final String name) {
        if (0 == Libc.LIBC.ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS | UDP_OFFLOADS)) {
            return true;
        }
        if (0 == Libc.LIBC.ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS)) {
            return false;
        }
        throw new LinuxException("set checksum and TCP segmentation offload on " + name, Errno.last());
    }

    /** The name of the device. */
    public String name() {
        return name;
    }

    /** The descriptor that is read, to be polled. */
    @Override
    public int fd() {
        return fd;
    }

    /** Bare packets; superframes of UDP from Linux 6.2 on. */
    @Override
    public Framing framing() {
        return framing;
    }

    @Override
    public int read(final long address, final int capacity) {
        final long length = Libc.LIBC.read(fd, address, capacity);
        return length < 0 ? -Errno.last() : (int) length;
    }

    @Override
    public int write(final long address, final int length) {
        final long written = Libc.LIBC.write(writeFd, address, length);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final long written = Libc.LIBC.writev(writeFd, iovecs, count);
        return written < 0 ? -Errno.last() : (int) written;
    }

    /**
     * From now on several frames are read, or written, with one call, by io_uring; before any thread reads or writes.
     *
     * @param queues all that shall do so.
     * @throws LinuxException with the remedy, if the kernel refuses for one of them: then all is as it was.
     */
    public static void batch(final List<TunDevice> queues) {
        final List<TunBatches> opened = new ArrayList<>(queues.size());
        try {
            for (final TunDevice queue : queues) {
                opened.add(TunBatches.open(queue.fd, queue.writeFd));
            }
        } catch (final LinuxException refused) {
            CloseHelper.closeAll(opened);
            throw refused;
        }
        for (int i = 0; i < queues.size(); i++) {
            queues.get(i).batches = opened.get(i);
        }
    }

    private TunBatches batches() {
        return Objects.requireNonNull(batches, "batch() comes first");
    }

    @Override
    public boolean givesBatches() {
        return null != batches;
    }

    @Override
    public void place(final int index, final long address, final int capacity) {
        batches().place(index, address, capacity);
    }

    @Override
    public void read(final int count) {
        batches().read(count);
    }

    @Override
    public int readResult(final int index) {
        return batches().readResult(index);
    }

    @Override
    public boolean takesBatches() {
        return null != batches;
    }

    @Override
    public int write(final MessageVector frames, final int from, final int count) {
        return batches().write(frames, from, count);
    }

    @Override
    public int writeResult(final int index) {
        return batches().writeResult(index);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            CloseHelper.close(batches);
            Libc.LIBC.close(fd);
            if (writeFd != fd) {
                Libc.LIBC.close(writeFd);
            }
        }
    }
}
