/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What rules of a network name, by which those of two networks on one host are told apart: chains and comments are the same.
 *
 * @param networks of the cluster, one of each IP version at the most.
 * @param devices that packets come out of the tunnel by.
 * @param port of the tunnel; 0 where there is none.
 */
public record OtherNetwork(List<IpPrefix> networks, List<String> devices, int port) {
    private static final Pattern SPACE = Pattern.compile(" ");
    private static final Set<String> MARKS = Set.of("-s", "-d", "-i", "--dport");

    /** Copies the lists. */
    public OtherNetwork {
        networks = List.copyOf(networks);
        devices = List.copyOf(devices);
    }

    /** Whether a rule, as iptables prints it, names any of it. */
    boolean isNamedIn(final String rule) {
        final String[] words = SPACE.split(rule, -1);
        for (int i = 1; i < words.length; i++) {
            if (isNamed(words[i - 1], words[i])) {
                return true;
            }
        }
        return false;
    }

    /** Whether it is the same in the rules of every network. */
    static boolean namesNone(final String rule) {
        return SPACE.splitAsStream(rule).noneMatch(MARKS::contains);
    }

    private boolean isNamed(final String option, final String value) {
        return switch (option) {
            case "-s", "-d" -> isInside(value);
            case "-i" -> devices.contains(value);
            case "--dport" -> String.valueOf(port).equals(value);
            default -> false;
        };
    }

    private boolean isInside(final String text) {
        try {
            final IpPrefix prefix = IpPrefix.parseContaining(text);
            return networks.stream().anyMatch(network -> network.contains(prefix));
        } catch (final IllegalArgumentException strange) {
            return false; // a mask with holes: somebody else wrote our comment on a rule
        }
    }
}
