/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerTable;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.ToIntFunction;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Who may send what into the overlay (docs/decisions/0023): the nodes by their addresses, and for each the pods behind it. Made by the
 * control thread whenever a lease or an address of this node changes, published, and not changed after: any thread may ask.
 */
public final class IngressPolicy {
    /** What is asked of a packet. */
    public enum Sources {
        /** Its sender is a node. What is inside is for this node, and neither from it nor from a third one's subnet. */
        KNOWN,
        /** As {@link #KNOWN}, and what is inside is from the sender's own subnet or address. */
        STRICT,
        /** Nothing. */
        ANY
    }

    /** Lets in what anybody sends who may be another node. */
    public static final IngressPolicy ANYTHING = new Builder(Sources.ANY).build();

    /** A sender that is nobody. */
    public static final int STRANGER = AddressTable.ABSENT;

    /** A sender that was admitted by its address, and may be any node. */
    static final int ADMITTED = -1;

    /** A sender whose address no other node sends from, unless a lease says so: {@link DropReason#OUTER_INVALID_SOURCE}. */
    public static final int MARTIAN = -2;

    /** In the table of senders: an address that no other node sends from. */
    private static final int NO_SENDER = -1;

    private static final int OWN_ADDRESS = -1;
    private static final int OWN_SUBNET = -2;
    private static final int NOBODYS = PrefixTable.ABSENT;

    private static final int IPV4_FIRST_BYTE_SHIFT = Integer.SIZE - Byte.SIZE;
    private static final int IPV4_FIRST_NIBBLE_SHIFT = Integer.SIZE - 4;
    private static final int IPV6_FIRST_BYTE_SHIFT = Long.SIZE - Byte.SIZE;
    private static final int LOOPBACK_BYTE = 127;
    private static final int MULTICAST_NIBBLE = 0xE;
    private static final int BROADCAST = 0xFFFF_FFFF;
    private static final long MULTICAST_BYTE_V6 = 0xFF;
    private static final long MAPPED_V6 = 0xFFFF;
    private static final long LOOPBACK_V6 = 1;

    private final boolean isRestricting;
    private final boolean isStrict;
    private final Family ipv4;
    private final Family ipv6;
    private final int[][] nodesOfSender;
    private final IpAddress[] addressOfSender;
    private final List<List<IpAddress>> addressesOfNode;
    private final int[] peerOfSender;

    /** What is known of the addresses of one family. */
    private static final class Family {
        /** Addresses of nodes: a sender each, which is one node, or more where they share the address. */
        private final AddressTable senders = new AddressTable();
        /** Prefixes of senders that are admitted. */
        private final PrefixTable admitted = new PrefixTable();
        /** {@link #OWN_ADDRESS}, {@link #OWN_SUBNET}, or the node that has the subnet. */
        private final PrefixTable owners = new PrefixTable();
    }

    private IngressPolicy(final Builder builder) {
        isRestricting = Sources.ANY != builder.sources;
        isStrict = Sources.STRICT == builder.sources;
        ipv4 = builder.ipv4;
        ipv6 = builder.ipv6;
        nodesOfSender = builder.nodesOfSender.toArray(int[][]::new);
        addressOfSender = builder.addressOfSender.toArray(IpAddress[]::new);
        addressesOfNode = List.copyOf(builder.addressesOfNode);
        peerOfSender = new int[addressOfSender.length];
    }

    private IngressPolicy(final IngressPolicy policy, final ToIntFunction<IpAddress> peers) {
        isRestricting = policy.isRestricting;
        isStrict = policy.isStrict;
        ipv4 = policy.ipv4;
        ipv6 = policy.ipv6;
        nodesOfSender = policy.nodesOfSender;
        addressOfSender = policy.addressOfSender;
        addressesOfNode = policy.addressesOfNode;
        peerOfSender = new int[addressOfSender.length];
        Arrays.setAll(peerOfSender, sender -> peerOf(sender, peers));
    }

    /** By its address, or by another one of its node. */
    private int peerOf(final int sender, final ToIntFunction<IpAddress> peers) {
        int peer = peers.applyAsInt(addressOfSender[sender]);
        for (final int node : nodesOfSender[sender]) {
            for (final IpAddress address : addressesOfNode.get(node)) {
                peer = PeerTable.NOBODY == peer ? peers.applyAsInt(address) : peer;
            }
        }
        return peer;
    }

    /**
     * The same policy, which also knows the peers by the numbers that they are counted by.
     *
     * @param peers rows of the {@link PeerTable} by address: {@link PeerTable#NOBODY} of one that packets are not sent to.
     */
    public IngressPolicy numbered(final ToIntFunction<IpAddress> peers) {
        return new IngressPolicy(this, peers);
    }

