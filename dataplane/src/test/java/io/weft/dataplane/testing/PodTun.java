/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.Poller;
import io.weft.linux.TunDevice;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A pod that is a TUN device beside the real one: the test writes the packets that the pod sends, superframes too, and
 * reads what it gets byte by byte. The node's kernel routes between it and the overlay as it does for a real pod. All
 * offloads towards the pod are off, so that what it gets is cut and has its checksums, as on a wire.
 *
 * <p>Address 10.244.N.77 on node N, and fd00:10:244:N::77 on a dual-stack node.
 */
public final class PodTun implements AutoCloseable {
    private static final String DEVICE = "pod0";
    private static final int CAPACITY = 0x20000;
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;

    private final TunDevice device;
    private final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(CAPACITY, 64));
    private final Poller poller = new Poller(1);
    private final InetAddress address;
    private final InetAddress addressV6;

    public PodTun(final Topology.Node node) {
        device = node.namespace()
                .call(() -> TunDevice.open(DEVICE, 1, VNET_LENGTH))
                .get(0);
        address = inet("10.244." + node.index() + ".77");
        addressV6 = inet(node.subnetBaseV6() + "77");
        node.namespace().exec("ethtool", "-K", DEVICE, "tx", "off", "sg", "off", "tso", "off", "gso", "off");
        node.namespace().ip("link", "set", DEVICE, "txqueuelen", "20000", "up");
        node.namespace().ip("route", "add", address.getHostAddress() + "/32", "dev", DEVICE);
        if (node.dualStack()) {
            node.namespace().ip("-6", "route", "add", addressV6.getHostAddress() + "/128", "dev", DEVICE);
        }
    }

    public static InetAddress inet(final String text) {
        try {
            return InetAddress.getByName(text);
        } catch (final UnknownHostException e) {
            throw new IllegalArgumentException(text, e);
        }
    }

    public InetAddress address() {
        return address;
    }

    public InetAddress addressV6() {
        return addressV6;
    }

    /** Whether {@link #sendPartial} may cut UDP packets: not on kernels before 6.2. */
    public boolean takesUdpSuperframes() {
        return device.framing().takesUdpSuperframes();
    }

    /** Sends a packet as it is. */
    public void send(final byte[] packet) {
        send(packet, 0, 0, 0, 0, 0);
    }

    /** Sends a packet, if the kernel takes it for one. */
    public void trySend(final byte[] packet) {
        buffer.setMemory(0, VNET_LENGTH, (byte) 0);
        buffer.putBytes(VNET_LENGTH, packet);
        final int written = device.write(buffer.addressOffset(), VNET_LENGTH + packet.length);
        if (written < 0 && -Errno.EINVAL != written) {
            throw new LinuxException("write " + packet.length + " bytes to " + DEVICE, -written);
        }
    }

    /** Sends a packet whose checksum is left to a device, cut into segments of {@code gsoSize} if that is not 0. */
    public void sendPartial(final CraftedPacket packet, final int gsoSize) {
        final byte[] bytes = packet.checksum(CraftedPacket.Checksum.PARTIAL).bytes();
        final int tcpType = packet.isIpv6() ? 4 : 1;
        final int gsoType = packet.isTcp() ? tcpType : 5;
        send(
                bytes,
                0 == gsoSize ? 0 : gsoType,
                packet.payloadOffset(),
                gsoSize,
                packet.transportOffset(),
                packet.checksumOffset());
    }

    private void send(
            final byte[] packet,
            final int gsoType,
            final int headerLength,
            final int gsoSize,
            final int checksumStart,
            final int checksumOffset) {
        buffer.setMemory(0, VNET_LENGTH, (byte) 0);
        buffer.putByte(0, (byte) (checksumStart > 0 ? 1 : 0));
        buffer.putByte(1, (byte) gsoType);
        buffer.putShort(2, (short) headerLength, nativeOrder());
        buffer.putShort(4, (short) gsoSize, nativeOrder());
        buffer.putShort(6, (short) checksumStart, nativeOrder());
        buffer.putShort(8, (short) checksumOffset, nativeOrder());
        buffer.putBytes(VNET_LENGTH, packet);
        final int written = device.write(buffer.addressOffset(), VNET_LENGTH + packet.length);
        if (written < 0) {
            throw new LinuxException("write " + packet.length + " bytes to " + DEVICE, -written);
        }
    }

    /** The next packet that the pod gets within the time, or an empty array. */
    public byte[] receive(final int timeoutMs) {
        int length = device.read(buffer.addressOffset(), CAPACITY);
        if (-Errno.EAGAIN == length) {
            poller.set(0, device.fd(), Poller.POLLIN);
            poller.poll(timeoutMs);
            length = device.read(buffer.addressOffset(), CAPACITY);
        }
        final byte[] packet = new byte[Math.max(0, length - VNET_LENGTH)];
        buffer.getBytes(VNET_LENGTH, packet);
        return packet;
    }

    /**
     * All packets up to and without the first that is {@code last}.
     *
     * @throws AssertionError if that does not come in time.
     */
    public List<byte[]> receiveUntil(final Predicate<byte[]> last, final long timeoutMs) {
        final List<byte[]> packets = new ArrayList<>();
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (System.nanoTime() < deadlineNs) {
            final byte[] packet = receive(100);
            if (last.test(packet)) {
                return packets;
            }
            if (packet.length > 0) {
                packets.add(packet);
            }
        }
        throw new AssertionError("no last packet within " + timeoutMs + " ms, after " + packets.size() + " others");
    }

    @Override
    public void close() {
        CloseHelper.close(device);
    }
}
