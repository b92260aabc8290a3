/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.address.IpPrefix;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.PodBridge;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What pods may not send to: the tunnel's port of any node, by which they would send into the overlay as a node does, masqueraded or
 * with a forged source (docs/decisions/0024). Among pods the port is a port like any other.
 *
 * @param port of UDP.
 * @param nodes networks that nodes are in; they matter where the cluster's network covers them.
 * @param devices that packets of other nodes' pods come out of the tunnel by.
 */
public record TunnelPort(int port, List<IpPrefix> nodes, List<String> devices) {
    private static final System.Logger LOG = System.getLogger(TunnelPort.class.getName());

    static final String COMMENT = "weftd tunnel port";

    /** Copies the lists. */
    public TunnelPort {
        nodes = List.copyOf(nodes);
        devices = List.copyOf(devices);
    }

    /**
     * The port of a backend.
     *
     * @param devices that packets come out of the tunnel by.
     * @param addresses of this host.
     * @return null without a tunnel, and where everybody may send into the overlay.
     */
    public static @Nullable TunnelPort of(
            final BackendConfig backend,
            final Underlay underlay,
            final List<String> devices,
            final IngressPolicy.Sources sources,
            final List<InterfaceAddress> addresses) {
        if (!backend.type().isTunnel() || IngressPolicy.Sources.ANY == sources) {
            return null;
        }
        return new TunnelPort(
                backend.port(),
                addresses.stream()
                        .filter(address -> underlay.localAddresses().contains(address.address()))
                        .map(address -> IpPrefix.containing(address.address(), address.prefixLength()))
                        .toList(),
                devices);
    }

    /** Where no packets of pods are forwarded to: everything but the cluster's network, and what is in there of nodes. */
    List<Destination> refused(final IpPrefix network) {
        final List<Destination> refused = new ArrayList<>();
        nodes.stream().filter(network::contains).forEach(covered -> refused.add(new Destination(false, covered)));
        refused.add(new Destination(true, network));
        return refused;
    }

    /** @param isOutside all but the prefix is meant. */
    record Destination(boolean isOutside, IpPrefix prefix) {}

    /** Devices that all packets of pods come by, whatever source they name. The bridge is empty if there is none. */
    List<String> podDevices(final String podBridge) {
        final List<String> all = new ArrayList<>(devices);
        if (!podBridge.isEmpty()) {
            all.add(0, podBridge);
        }
        return all;
    }

    /** Takes the rules away from this host. What a tool that is not there may have set before stays. */
    public static void removeRules() {
        for (final boolean ipv4 : new boolean[] {true, false}) {
            attempt(() -> IptablesRules.removeTunnelPort(ipv4));
            attempt(() -> NftablesRules.removeTunnelPort(ipv4));
        }
    }

    private static void attempt(final Runnable removal) {
        try {
            removal.run();
        } catch (final RulesException failure) {
            LOG.log(DEBUG, "rules of the tunnel''s port are not looked for: {0}", failure.getMessage());
        }
    }

    /**
     * The bridge that pods of a subnet are at, by which their packets come whatever source they name; empty while there is none, as
     * before the first pod or with a plugin that makes none.
     */
    static String podBridge(final IpPrefix subnet) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            return PodBridge.name(rtnetlink, subnet);
        } catch (final LinuxException failure) {
            throw new RulesException(String.valueOf(failure.getMessage()));
        }
    }
}
