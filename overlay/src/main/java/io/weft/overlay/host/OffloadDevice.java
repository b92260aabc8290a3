/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.TapDevice;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * The TAP device through which the host's IP stack takes whole superframes in, to route them out. Nothing is ever sent to
 * it. Used by the control thread alone.
 *
 * @param queues one for each worker.
 * @param mac of the device, in the low 48 bits.
 */
public record OffloadDevice(List<TapDevice> queues, long mac) implements AutoCloseable {
    private static final Path SETTINGS = Path.of("/proc/sys/net");

    /** Of a link by itself (RFC 3927), since no packet ever has it. */
    private static final byte[] ADDRESS = {(byte) 169, (byte) 254, 84, 72};

    private static final int ADDRESS_BITS = 32;

    /**
     * Makes the device and sets it up.
     *
     * @return null if the kernel has no tunnel offload for such devices: it came with Linux 6.17.
     * @throws LinuxException if the device cannot be made for another reason.
     * @throws IOException if a setting cannot be made, as in a container where /proc/sys is not writable.
     */
    public static @Nullable OffloadDevice open(final Rtnetlink rtnetlink, final String name, final int queues)
            throws IOException {
        final List<TapDevice> taps;
        try {
            taps = TapDevice.open(name, queues);
        } catch (final LinuxException failure) {
            if (Errno.EINVAL == failure.errno()) {
                return null;
            }
            throw failure;
        }
        boolean isSetUp = false;
        try {
            final Link link = rtnetlink
                    .link(name)
                    .orElseThrow(() -> new LinuxException("find the device just made, " + name, Errno.ENODEV));
            setUp(rtnetlink, name, link);
            isSetUp = true;
            return new OffloadDevice(
                    taps,
                    Objects.requireNonNull(link.mac(), "an Ethernet device has a MAC")
                            .value());
        } finally {
            if (!isSetUp) {
                CloseHelper.closeAll(taps);
            }
        }
    }

    /**
     * The host shall take in packets whose source is an address of its own (accept_local), from a device that answers to
     * them would not go out by (rp_filter), and route them (forwarding): Documentation/networking/ip-sysctl.rst. Where
     * another setting of rp_filter, that of all devices, is 2, a device without an address would be refused all the same.
     */
    private static void setUp(final Rtnetlink rtnetlink, final String name, final Link link) throws IOException {
        set("ipv4/conf/" + name + "/accept_local", "1");
        set("ipv4/conf/" + name + "/rp_filter", "0");
        set("ipv4/conf/" + name + "/forwarding", "1");
        final Path ipv6 = Path.of("ipv6/conf", name, "disable_ipv6");
        if (Files.exists(SETTINGS.resolve(ipv6))) {
            set(ipv6.toString(), "1");
        }
        rtnetlink.replaceAddress(
                new InterfaceAddress(link.index(), address(), ADDRESS_BITS, InterfaceAddress.SCOPE_LINK, 0));
        rtnetlink.setUp(link.index());
    }

    private static InetAddress address() {
        try {
            return InetAddress.getByAddress(ADDRESS);
        } catch (final UnknownHostException ex) {
            throw new IllegalStateException("four bytes are an address", ex);
        }
    }

    private static void set(final String setting, final String value) throws IOException {
        Files.writeString(SETTINGS.resolve(setting), value);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(queues);
    }
}
