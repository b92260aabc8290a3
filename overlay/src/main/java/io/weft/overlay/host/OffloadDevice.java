/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.MacAddress;
import io.weft.encap.TunnelSuperframe;
import io.weft.linux.LinuxException;
import io.weft.linux.TapDevice;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * The TAP device through which the host's IP stack takes superframes in unsegmented, to route them out. Nothing is ever sent to
 * it. Used by the control thread alone.
 *
 * @param name of the device.
 * @param queues one for each worker.
 */
public record OffloadDevice(String name, List<TapDevice> queues) implements AutoCloseable {
    private static final Path SETTINGS = Path.of("/proc/sys/net/ipv4/conf");

    private static final Path HOST_FORWARDS = Path.of("/proc/sys/net/ipv4/ip_forward");

    /** Of a link by itself (RFC 3927), since no packet ever has it. */
    private static final byte[] ADDRESS = {(byte) 169, (byte) 254, 84, 72};

    private static final int ADDRESS_BITS = 32;

    /**
     * Makes the device and sets it up.
     *
     * @param left descriptors of the device's queues that another process left, as many as queues, or none to make the device: they
     *     belong to this from now on.
     * @return null if there is no TUN driver, or the kernel has no tunnel offload for such devices: it came with Linux 6.17.
     * @throws LinuxException if the device cannot be made for another reason.
     * @throws IOException if a setting cannot be read.
     */
    public static @Nullable OffloadDevice open(
            final Rtnetlink rtnetlink, final String name, final int queues, final List<Integer> left)
            throws IOException {
        final List<TapDevice> taps = left.isEmpty()
                ? TapDevice.open(name, queues, TunnelSuperframe.VNET_LENGTH)
                : TapDevice.adopt(left, name, TunnelSuperframe.VNET_LENGTH);
        if (taps.isEmpty()) {
            return null;
        }
        final OffloadDevice device = new OffloadDevice(name, taps);
        boolean isSetUp = false;
        try {
            rtnetlink.link(name).ifPresent(link -> rtnetlink.setNoAddressGeneration(link.index()));
            device.repair(rtnetlink);
            isSetUp = true;
            return device;
        } finally {
            if (!isSetUp) {
                device.close();
            }
        }
    }

    /**
     * The device's MAC address, in the low 48 bits, which others may change: systemd's MACAddressPolicy does so a moment after
     * the device was made. Empty when somebody has deleted it.
     */
    public OptionalLong mac(final Rtnetlink rtnetlink) {
        final MacAddress mac = rtnetlink.link(name).map(Link::mac).orElse(null);
        return null == mac ? OptionalLong.empty() : OptionalLong.of(mac.value());
    }

    /**
     * Makes the device as it should be. The host shall take in packets whose source is an address of its own (accept_local),
     * although answers to that address would not go out by this device (rp_filter), and route them (forwarding). The device
     * has an address because the host would else refuse what comes by it where rp_filter of all devices is 2.
     * Source: Documentation/networking/ip-sysctl.rst, net/ipv4/fib_frontend.c ({@code __fib_validate_source}).
     *
     * @return how many differences were put right; 0 also when somebody has deleted the device: what is handed to it then is
     *     refused, and cut.
     */
    public int repair(final Rtnetlink rtnetlink) throws IOException {
        final Optional<Link> found = rtnetlink.link(name);
        if (found.isEmpty()) {
            return 0;
        }
        final Link link = found.get();
        int differences = set(rtnetlink, link, "accept_local", Rtnetlink.ACCEPT_LOCAL, 1)
                + set(rtnetlink, link, "rp_filter", Rtnetlink.RP_FILTER, 0);
        final int forwarding = set(rtnetlink, link, "forwarding", Rtnetlink.FORWARDING, 1);
        // Whoever switches the host's own off means all devices, and meddles with none.
        differences += new KernelSetting(HOST_FORWARDS, "1").isOtherwise() ? 0 : forwarding;
        final InetAddress address = address();
        if (rtnetlink.addresses(link.index()).stream()
                .noneMatch(present -> present.address().equals(address))) {
            rtnetlink.replaceAddress(
                    new InterfaceAddress(link.index(), address, ADDRESS_BITS, InterfaceAddress.SCOPE_LINK, 0));
            differences++;
        }
        if (!link.up()) {
            rtnetlink.setUp(link.index());
            differences++;
        }
        return differences;
    }

    private static InetAddress address() {
        try {
            return InetAddress.getByAddress(ADDRESS);
        } catch (final UnknownHostException ex) {
            throw new IllegalStateException("four bytes are an address", ex);
        }
    }

    private int set(final Rtnetlink rtnetlink, final Link link, final String setting, final int number, final int value)
            throws IOException {
        if (!new KernelSetting(SETTINGS.resolve(name).resolve(setting), Integer.toString(value)).isOtherwise()) {
            return 0;
        }
        rtnetlink.setIpv4Setting(link.index(), number, value);
        return 1;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(queues);
    }
}