    /** Collects what a policy is made of. For one policy, by one thread. */
    public static final class Builder {
        private final Sources sources;
        private final Family ipv4 = new Family();
        private final Family ipv6 = new Family();
        private final List<int[]> nodesOfSender = new ArrayList<>();
        private final List<IpAddress> addressOfSender = new ArrayList<>();
        private final List<List<IpAddress>> addressesOfNode = new ArrayList<>();
        private final List<IpPrefix> ownAddresses = new ArrayList<>();
        private final List<IpAddress> broadcasts = new ArrayList<>();
        private int nodes;

        /** A policy that knows nobody yet. */
        public Builder(final Sources sources) {
            this.sources = sources;
        }

        private Family family(final IpFamily family) {
            return IpFamily.IPV4 == family ? ipv4 : ipv6;
        }

        /** Admits what comes from a prefix, whatever node it may be. */
        public Builder admit(final IpPrefix senders) {
            family(senders.family()).admitted.put(senders, 0);
            return this;
        }

        /**
         * Another node.
         *
         * @param addresses that it may send from.
         * @param subnets of its pods.
         */
        public Builder node(final Collection<IpAddress> addresses, final Collection<IpPrefix> subnets) {
            final int node = nodes++;
            addressesOfNode.add(List.copyOf(addresses));
            addresses.forEach(address -> addSender(address, node));
            subnets.forEach(subnet -> family(subnet.family()).owners.put(subnet, node));
            return this;
        }

        private void addSender(final IpAddress address, final int node) {
            final AddressTable senders = family(address.family()).senders;
            final int present = senders.find(address.high(), address.low());
            if (present >= 0) {
                final int[] before = nodesOfSender.get(present);
                final int[] more = Arrays.copyOf(before, before.length + 1);
                more[before.length] = node;
                nodesOfSender.set(present, more);
            } else {
                senders.put(address.high(), address.low(), nodesOfSender.size());
                addressOfSender.add(address);
                nodesOfSender.add(new int[] {node});
            }
        }

        /** A subnet of this node. */
        public Builder ownSubnet(final IpPrefix subnet) {
            family(subnet.family()).owners.put(subnet, OWN_SUBNET);
            return this;
        }

        /** Addresses of this node, but for those that mean nothing beyond it or a link: other nodes have the same. */
        public Builder ownAddress(final IpPrefix addresses) {
            ownAddresses.add(addresses);
            return this;
        }

        /** What all hosts on one of this node's links are reached by, and none sends from. */
        public Builder broadcast(final IpAddress address) {
            broadcasts.add(address);
            return this;
        }

        /** What was collected. What other nodes claim of this node's own means nothing. */
        public IngressPolicy build() {
            for (final IpPrefix own : ownAddresses) {
                final Family family = family(own.family());
                family.owners.put(own, OWN_ADDRESS);
                if (own.family().addressBits() == own.length()) {
                    family.senders.put(own.base().high(), own.base().low(), NO_SENDER);
                }
            }
            for (final IpAddress each : broadcasts) {
                family(each.family()).senders.put(each.high(), each.low(), NO_SENDER);
            }
            return new IngressPolicy(this);
        }
    }

    /** False if everything passes. */
    public boolean isRestricting() {
        return isRestricting;
    }

    /** {@link #MARTIAN}, {@link #STRANGER}, {@link #ADMITTED}, or the number of a sender; the halves as in {@link IpAddress}. */
    public int sender(final boolean isIpv4, final long high, final long low) {
        final Family family = isIpv4 ? ipv4 : ipv6;
        final int found = family.senders.find(high, low);
        if (found < 0) {
            final boolean isNobodys = NO_SENDER == found || OWN_ADDRESS == family.owners.find(high, low);
            if (isNobodys || (isIpv4 ? isMartianIpv4((int) (high >>> Integer.SIZE)) : isMartianIpv6(high, low))) {
                return MARTIAN;
            }
        }
        return PrefixTable.ABSENT == family.admitted.find(high, low) ? found : ADMITTED;
    }

    private static boolean isMartianIpv4(final int source) {
        return LOOPBACK_BYTE == source >>> IPV4_FIRST_BYTE_SHIFT || isInvalidIpv4(source);
    }

    private static boolean isMartianIpv6(final long high, final long low) {
        return (0 == high && LOOPBACK_V6 == low) || isInvalidIpv6(high, low);
    }

    /** Linux net/ipv4/route.c, ip_route_input_slow: what is martian whatever the host's addresses are. */
    private static boolean isInvalidIpv4(final int source) {
        return 0 == source || MULTICAST_NIBBLE == source >>> IPV4_FIRST_NIBBLE_SHIFT || BROADCAST == source;
    }

