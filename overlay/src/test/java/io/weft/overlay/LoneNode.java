/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.options.WeftOptions;
import java.net.Inet4Address;
import java.nio.file.Path;
import java.util.Set;

/**
 * A node that hears of no other: a namespace with {@link #ADDRESS} on a device, the other end of whose wire leads nowhere. For tests of
 * parts of weftd, which are told here what the other parts would have found out.
 */
public final class LoneNode implements AutoCloseable {
    public static final Inet4Address ADDRESS =
            (Inet4Address) IpAddress.parse("192.168.0.1").toInetAddress();
    public static final MacAddress VTEP_MAC = MacAddress.parse("02:00:00:00:00:01");

    private static final String DEVICE = "eth0";
    private static final int VNI = 1;
    private static final int UNDERLAY_MTU = 1500;

    private final NetworkNamespace namespace;

    /**
     * Its device is up.
     *
     * @param name part of the namespace's.
     */
    public LoneNode(final String name) {
        namespace = NetworkNamespace.create(name);
        namespace.ip("link", "add", DEVICE, "type", "veth", "peer", "name", "eth1");
        namespace.ip("address", "add", ADDRESS.getHostAddress() + "/24", "dev", DEVICE);
        namespace.ip("link", "set", DEVICE, "up");
        namespace.ip("link", "set", "eth1", "up");
    }

    /** Where it is. */
    public NetworkNamespace namespace() {
        return namespace;
    }

    /** A cluster network with VXLAN and all else by default. */
    public static NetworkConfig config(final String network) {
        return new NetworkConfig(
                IpPrefix.parse(network),
                null,
                null,
                null,
                false,
                new BackendConfig(BackendType.VXLAN, VNI, BackendConfig.PORT_DEFAULT, 0, false, false));
    }

    /** The node's lease. */
    public static Lease own(final String subnet) {
        return new Lease(
                new LeaseKey(IpPrefix.parse(subnet), null),
                new LeaseAttributes(ADDRESS, null, "vxlan", new VtepData(VNI, VTEP_MAC), null));
    }

    /** What is asked of it: the plain ports, and no watch for better ones. */
    public static WeftOptions options(final Path runDirectory) {
        final WeftOptions options = new WeftOptions();
        options.runDirectory = runDirectory;
        options.tunnelOffload = WeftOptions.TunnelOffloading.OFF;
        options.underlayPort = WeftOptions.UnderlayPort.UDP;
        return options;
    }

    /** Its way to others. To be called in {@link #namespace}. */
    public static Underlay underlay(final Rtnetlink rtnetlink) {
        return underlay(rtnetlink.link(DEVICE).orElseThrow().index());
    }

    /** Its way to others by a device that need not be there, where nothing is sent. */
    public static Underlay underlay(final int linkIndex) {
        return new Underlay(DEVICE, linkIndex, UNDERLAY_MTU, ADDRESS, null, ADDRESS, null, Set.of(ADDRESS), false);
    }

    @Override
    public void close() {
        namespace.close();
    }
}
