/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a tunnel's packets: those that come, from whomever, to a UDP port of this host by one device, and those that this
 * host sends by that device to the same port of its peers. Rules are walked through for both as the kernel would, with three answers
 * for each condition: it holds for all packets, for none, or for some. What is not understood holds for some.
 *
 * <p>A packet socket is asked behind the hooks {@code ingress} and in front of {@code egress}, those of tc included, so chains there
 * have their say as ever and are not looked at.
 */
public final class TunnelTraffic {
    private static final byte IPPROTO_UDP = 17;
    private static final byte NFPROTO_IPV4 = 2;
    private static final byte NFPROTO_IPV6 = 10;
    private static final byte[] ETHERTYPE_IPV4 = {0x08, 0x00};
    private static final byte[] ETHERTYPE_IPV6 = {(byte) 0x86, (byte) 0xDD};
    private static final int NAME_LENGTH = 16; // IFNAMSIZ, include/uapi/linux/if.h

    /** What ends a packet's way, as nft and both iptables call it. */
    private static final Set<String> DROPS = Set.of("drop", "DROP", "reject", "REJECT");

    /** Deeper than the kernel lets chains jump: {@code NFT_JUMP_STACK_SIZE}, include/net/netfilter/nf_tables.h. */
    private static final int DEPTH_MAX = 16;

    private final int port;
    private final Set<String> ownChains;
    private final Map<Field, List<byte[]>> incoming = new HashMap<>();
    private final Map<Field, List<byte[]>> outgoing = new HashMap<>();

    private enum Match {
        ALL,
        SOME,
        NONE
    }

    /** How a walk through a chain ends, if nobody intervenes. */
    private enum End {
        /** Some or all packets come to its end, or return. */
        PASSED,
        /** All are accepted. */
        ACCEPTED
    }

    /**
     * What is known of them.
     *
     * @param local address of this host.
     * @param port of UDP, here and there.
     * @param device that packets come and go by.
     * @param linkIndex of the same.
     * @param peers where packets go.
     * @param ownChains names of chains that whoever asks has made, and so not to be looked at.
     */
    public TunnelTraffic(
            final InetAddress local,
            final int port,
            final String device,
            final int linkIndex,
            final Collection<InetAddress> peers,
            final Set<String> ownChains) {
        this.port = port;
        this.ownChains = Set.copyOf(ownChains);
        final boolean isIpv4 = local instanceof Inet4Address;
        final byte[] name = Arrays.copyOf(device.getBytes(US_ASCII), NAME_LENGTH);
        final byte[] noName = new byte[NAME_LENGTH];
        for (final Map<Field, List<byte[]>> facts : List.of(incoming, outgoing)) {
            facts.put(Field.FAMILY, List.of(new byte[] {isIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6}));
            facts.put(Field.ETHERTYPE, List.of(isIpv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6));
            facts.put(Field.PROTOCOL, List.of(new byte[] {IPPROTO_UDP}));
            facts.put(Field.DESTINATION_PORT, List.of(new byte[] {(byte) (port >>> Byte.SIZE), (byte) port}));
        }
        incoming.put(Field.DESTINATION, List.of(local.getAddress()));
        incoming.put(Field.IN_DEVICE_NAME, List.of(name));
        incoming.put(Field.IN_DEVICE_INDEX, List.of(nativeOrder(linkIndex)));
        incoming.put(Field.OUT_DEVICE_NAME, List.of(noName));
        incoming.put(Field.OUT_DEVICE_INDEX, List.of(nativeOrder(0)));
        outgoing.put(Field.SOURCE, List.of(local.getAddress()));
        outgoing.put(
                Field.DESTINATION, peers.stream().map(InetAddress::getAddress).toList());
        outgoing.put(Field.OUT_DEVICE_NAME, List.of(name));
        outgoing.put(Field.OUT_DEVICE_INDEX, List.of(nativeOrder(linkIndex)));
        outgoing.put(Field.IN_DEVICE_NAME, List.of(noName));
        outgoing.put(Field.IN_DEVICE_INDEX, List.of(nativeOrder(0)));
        outgoing.put(Field.MARK, List.of(nativeOrder(0))); // sockets set none, and a rule that may set one intervenes
    }

    private static byte[] nativeOrder(final int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }

    /**
     * The first rule that may concern these packets, in words; empty if there is none.
     *
     * @param chains all that there are, of the packets' family.
     */
    public String touchedBy(final List<Chain> chains) {
        final Map<String, Chain> byName = byName(chains);
        final Walk in = new Walk(byName, incoming);
        final Walk out = new Walk(byName, outgoing);
        for (final Chain chain : chains) {
            final Walk walk = chain.sees(true) ? in : chain.sees(false) ? out : null;
            if (null != walk) {
                walk.base(chain);
                if (!walk.touched.isEmpty()) {
                    return walk.touched;
                }
            }
        }
        return "";
    }

    /**
     * What becomes of the packets of one peer, by all chains that see those of a direction.
     *
     * @param chains all that there are, of the packets' family.
     * @param peer whose they are.
     * @param isIncoming whether they come from it, or go there.
     */
    public Fate fate(final List<Chain> chains, final InetAddress peer, final boolean isIncoming) {
        final Map<Field, List<byte[]>> facts = new HashMap<>(isIncoming ? incoming : outgoing);
        facts.put(isIncoming ? Field.SOURCE : Field.DESTINATION, List.of(peer.getAddress()));
        final Walk walk = new Walk(byName(chains), facts);
        chains.stream()
                .filter(chain -> chain.sees(isIncoming))
                .sorted(Comparator.comparingInt(Chain::hook)) // numbered in the order in which packets come to them
                .forEach(walk::base);
        return new Fate(walk.dropped, walk.touched);
    }