    /** Linux net/ipv6/ip6_input.c, ip6_rcv_core; and what is IPv4-mapped is on no wire (RFC 4942 section 2.2). */
    private static boolean isInvalidIpv6(final long high, final long low) {
        return MULTICAST_BYTE_V6 == high >>> IPV6_FIRST_BYTE_SHIFT
                || (0 == high && (0 == low || MAPPED_V6 == low >>> Integer.SIZE));
    }

    /** The row of the {@link PeerTable} that an address has by {@link #numbered}; {@link PeerTable#NOBODY} without one. */
    int peer(final boolean isIpv4, final long high, final long low) {
        final int sender = (isIpv4 ? ipv4 : ipv6).senders.find(high, low);
        return sender < 0 ? PeerTable.NOBODY : peerOfSender[sender];
    }

    /** Why nothing that a sender sends may pass; null if it may. */
    public @Nullable DropReason refusal(final int sender) {
        if (MARTIAN == sender) {
            return DropReason.OUTER_INVALID_SOURCE;
        }
        return isRestricting && STRANGER == sender ? DropReason.UNKNOWN_SENDER : null;
    }

    /** Why a packet from a sender that may send may not pass; null if it may. */
    public @Nullable DropReason refusal(final int sender, final UnsafeBuffer arena, final IpPacket packet) {
        return 4 == packet.version()
                ? refusalOfIpv4(sender, arena, packet.offset())
                : refusalOfIpv6(sender, arena, packet.offset());
    }

    private @Nullable DropReason refusalOfIpv4(final int sender, final UnsafeBuffer arena, final int ip) {
        final int source = Ipv4Flyweight.source(arena, ip);
        final int destination = Ipv4Flyweight.destination(arena, ip);
        if (LOOPBACK_BYTE == source >>> IPV4_FIRST_BYTE_SHIFT
                || LOOPBACK_BYTE == destination >>> IPV4_FIRST_BYTE_SHIFT) {
            return DropReason.IP_LOCALNET;
        }
        if (isInvalidIpv4(source)) {
            return DropReason.IP_INVALID_SOURCE;
        }
        return refusal(ipv4, sender, (long) source << Integer.SIZE, 0, (long) destination << Integer.SIZE, 0);
    }

    private @Nullable DropReason refusalOfIpv6(final int sender, final UnsafeBuffer arena, final int ip) {
        final long high = Ipv6Flyweight.sourceHigh(arena, ip);
        final long low = Ipv6Flyweight.sourceLow(arena, ip);
        final long destinationHigh = Ipv6Flyweight.destinationHigh(arena, ip);
        final long destinationLow = Ipv6Flyweight.destinationLow(arena, ip);
        if ((0 == high && LOOPBACK_V6 == low) || (0 == destinationHigh && LOOPBACK_V6 == destinationLow)) {
            return DropReason.IP_LOCALNET;
        }
        if (isInvalidIpv6(high, low)) {
            return DropReason.IP_INVALID_SOURCE;
        }
        return refusal(ipv6, sender, high, low, destinationHigh, destinationLow);
    }

    private @Nullable DropReason refusal(
            final Family family,
            final int sender,
            final long sourceHigh,
            final long sourceLow,
            final long destinationHigh,
            final long destinationLow) {
        final int owner = family.owners.find(sourceHigh, sourceLow);
        if (OWN_ADDRESS == owner) {
            return DropReason.IP_LOCAL_SOURCE;
        }
        if (OWN_SUBNET == owner) {
            return DropReason.OWN_SUBNET_SOURCE;
        }
        if (NOBODYS != owner) {
            if (ADMITTED != sender && !isNode(sender, owner)) {
                return DropReason.OTHER_NODES_SOURCE;
            }
        } else if (isStrict && !isAnnounced(sender, family.senders.find(sourceHigh, sourceLow))) {
            return DropReason.UNANNOUNCED_SOURCE;
        }
        final int taker = family.owners.find(destinationHigh, destinationLow);
        return OWN_SUBNET == taker || OWN_ADDRESS == taker ? null : DropReason.FOREIGN_DESTINATION;
    }

    private boolean isNode(final int sender, final int node) {
        for (final int each : nodesOfSender[sender]) {
            if (each == node) {
                return true;
            }
        }
        return false;
    }

    /** Whether the address that {@code announced} stands for is one of a node that may be the sender. */
    private boolean isAnnounced(final int sender, final int announced) {
        if (announced < 0 || ADMITTED == sender || sender == announced) {
            return announced >= 0;
        }
        for (final int node : nodesOfSender[announced]) {
            if (isNode(sender, node)) {
                return true;
            }
        }
        return false;
    }
}
