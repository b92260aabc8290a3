/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;

/**
 * What is left of the underlay's MTU for the packets of pods.
 *
 * @param backend of the network: its header, and an MTU of the underlay that the operator may have set for all nodes, of which an interface
 *     with less carries no more than it does: what is longer would leave in fragments, and no pod would hear that it was too long. The kernel
 *     does the same with its device (drivers/net/vxlan/vxlan_core.c, vxlan_config_apply).
 * @param ipv6 the cluster network has IPv6.
 * @param underlay the interface below.
 */
public record PodMtu(BackendConfig backend, boolean ipv6, Underlay underlay) {
    private static final System.Logger LOG = System.getLogger(PodMtu.class.getName());

    /** RFC 791: what every link must carry. */
    private static final int LEAST_IPV4 = 576;

    /** The same of RFC 8200, 5: an interface with less has no IPv6. */
    public static final int LEAST_IPV6 = 1280;

    /** That of a network on an underlay. */
    public static PodMtu of(final NetworkConfig config, final Underlay underlay) {
        return new PodMtu(config.backend(), null != config.ipv6Network(), underlay);
    }

    /** What a forwarder takes from its device, in bytes. */
    public int of(final UnderlayFamily family) {
        return outer() - family.overhead(backend.type());
    }

    /** What a packet of a pod may have on whichever way it goes, in bytes. */
    public int least() {
        return UnderlayFamily.carrying(backend, underlay).stream()
                .mapToInt(this::of)
                .min()
                .orElse(outer());
    }

    /** Throws a {@link StartupException} when it is less than IP needs; and says so when it is less than the operator has set. */
    public void require() {
        if (underlay.mtu() < backend.mtu()) {
            LOG.log(
                    WARNING,
                    "\"MTU\": {0} in the Backend of the network''s configuration is more than {1} has, {2}: pods of this node"
                            + " have {3}{4}",
                    String.valueOf(backend.mtu()),
                    underlay.name(),
                    String.valueOf(underlay.mtu()),
                    String.valueOf(least()),
                    LogFields.of("mtu", least(), "interface", underlay.name()));
        }
        final int needed = ipv6 ? LEAST_IPV6 : LEAST_IPV4;
        if (least() < needed) {
            final String leaves =
                    " leaves " + least() + " bytes for pods, " + (ipv6 ? "IPv6" : "IPv4") + " needs " + needed + ": ";
            final int lowest = outer() - least() + needed;
            throw new StartupException(
                    0 == backend.mtu() || underlay.mtu() < backend.mtu()
                            ? "the underlay's MTU " + outer() + leaves + "raise the MTU of " + underlay.name() + " to "
                                    + lowest + " at least"
                            : "\"MTU\": " + outer() + ", which is that of the underlay, in the Backend of the network's"
                                    + " configuration" + leaves + "set " + lowest + " there at least, or none; "
                                    + underlay.name() + " has " + underlay.mtu()
                                    + ", and the fabric has to carry that much");
        }
    }

    private int outer() {
        return 0 == backend.mtu() ? underlay.mtu() : Math.min(backend.mtu(), underlay.mtu());
    }
}
