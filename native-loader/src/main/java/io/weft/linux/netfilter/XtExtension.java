/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import io.weft.linux.netfilter.Rule.Action;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Set;

/**
 * Matches and targets of iptables that are understood, in whichever table they are: iptables-nft puts some of them into those of
 * nf_tables as they are. Of all other matches it is not known whether they hold.
 *
 * <pre>
 *  0       2       4       6       8        9                                   udp: xt_udp.h
 * +-------+-------+-------+-------+--------+
 * | source ports  | destination   | inverse|
 * | from  | to    | from  | to    |        |
 * +-------+-------+-------+-------+--------+
 *  0                               8        9       11                          tcp: xt_tcp.h
 * +-------------------------------+--------+-------+--------+
 * | ports as above                | option | flags | inverse|
 * +-------------------------------+--------+-------+--------+
 *  0       4       8     9                                                      mark: xt_mark.h, revision 1
 * +-------+-------+-----+
 * | value | mask  | inv |
 * +-------+-------+-----+
 *  0           136     146     148       150                                    conntrack: xt_conntrack.h, revision 3
 * +-----------+-------+-------+---------+--------
 * | addresses | ports | asked | inverse | states
 * +-----------+-------+-------+---------+--------
 *  0      1               3         4                                           icmp6, icmp: ip6_tables.h, ip_tables.h
 * +------+---------------+---------+
 * | type | codes from to | inverse |
 * +------+---------------+---------+
 *  0        2             4                                                     addrtype: xt_addrtype.h, revision 1
 * +--------+-------------+-------+
 * | source | destination | flags |
 * +--------+-------------+-------+
 * </pre>
 *
 * All in native order. Source: include/uapi/linux/netfilter.
 */
public final class XtExtension {
    private static final int DESTINATION_FROM_OFFSET = 2 * Short.BYTES;
    private static final int DESTINATION_TO_OFFSET = DESTINATION_FROM_OFFSET + Short.BYTES;
    private static final int UDP_INVERSE_OFFSET = DESTINATION_TO_OFFSET + Short.BYTES;
    private static final int UDP_LENGTH = UDP_INVERSE_OFFSET + 1;
    private static final int UDP_INVERSE_DESTINATION = 0x02;
    private static final int PORT_MAX = 0xFFFF;

    private static final int TCP_OPTION_OFFSET = UDP_INVERSE_OFFSET;
    private static final int TCP_FLAGS_OFFSET = TCP_OPTION_OFFSET + 1;
    private static final int TCP_INVERSE_OFFSET = TCP_FLAGS_OFFSET + 2;
    private static final int TCP_LENGTH = TCP_INVERSE_OFFSET + 1;

    private static final int MARK_MASK_OFFSET = Integer.BYTES;
    private static final int MARK_INVERSE_OFFSET = MARK_MASK_OFFSET + Integer.BYTES;
    private static final int MARK_LENGTH = MARK_INVERSE_OFFSET + 1;

    private static final int CONNTRACK_FLAGS_OFFSET = 8 * 16 + 2 * Integer.BYTES + 5 * Short.BYTES;
    private static final int CONNTRACK_INVERSE_OFFSET = CONNTRACK_FLAGS_OFFSET + Short.BYTES;
    private static final int CONNTRACK_STATES_OFFSET = CONNTRACK_INVERSE_OFFSET + Short.BYTES;
    private static final int CONNTRACK_LENGTH = CONNTRACK_STATES_OFFSET + Short.BYTES;
    private static final int CONNTRACK_STATE = 1;
    private static final int CONNTRACK_ALIAS = 1 << 13; // XT_CONNTRACK_STATE_ALIAS: asked for by another name

    private static final int ADDRTYPE_DESTINATION_OFFSET = Short.BYTES;
    private static final int ADDRTYPE_FLAGS_OFFSET = 2 * Short.BYTES;
    private static final int ADDRTYPE_LENGTH = ADDRTYPE_FLAGS_OFFSET + Integer.BYTES;
    private static final int ADDRTYPE_INVERSE_DESTINATION = 0x02;

    private static final Set<String> ICMP = Set.of("icmp6", "icmp");
    private static final int ICMP_TYPE_ANY = 0xFF; // of ICMP alone
    private static final int ICMP_CODE_MAX = 0xFF;
    private static final int ICMP_TYPE_OFFSET = 0;
    private static final int ICMP_CODE_FROM_OFFSET = ICMP_TYPE_OFFSET + Byte.BYTES;
    private static final int ICMP_CODE_TO_OFFSET = ICMP_CODE_FROM_OFFSET + Byte.BYTES;
    private static final int ICMP_INVERSE_OFFSET = ICMP_CODE_TO_OFFSET + Byte.BYTES;
    private static final int ICMP_LENGTH = ICMP_INVERSE_OFFSET + Byte.BYTES;

    /** Change nothing, and decide nothing. */
    private static final Set<String> HARMLESS_TARGETS = Set.of("LOG", "NFLOG");

    /** The same, but that the connection has no state that could be known. */
    private static final Set<String> STATELESS_TARGETS = Set.of("NOTRACK", "CT");

    private XtExtension() {}

