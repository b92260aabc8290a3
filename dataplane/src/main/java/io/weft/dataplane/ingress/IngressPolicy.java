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
import io.weft.routing.AddressTable;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Who may send what into the overlay (docs/decisions/0023): the nodes by their addresses, and for each the pods behind it. Made by the
 * control thread whenever a lease or an address of this node changes, published, and not changed after: any thread may ask. It shares with
 * the one before what has not changed (docs/decisions/0063).
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
    public static final Claim STRANGER = Claim.NONE;

    /** A sender that was admitted by its address, and may be any node. */
    static final Claim ADMITTED = Claim.ofNobody();

    /** A sender whose address no other node sends from, unless a lease says so: {@link DropReason#OUTER_INVALID_SOURCE}. */
    public static final Claim MARTIAN = Claim.ofNobody();

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
    private final AddressTable<Integer> peers;

    /** What is known of the addresses of one family. */
    private static final class Family {
        /** Addresses of nodes, and of this one those that are no prefix, which no other node sends from. */
        private final AddressTable<Claim> senders;
        /** Prefixes of senders that are admitted. */
        private final PrefixTable<Claim> admitted;
        /** Subnets of nodes, and addresses and subnets of this one. */
        private final PrefixTable<Claim> owners;

        Family(final AddressTable<Claim> senders, final PrefixTable<Claim> admitted, final PrefixTable<Claim> owners) {
            this.senders = senders;
            this.admitted = admitted;
            this.owners = owners;
        }

        Family copy() {
            return new Family(senders.copy(), admitted.copy(), owners.copy());
        }
    }

    private IngressPolicy(
            final Sources sources, final Family ipv4, final Family ipv6, final AddressTable<Integer> peers) {
        isRestricting = Sources.ANY != sources;
        isStrict = Sources.STRICT == sources;
        this.ipv4 = ipv4;
        this.ipv6 = ipv6;
        this.peers = peers;
    }

    private IngressPolicy(final IngressPolicy policy, final AddressTable<Integer> peers) {
        isRestricting = policy.isRestricting;
        isStrict = policy.isStrict;
        ipv4 = policy.ipv4;
        ipv6 = policy.ipv6;
        this.peers = peers;
    }

    /**
     * The same policy, which also knows the peers by the numbers that they are counted by.
     *
     * @param numbers rows of the {@link PeerTable}, as {@link PeerTable#numbers()} has them.
     */
    public IngressPolicy numbered(final AddressTable<Integer> numbers) {
        return new IngressPolicy(this, numbers);
    }

    /**
     * What a policy is made of, which may change and be made a policy of again, at a cost that goes with what has changed. Used by one
     * thread.
     */
    public static final class Builder {
        private final Sources sources;
        private final Family ipv4 = new Family(new AddressTable<>(), new PrefixTable<>(), new PrefixTable<>());
        private final Family ipv6 = new Family(new AddressTable<>(), new PrefixTable<>(), new PrefixTable<>());
        private final Set<IpPrefix> ownPrefixes = new HashSet<>();
        /** What no other node sends from, of the own and of broadcasts. */
        private final Set<IpAddress> ownSenders = new HashSet<>();

        /** A policy that knows nobody yet. */
        public Builder(final Sources sources) {
            this.sources = sources;
        }

        private Family family(final IpFamily family) {
            return IpFamily.IPV4 == family ? ipv4 : ipv6;
        }

        /** Admits what comes from a prefix, whatever node it may be. */
        public Builder admit(final IpPrefix senders) {
            family(senders.family()).admitted.put(senders, ADMITTED);
            return this;
        }

        /** {@link #add}, of a node that stays. */
        public Builder node(final Collection<IpAddress> addresses, final Collection<IpPrefix> subnets) {
            add(addresses, subnets);
            return this;
        }

        /**
         * Another node. A subnet is of the node that came last with it, and of the one before when that one is gone.
         *
         * @param addresses that it may send from.
         * @param subnets of its pods.
         * @return for {@link #remove}.
         */
        public Claim.Node add(final Collection<IpAddress> addresses, final Collection<IpPrefix> subnets) {
            final Claim.Node node = new Claim.Node(List.copyOf(Set.copyOf(addresses)), List.copyOf(subnets));
            node.addresses().forEach(address -> sender(address, sender(address).with(node)));
            node.subnets().forEach(subnet -> owner(subnet, owner(subnet).with(node)));
            return node;
        }

        /** A node is gone. */
        public void remove(final Claim.Node node) {
            node.addresses().forEach(address -> sender(address, sender(address).without(node)));
            node.subnets().forEach(subnet -> owner(subnet, owner(subnet).without(node)));
        }

        private Claim sender(final IpAddress address) {
            final Claim present = family(address.family()).senders.find(address.high(), address.low());
            return null == present ? Claim.NONE : present;
        }

        private void sender(final IpAddress address, final Claim claim) {
            final AddressTable<Claim> senders = family(address.family()).senders;
            if (claim.isNobodys()) {
                senders.remove(address.high(), address.low());
            } else {
                senders.put(address.high(), address.low(), claim);
            }
        }

        private Claim owner(final IpPrefix prefix) {
            final Claim present = family(prefix.family()).owners.get(prefix);
            return null == present ? Claim.NONE : present;
        }

        private void owner(final IpPrefix prefix, final Claim claim) {
            final PrefixTable<Claim> owners = family(prefix.family()).owners;
            if (claim.isNobodys()) {
                owners.remove(prefix);
            } else {
                owners.put(prefix, claim);
            }
        }

        /** A subnet of this node. */
        public Builder ownSubnet(final IpPrefix subnet) {
            owner(subnet, owner(subnet).asOwnSubnet());
            return this;
        }

        /** Addresses of this node, but for those that mean nothing beyond it or a link: other nodes have the same. */
        public Builder ownAddress(final IpPrefix addresses) {
            ownPrefixes.add(addresses);
            owner(addresses, owner(addresses).asOwnAddress(true));
            return addresses.family().addressBits() == addresses.length() ? broadcast(addresses.base()) : this;
        }

        /** What all hosts on one of this node's links are reached by, and none sends from. */
        public Builder broadcast(final IpAddress address) {
            ownSenders.add(address);
            sender(address, sender(address).asOwnAddress(true));
            return this;
        }

        /** Takes {@link #ownAddress} and {@link #broadcast} back: what other nodes say of them means something again. */
        public void forgetOwnAddresses() {
            ownPrefixes.forEach(prefix -> owner(prefix, owner(prefix).asOwnAddress(false)));
            ownSenders.forEach(address -> sender(address, sender(address).asOwnAddress(false)));
            ownPrefixes.clear();
            ownSenders.clear();
        }

        /** The policy as of now. */
        public IngressPolicy build() {
            return new IngressPolicy(sources, ipv4.copy(), ipv6.copy(), new AddressTable<>());
        }
    }

    /** False if everything passes. */
    public boolean isRestricting() {
        return isRestricting;
    }

    /** {@link #MARTIAN}, {@link #STRANGER}, {@link #ADMITTED}, or a node; the halves as in {@link IpAddress}. */
    public Claim sender(final boolean isIpv4, final long high, final long low) {
        final Family family = isIpv4 ? ipv4 : ipv6;
        final Claim found = family.senders.find(high, low);
        if (null == found || found.isOwnAddress()) {
            final boolean isNobodys = null != found || isOwnAddress(family.owners.find(high, low));
            if (isNobodys || (isIpv4 ? isMartianIpv4((int) (high >>> Integer.SIZE)) : isMartianIpv6(high, low))) {
                return MARTIAN;
            }
        }
        if (null != family.admitted.find(high, low)) {
            return ADMITTED;
        }
        return null == found ? STRANGER : found;
    }

    private static boolean isOwnAddress(final @Nullable Claim owner) {
        return null != owner && owner.isOwnAddress();
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

    /**
     * The row of the {@link PeerTable} that a node's address has by {@link #numbered}, or another one of that node;
     * {@link PeerTable#NOBODY} without one.
     */
    int peer(final boolean isIpv4, final long high, final long low) {
        final Claim sender = (isIpv4 ? ipv4 : ipv6).senders.find(high, low);
        if (null == sender || sender.isOwnAddress()) {
            return PeerTable.NOBODY;
        }
        int peer = isIpv4 ? number(0, MAPPED_V6 << Integer.SIZE | high >>> Integer.SIZE) : number(high, low);
        for (int i = 0; i < sender.nodeCount(); i++) {
            final List<IpAddress> addresses = sender.node(i).addresses();
            for (int j = 0; j < addresses.size() && PeerTable.NOBODY == peer; j++) {
                peer = number(addresses.get(j).mappedHigh(), addresses.get(j).mappedLow());
            }
        }
        return peer;
    }

    private int number(final long mappedHigh, final long mappedLow) {
        final Integer number = peers.find(mappedHigh, mappedLow);
        return null == number ? PeerTable.NOBODY : number;
    }

    /** Why nothing that a sender sends may pass; null if it may. */
    public @Nullable DropReason refusal(final Claim sender) {
        if (MARTIAN == sender) {
            return DropReason.OUTER_INVALID_SOURCE;
        }
        return isRestricting && STRANGER == sender ? DropReason.UNKNOWN_SENDER : null;
    }

    /** Why a packet from a sender that may send may not pass; null if it may. */
    public @Nullable DropReason refusal(final Claim sender, final UnsafeBuffer arena, final IpPacket packet) {
        return 4 == packet.version()
                ? refusalOfIpv4(sender, arena, packet.offset())
                : refusalOfIpv6(sender, arena, packet.offset());
    }

    private @Nullable DropReason refusalOfIpv4(final Claim sender, final UnsafeBuffer arena, final int ip) {
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

    private @Nullable DropReason refusalOfIpv6(final Claim sender, final UnsafeBuffer arena, final int ip) {
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
            final Claim sender,
            final long sourceHigh,
            final long sourceLow,
            final long destinationHigh,
            final long destinationLow) {
        final Claim owner = family.owners.find(sourceHigh, sourceLow);
        if (null != owner) {
            if (owner.isOwnAddress()) {
                return DropReason.IP_LOCAL_SOURCE;
            }
            if (owner.isOwnSubnet()) {
                return DropReason.OWN_SUBNET_SOURCE;
            }
            if (ADMITTED != sender && !owner.isOfOneOf(sender)) {
                return DropReason.OTHER_NODES_SOURCE;
            }
        } else if (isStrict && !isAnnounced(sender, family.senders.find(sourceHigh, sourceLow))) {
            return DropReason.UNANNOUNCED_SOURCE;
        }
        final Claim taker = family.owners.find(destinationHigh, destinationLow);
        return null != taker && (taker.isOwnAddress() || taker.isOwnSubnet()) ? null : DropReason.FOREIGN_DESTINATION;
    }

    /** Whether an address is one of a node that may be the sender. */
    private static boolean isAnnounced(final Claim sender, final @Nullable Claim announced) {
        return null != announced && !announced.isOwnAddress() && (ADMITTED == sender || announced.shares(sender));
    }
}
