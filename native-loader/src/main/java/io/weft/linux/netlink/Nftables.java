/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.netlink.NetlinkMessage.NLM_F_ACK;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_DUMP;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import io.weft.linux.netfilter.Chain;
import io.weft.linux.netfilter.Rule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The chains of nf_tables that see packets of one IP version, in the network namespace of the thread that opened it; iptables-nft fills
 * such chains too. Used by one thread at a time; takes CAP_NET_ADMIN. Sources: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h.
 *
 * <pre>
 *  0        1         2            4
 * +--------+---------+------------+------------
 * | family | version | resource   | attributes      struct nfgenmsg, behind the message header
 * +--------+---------+------------+------------
 * </pre>
 */
public final class Nftables implements AutoCloseable {
    private static final int SUBSYSTEM = 10 << Byte.SIZE; // NFNL_SUBSYS_NFTABLES
    static final int GET_CHAIN = SUBSYSTEM | 4;
    static final int GET_RULE = SUBSYSTEM | 7;
    private static final int NEW_CHAIN = SUBSYSTEM | 3;
    private static final int NEW_RULE = SUBSYSTEM | 6;
    private static final int GET_GENERATION = SUBSYSTEM | 16;

    static final int FIXED_LENGTH = Integer.BYTES;

    private static final int NFTA_GEN_ID = 1;

    private static final int NFTA_CHAIN_TABLE = 1;
    private static final int NFTA_CHAIN_NAME = 3;
    private static final int NFTA_CHAIN_HOOK = 4;
    private static final int NFTA_CHAIN_POLICY = 5;
    private static final int NFTA_HOOK_HOOKNUM = 1;
    private static final int NFTA_HOOK_DEV = 3;
    private static final int NFTA_HOOK_DEVS = 4;
    private static final int NF_NETDEV_EGRESS = 1;
    private static final int NF_DROP = 0;
    private static final int NF_ACCEPT = 1;

    private static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_EXPRESSIONS = 4;

    private static final int NFPROTO_INET = 1;
    private static final int NFPROTO_IPV4 = 2;
    private static final int NFPROTO_NETDEV = 5;
    private static final int NFPROTO_IPV6 = 10;

    /** A host with more has a firewall that nobody takes in at a look; kube-proxy makes hundreds of thousands. */
    private static final int RULES_MAX = 20_000;

    /** Somebody changes the rules while they are read. */
    private static final int TRIES = 5;

    private final NetlinkSocket socket;
    private final NetlinkExchange exchange;

    /** What a message of a dump was about. */
    record Place(String table, String chain) {}

    /** One rule, and where it is. */
    record Placed(Place place, Rule rule) {}

    private Nftables(final NetlinkSocket socket) {
        this.socket = socket;
        exchange = NetlinkExchange.over(socket);
    }

