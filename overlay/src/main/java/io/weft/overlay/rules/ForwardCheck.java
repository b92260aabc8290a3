/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.Fate;
import io.weft.overlay.host.PodBridge;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whether the host drops what its pods send to other nodes, or what comes from there, by rules that weft may not take away: of nftables
 * and both iptables, in whichever table and at whichever hook. Changes nothing, and what cannot be looked at is a doubt. The keeper's
 * thread alone.
 */
final class ForwardCheck {
    private static final String BOTH_WAYS = "what pods here and those of other nodes send to each other";

    private final IpPrefix network;
    private final IpPrefix subnet;
    private final String device;
    private final boolean isAccepted;
    /** What was found, and in which state of the host; null where another look may find more. */
    private Forwarding found = Forwarding.WELL;

    private HostFirewall.@Nullable State foundIn;

    /**
     * What is looked at.
     *
     * @param device that packets leave by and come by.
     * @param isAccepted by rules of weft's own, as far as iptables goes.
     */
    ForwardCheck(final IpPrefix network, final IpPrefix subnet, final String device, final boolean isAccepted) {
        this.network = network;
        this.subnet = subnet;
        this.device = device;
        this.isAccepted = isAccepted;
    }

    /**
     * What there is, by the rules that a firewall has now. They are not read again while nobody has changed them: ten thousand of them are
     * megabytes, which the collector has to move while packets wait.
     */
    Forwarding look(final HostFirewall firewall) {
        final String bridge = TunnelPort.podBridge(subnet);
        final String podDevice = bridge.isEmpty() ? PodBridge.NAME : bridge; // that of pods to come
        HostFirewall.State now = null;
        try {
            now = firewall.state(network.isIpv4(), podDevice, device);
            if (null != now && now.equals(foundIn)) {
                return found;
            }
            found = look(
                    firewall.forwarded(subnet, network, podDevice, device),
                    firewall.forwarded(network, subnet, device, podDevice));
        } catch (final LinuxException unknown) {
            found = new Forwarding(
                    List.of(),
                    List.of("whether the host's rules drop " + BOTH_WAYS + " is not known: " + unknown.getMessage()));
            if (Errno.EMSGSIZE != unknown.errno()) {
                now = null;
            }
        }
        foundIn = now; // asked before: what came in between is seen by the next look
        return found;
    }

    private Forwarding look(final Fate out, final Fate in) {
        final PodRule words = new PodRule(network, isAccepted);
        final List<String> drops = new ArrayList<>();
        if (null != out.dropped() && out.dropped().equals(in.dropped())) {
            drops.add(words.drops(out.dropped(), BOTH_WAYS));
        } else {
            if (null != out.dropped()) {
                drops.add(words.drops(out.dropped(), PodRule.EGRESS));
            }
            if (null != in.dropped()) {
                drops.add(words.drops(in.dropped(), PodRule.INGRESS));
            }
        }
        return new Forwarding(
                drops,
                Stream.of(out, in)
                        .filter(fate -> null == fate.dropped())
                        .flatMap(fate -> Stream.ofNullable(fate.mayLose()))
                        .filter(rule -> !rule.equals(out.dropped()) && !rule.equals(in.dropped()))
                        .distinct()
                        .map(PodRule::mayDrop)
                        .toList());
    }
}
