/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.util.Arrays;
import java.util.List;

/** Who has an address or a prefix: other nodes, more than one where they share it, or this one, which goes before them. Immutable. */
public final class Claim {
    private static final Node[] NO_NODES = {};

    /** Nobody. */
    static final Claim NONE = new Claim(NO_NODES, false, false);

    /** In the order in which they came. */
    private final Node[] nodes;

    private final boolean isOwnSubnet;
    private final boolean isOwnAddress;

    private Claim(final Node[] nodes, final boolean isOwnSubnet, final boolean isOwnAddress) {
        this.nodes = nodes;
        this.isOwnSubnet = isOwnSubnet;
        this.isOwnAddress = isOwnAddress;
    }

    /** One that is equal to no other. */
    static Claim ofNobody() {
        return new Claim(NO_NODES, false, false);
    }

    /** Another node, with what it says of itself. */
    public static final class Node {
        private final List<IpAddress> addresses;
        private final List<IpPrefix> subnets;
        /** The claim of this one alone, as most are. */
        private final Claim alone = new Claim(new Node[] {this}, false, false);

        Node(final List<IpAddress> addresses, final List<IpPrefix> subnets) {
            this.addresses = addresses;
            this.subnets = subnets;
        }

        List<IpAddress> addresses() {
            return addresses;
        }

        List<IpPrefix> subnets() {
            return subnets;
        }
    }

    Claim with(final Node node) {
        if (isNobodys()) {
            return node.alone;
        }
        final Node[] more = Arrays.copyOf(nodes, nodes.length + 1);
        more[nodes.length] = node;
        return new Claim(more, isOwnSubnet, isOwnAddress);
    }

    Claim without(final Node node) {
        final Node[] fewer = Arrays.stream(nodes).filter(each -> node != each).toArray(Node[]::new);
        return 1 == fewer.length && !isOwn() ? fewer[0].alone : new Claim(fewer, isOwnSubnet, isOwnAddress);
    }

    Claim asOwnSubnet() {
        return new Claim(nodes, true, isOwnAddress);
    }

    Claim asOwnAddress(final boolean isSo) {
        return new Claim(nodes, isOwnSubnet, isSo);
    }

    boolean isNobodys() {
        return 0 == nodes.length && !isOwn();
    }

    private boolean isOwn() {
        return isOwnSubnet || isOwnAddress;
    }

    boolean isOwnAddress() {
        return isOwnAddress;
    }

    boolean isOwnSubnet() {
        return isOwnSubnet;
    }

    /** The node that came last: a prefix is its. */
    boolean isOfOneOf(final Claim sender) {
        return 0 != nodes.length && sender.has(nodes[nodes.length - 1]);
    }

    /** Whether a node may be either. */
    boolean shares(final Claim other) {
        for (final Node node : nodes) {
            if (other.has(node)) {
                return true;
            }
        }
        return false;
    }

    private boolean has(final Node node) {
        for (final Node each : nodes) {
            if (node == each) {
                return true;
            }
        }
        return false;
    }

    /** For {@link IngressPolicy#peer}. */
    int nodeCount() {
        return nodes.length;
    }

    Node node(final int index) {
        return nodes[index];
    }
}