    /**
     * What becomes of packets.
     *
     * @param dropped the rule or chain that drops all of them, in words; empty if none does for certain.
     * @param touched the first that may concern some of them, in words; empty if none does for certain.
     */
    public record Fate(String dropped, String touched) {}

    private static Map<String, Chain> byName(final List<Chain> chains) {
        final Map<String, Chain> byName = new HashMap<>();
        chains.forEach(chain -> byName.put(key(chain.table(), chain.name()), chain));
        return byName;
    }

    private static String key(final String table, final String name) {
        return table + '/' + name;
    }

    private final class Walk {
        private final Map<String, Chain> chains;
        private final Map<Field, List<byte[]>> facts;
        private final Map<String, End> known = new HashMap<>();
        /** Some may have been accepted before they come to what follows in this base chain. */
        private boolean isThinned;

        /** Some may have been handed to somebody, or been made others, before they come to whatever follows. */
        private boolean isDiverted;

        private String touched = "";
        private String dropped = "";

        Walk(final Map<String, Chain> chains, final Map<Field, List<byte[]>> facts) {
            this.chains = chains;
            this.facts = facts;
        }

        void base(final Chain chain) {
            isThinned = false;
            known.clear();
            final End end = end(chain, true, 0);
            if (End.PASSED == end && chain.drops()) {
                final String words = inWords(chain) + " drops what it does not accept";
                touch(words);
                if (!isThinned && !isDiverted) {
                    drop(words);
                }
            }
        }

        private void touch(final String words) {
            touched = touched.isEmpty() ? words : touched;
        }

        private void drop(final String words) {
            dropped = dropped.isEmpty() ? words : dropped;
        }

        /** @param areAll whether all packets come to its beginning. */
        private End end(final @Nullable Chain chain, final boolean areAll, final int depth) {
            if (null == chain || depth > DEPTH_MAX) {
                touch("a chain is jumped to that is not known");
                isThinned = true;
                return End.PASSED;
            }
            if (ownChains.contains(chain.name())) {
                return End.PASSED;
            }
            final String key = key(chain.table(), chain.name()) + '/' + (areAll && !isThinned);
            final End before = known.get(key);
            if (null != before) {
                return before;
            }
            final End end = walk(chain, areAll, depth);
            known.put(key, end);
            return end;
        }

        private End walk(final Chain chain, final boolean areAll, final int depth) {
            boolean areAllLeft = areAll;
            int number = 0;
            for (final Rule rule : chain.rules()) {
                number++;
                final Match match = match(rule);
                if (Match.NONE == match) {
                    continue;
                }
                final boolean isAll = Match.ALL == match;
                switch (rule.action()) {
                    case ACCEPT -> {
                        if (isAll) {
                            return End.ACCEPTED;
                        }
                        isThinned = true;
                    }
                    case RETURN -> {
                        if (isAll) {
                            return End.PASSED;
                        }
                        areAllLeft = false;
                    }
                    case JUMP, GOTO -> {
                        final End end =
                                end(chains.get(key(chain.table(), rule.detail())), areAllLeft && isAll, depth + 1);
                        if (isAll && (End.ACCEPTED == end || Rule.Action.GOTO == rule.action())) {
                            return end;
                        }
                        isThinned |= End.ACCEPTED == end;
                        areAllLeft &= Rule.Action.GOTO != rule.action();
                    }
                    case INTERVENE -> intervene(chain, number, rule, areAllLeft && isAll);
                    default -> {}
                }
            }
            return End.PASSED;
        }

        private void intervene(final Chain chain, final int number, final Rule rule, final boolean areAll) {
            touch(inWords(chain) + " has a rule for UDP port " + port + ", or that may concern it: " + rule.detail());
            if (!DROPS.contains(rule.detail())) {
                isDiverted = true;
            } else if (areAll && !isThinned && !isDiverted) {
                drop(inWords(chain) + ", rule " + number + " (" + rule.detail() + ")");
            }
        }

        private static String inWords(final Chain chain) {
            return "chain " + chain.name() + " of table " + chain.table();
        }

        /** Of many peers is asked only if all else holds. */
        private Match match(final Rule rule) {
            final Match few = match(rule, false);
            return Match.NONE == few ? few : both(few, match(rule, true));
        }

        private Match match(final Rule rule, final boolean isDestination) {
            Match match = Match.ALL;
            for (final Condition condition : rule.conditions()) {
                if (isDestination == (Field.DESTINATION == condition.field())) {
                    match = both(match, match(condition));
                }
                if (Match.NONE == match) {
                    return match;
                }
            }
            return match;
        }

        private static Match both(final Match one, final Match other) {
            if (Match.NONE == one || Match.NONE == other) {
                return Match.NONE;
            }
            return Match.ALL == one ? other : one;
        }

        private Match match(final Condition condition) {
            final List<byte[]> values = facts.get(condition.field());
            if (null == values) {
                return Match.SOME;
            }
            int holds = 0;
            for (final byte[] value : values) {
                holds += condition.holdsFor(value) ? 1 : 0;
            }
            if (0 == holds) {
                return Match.NONE;
            }
            return values.size() == holds ? Match.ALL : Match.SOME;
        }
    }
}