    /**
     * Adds what a match asks for.
     *
     * @param data behind its header.
     */
    public static void add(final List<Condition> conditions, final String name, final int revision, final byte[] data) {
        final ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.nativeOrder());
        if ("comment".equals(name)) {
            return;
        }
        if ("udp".equals(name) && 0 == revision && data.length >= UDP_LENGTH) {
            addPorts(conditions, bytes, bytes.get(UDP_INVERSE_OFFSET));
        } else if ("tcp".equals(name) && 0 == revision && data.length >= TCP_LENGTH) {
            addPorts(conditions, bytes, bytes.get(TCP_INVERSE_OFFSET));
            if (0 != bytes.get(TCP_OPTION_OFFSET) || 0 != bytes.get(TCP_FLAGS_OFFSET)) {
                conditions.add(Condition.UNKNOWN);
            }
        } else if ("mark".equals(name) && 1 == revision && data.length >= MARK_LENGTH) {
            conditions.add(Condition.of(
                    Field.MARK, slice(bytes, MARK_MASK_OFFSET), slice(bytes, 0), 0 != bytes.get(MARK_INVERSE_OFFSET)));
        } else if ("conntrack".equals(name) && 3 == revision && data.length >= CONNTRACK_LENGTH) {
            addConnectionState(conditions, bytes);
        } else if ("addrtype".equals(name) && 1 == revision && data.length >= ADDRTYPE_LENGTH) {
            addDestinationType(conditions, bytes);
        } else if (ICMP.contains(name) && 0 == revision && data.length >= ICMP_LENGTH) {
            addIcmpType(conditions, bytes);
        } else {
            conditions.add(Condition.UNKNOWN);
        }
    }

    /** The state alone is understood: whether it is one of several. */
    private static void addConnectionState(final List<Condition> conditions, final ByteBuffer bytes) {
        final int asked = bytes.getShort(CONNTRACK_FLAGS_OFFSET) & ~CONNTRACK_ALIAS;
        final int inverse = bytes.getShort(CONNTRACK_INVERSE_OFFSET);
        if (CONNTRACK_STATE != asked) {
            conditions.add(Condition.UNKNOWN);
            return;
        }
        final byte[] states = ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(bytes.getShort(CONNTRACK_STATES_OFFSET) & PORT_MAX)
                .array();
        final boolean isNone = 0 != (inverse & CONNTRACK_STATE);
        conditions.add(Condition.of(Field.CONNECTION_STATE, states, new byte[Integer.BYTES], !isNone));
    }

    /** A type with any code is understood. */
    private static void addIcmpType(final List<Condition> conditions, final ByteBuffer bytes) {
        final byte type = bytes.get(ICMP_TYPE_OFFSET);
        final boolean isAnyCode = 0 == bytes.get(ICMP_CODE_FROM_OFFSET)
                && ICMP_CODE_MAX == Byte.toUnsignedInt(bytes.get(ICMP_CODE_TO_OFFSET));
        conditions.add(
                isAnyCode && ICMP_TYPE_ANY != Byte.toUnsignedInt(type)
                        ? Condition.of(Field.ICMP_TYPE, new byte[] {type}, 0 != bytes.get(ICMP_INVERSE_OFFSET))
                        : Condition.UNKNOWN);
    }

    /** A single type of the destination is understood. */
    private static void addDestinationType(final List<Condition> conditions, final ByteBuffer bytes) {
        final int types = bytes.getShort(ADDRTYPE_DESTINATION_OFFSET) & PORT_MAX;
        final int flags = bytes.getInt(ADDRTYPE_FLAGS_OFFSET);
        final boolean isUnderstood =
                0 == bytes.getShort(0) && 1 == Integer.bitCount(types) && 0 == (flags & ~ADDRTYPE_INVERSE_DESTINATION);
        conditions.add(
                isUnderstood
                        ? Condition.of(
                                Field.DESTINATION_TYPE,
                                ByteBuffer.allocate(Integer.BYTES)
                                        .order(ByteOrder.nativeOrder())
                                        .putInt(Integer.numberOfTrailingZeros(types))
                                        .array(),
                                0 != flags)
                        : Condition.UNKNOWN);
    }

    /** A single destination port is understood, and that all are meant. */
    private static void addPorts(final List<Condition> conditions, final ByteBuffer bytes, final int inverse) {
        final int from = bytes.getShort(DESTINATION_FROM_OFFSET) & PORT_MAX;
        final int to = bytes.getShort(DESTINATION_TO_OFFSET) & PORT_MAX;
        final boolean isAnySource = 0 == bytes.getShort(0) && PORT_MAX == (bytes.getShort(Short.BYTES) & PORT_MAX);
        if (!isAnySource || 0 != (inverse & ~UDP_INVERSE_DESTINATION)) {
            conditions.add(Condition.UNKNOWN);
        }
        if (from == to) {
            conditions.add(Condition.of(
                    Field.DESTINATION_PORT,
                    new byte[] {(byte) (from >>> Byte.SIZE), (byte) from},
                    0 != (inverse & UDP_INVERSE_DESTINATION)));
        } else if (0 != from || PORT_MAX != to || 0 != inverse) {
            conditions.add(Condition.UNKNOWN);
        }
    }

    private static byte[] slice(final ByteBuffer bytes, final int from) {
        final byte[] slice = new byte[Integer.BYTES];
        bytes.get(from, slice);
        return slice;
    }

    /** The rule that a target makes of conditions. */
    public static Rule target(final List<Condition> conditions, final String name) {
        if (HARMLESS_TARGETS.contains(name)) {
            return new Rule(conditions, Action.CONTINUE, "");
        }
        return new Rule(
                conditions, STATELESS_TARGETS.contains(name) ? Action.CONTINUE_STATELESS : Action.INTERVENE, name);
    }
}
