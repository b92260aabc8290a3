/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Packets that this host forwards from one device to another, as from pods into a tunnel: the first of a connection, without a mark, of
 * TCP, UDP or ICMP, and of ports that no rule names.
 */
public final class PodTraffic {
    private static final byte IPPROTO_TCP = 6;
    private static final byte IPPROTO_UDP = 17;

    private static final int STATE_NEW = 1 << 3; // NF_CT_STATE_BIT(IP_CT_NEW)
    private static final int TYPE_UNICAST = 1; // RTN_UNICAST, include/uapi/linux/rtnetlink.h

    /** Beyond what is handed out and what is listened on. */
    private static final byte[] UNNAMED_PORT = {(byte) 0xFF, (byte) 0xFE};

    private final Network source;
    private final Network destination;
    private final Device in;
    private final Device out;

    /**
     * Where packets are from, or go to.
     *
     * @param base its first address.
     * @param length of the prefix in bits.
     */
    public record Network(InetAddress base, int length) {
        private KnownBits known() {
            return KnownBits.prefix(base, length);
        }
    }

    /**
     * One of this host's.
     *
     * @param name empty where it is not known.
     */
    public record Device(String name, int index) {
        /** There may be one, or not yet. */
        public static final Device UNKNOWN = new Device("", 0);
    }

    /** Those from one network to another of the same IP version. */
    public PodTraffic(final Network source, final Network destination, final Device in, final Device out) {
        this.source = source;
        this.destination = destination;
        this.in = in;
        this.out = out;
    }

    /**
     * What becomes of them.
     *
     * @param chains all that there are, of the packets' family.
     */
    public Fate fate(final List<Chain> chains) {
        final Map<Field, List<KnownBits>> facts = facts();
        final Map<Field, List<KnownBits>> coming = new EnumMap<>(facts);
        final Map<Field, List<KnownBits>> going = new EnumMap<>(facts);
        final Map<Field, List<KnownBits>> between = new EnumMap<>(facts);
        if (!in.name.isEmpty()) {
            Stage.putIn(coming, in.name, in.index);
            Stage.putIn(between, in.name, in.index);
        }
        Stage.putOut(coming, "", 0);
        if (!out.name.isEmpty()) {
            Stage.putOut(going, out.name, out.index);
            Stage.putOut(between, out.name, out.index);
        }
        final List<Stage> stages = new ArrayList<>();
        stages.add(new Stage(Chain.INGRESS, in.name, coming));
        stages.add(new Stage(Chain.PREROUTING, in.name, coming));
        stages.add(new Stage(Chain.FORWARD, in.name, between));
        stages.add(
                new Stage(Chain.POSTROUTING, out.name, going)); // kernels differ in what they say of the other device
        stages.add(new Stage(Chain.EGRESS, out.name, going));
        return new RuleWalk(chains, "packets of pods", Set.of()).fate(stages);
    }

    private Map<Field, List<KnownBits>> facts() {
        final Map<Field, List<KnownBits>> facts = Stage.of(source.base);
        final boolean isIpv4 = Integer.BYTES == source.base.getAddress().length;
        facts.put(
                Field.PROTOCOL,
                List.of(
                        KnownBits.all(new byte[] {IPPROTO_TCP}),
                        KnownBits.all(new byte[] {IPPROTO_UDP}),
                        KnownBits.all(new byte[] {isIpv4 ? Stage.IPPROTO_ICMP : Stage.IPPROTO_ICMPV6})));
        facts.put(Field.SOURCE, List.of(source.known()));
        facts.put(Field.DESTINATION, List.of(destination.known()));
        Stage.put(facts, Field.SOURCE_PORT, UNNAMED_PORT);
        Stage.put(facts, Field.DESTINATION_PORT, UNNAMED_PORT);
        Stage.put(facts, Field.MARK, Stage.nativeOrder(0));
        Stage.put(facts, Field.CONNECTION_STATE, Stage.nativeOrder(STATE_NEW));
        Stage.put(facts, Field.DESTINATION_TYPE, Stage.nativeOrder(TYPE_UNICAST));
        return facts;
    }
}