    /**
     * Opens a socket.
     *
     * @return null where the kernel has no nf_tables, and so no rules of it.
     * @throws LinuxException if the kernel refuses.
     */
    public static @Nullable Nftables open() {
        try {
            final Nftables opened = new Nftables(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER));
            boolean isThere = false;
            try {
                opened.generation();
                isThere = true;
                return opened;
            } finally {
                if (!isThere) {
                    opened.close();
                }
            }
        } catch (final LinuxException failure) {
            if (Errno.EPROTONOSUPPORT == failure.errno() || Errno.EINVAL == failure.errno()) {
                return null; // no netfilter at all, or no such subsystem
            }
            throw failure;
        }
    }

    /** A number that is another whenever somebody has changed something. */
    public int generation() {
        return exchange
                .answered(
                        "ask for the generation of nftables",
                        request(GET_GENERATION, NLM_F_ACK),
                        message -> message.attributes(FIXED_LENGTH).i32BigEndian(NFTA_GEN_ID, 0))
                .stream()
                .findFirst()
                .orElse(0);
    }

    /**
     * All chains that packets of an IP version may come by, without those of families {@code bridge} and {@code arp}.
     *
     * @throws LinuxException if the kernel refuses, with {@link Errno#EMSGSIZE} if there are too many.
     */
    public List<Chain> chains(final boolean isIpv4) {
        for (int i = 0; i < TRIES; i++) {
            final int before = generation();
            final Map<Place, List<Rule>> rules = new HashMap<>();
            for (final Placed placed : exchange.dump(
                    "list the rules of nftables", request(GET_RULE, NLM_F_DUMP), new Limited(isIpv4)::rule)) {
                rules.computeIfAbsent(placed.place, place -> new ArrayList<>()).add(placed.rule);
            }
            final List<Chain> chains = exchange.dump(
                    "list the chains of nftables",
                    request(GET_CHAIN, NLM_F_DUMP),
                    message -> chain(message, isIpv4, rules));
            if (before == generation()) {
                return chains;
            }
        }
        throw new LinuxException("list the rules of nftables", Errno.EAGAIN, "Somebody changes them all the time");
    }

    static NetlinkRequest request(final int type, final int flags) {
        return new NetlinkRequest(type, flags).i32(0); // of all families
    }

    /** Counts what it decodes. */
    private static final class Limited {
        private final boolean isIpv4;
        private int count;

        Limited(final boolean isIpv4) {
            this.isIpv4 = isIpv4;
        }

        @Nullable
        Placed rule(final NetlinkMessage message) {
            if (++count > RULES_MAX) {
                throw new LinuxException(
                        "list the rules of nftables", Errno.EMSGSIZE, "There are more than " + RULES_MAX);
            }
            return Nftables.rule(message, isIpv4);
        }
    }

    /** A rule, or null if it does not see packets of the IP version. */
    static @Nullable Placed rule(final NetlinkMessage message, final boolean isIpv4) {
        final String family = NEW_RULE == message.type() ? family(message, isIpv4) : "";
        if (family.isEmpty()) {
            return null;
        }
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        final Rule rule = attributes.has(NFTA_RULE_EXPRESSIONS)
                ? NftablesExpressions.read(attributes.list(NFTA_RULE_EXPRESSIONS), isIpv4)
                : new Rule(List.of(), Rule.Action.CONTINUE, "");
        return new Placed(new Place(family + attributes.text(NFTA_RULE_TABLE), attributes.text(NFTA_RULE_CHAIN)), rule);
    }

    /** A chain, or null if it does not see packets of the IP version. */
    static @Nullable Chain chain(
            final NetlinkMessage message, final boolean isIpv4, final Map<Place, List<Rule>> rules) {
        final String family = NEW_CHAIN == message.type() ? family(message, isIpv4) : "";
        if (family.isEmpty()) {
            return null;
        }
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        final String table = family + attributes.text(NFTA_CHAIN_TABLE);
        final String name = attributes.text(NFTA_CHAIN_NAME);
        final boolean isBase = attributes.has(NFTA_CHAIN_HOOK);
        final Attributes hook = isBase ? attributes.nested(NFTA_CHAIN_HOOK) : attributes;
        final boolean drops = NF_DROP == attributes.i32BigEndian(NFTA_CHAIN_POLICY, NF_ACCEPT);
        return new Chain(
                table,
                name,
                isBase ? hook(message, hook.i32BigEndian(NFTA_HOOK_HOOKNUM, Chain.NO_HOOK)) : Chain.NO_HOOK,
                drops,
                isBase ? devices(hook) : List.of(),
                rules.getOrDefault(new Place(table, name), List.of()));
    }

    /** Tables of devices number their hooks in a way of their own. */
    private static int hook(final NetlinkMessage message, final int number) {
        if (NFPROTO_NETDEV != message.u8(0)) {
            return number;
        }
        return NF_NETDEV_EGRESS == number ? Chain.EGRESS : Chain.INGRESS;
    }

    private static List<String> devices(final Attributes hook) {
        if (hook.has(NFTA_HOOK_DEVS)) {
            return hook.texts(NFTA_HOOK_DEVS);
        }
        return hook.has(NFTA_HOOK_DEV) ? List.of(hook.text(NFTA_HOOK_DEV)) : List.of();
    }

    /** In nft's words and with a space behind, or empty. */
    private static String family(final NetlinkMessage message, final boolean isIpv4) {
        return switch (message.u8(0)) {
            case NFPROTO_INET -> "inet ";
            case NFPROTO_IPV4 -> isIpv4 ? "ip " : "";
            case NFPROTO_IPV6 -> isIpv4 ? "" : "ip6 ";
            case NFPROTO_NETDEV -> "netdev ";
            default -> "";
        };
    }

    @Override
    public void close() {
        socket.close();
    }
}
