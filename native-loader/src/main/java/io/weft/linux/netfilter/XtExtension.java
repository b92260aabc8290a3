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
 *  0       4       8     9                                                      mark: xt_mark.h, revision 1
 * +-------+-------+-----+
 * | value | mask  | inv |
 * +-------+-------+-----+
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

    private static final int MARK_MASK_OFFSET = Integer.BYTES;
    private static final int MARK_INVERSE_OFFSET = MARK_MASK_OFFSET + Integer.BYTES;
    private static final int MARK_LENGTH = MARK_INVERSE_OFFSET + 1;

    /** Change nothing, and decide nothing. */
    private static final Set<String> HARMLESS_TARGETS = Set.of("LOG", "NFLOG", "NOTRACK", "CT");

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
            addPorts(conditions, bytes);
        } else if ("mark".equals(name) && 1 == revision && data.length >= MARK_LENGTH) {
            conditions.add(Condition.of(
                    Field.MARK, slice(bytes, MARK_MASK_OFFSET), slice(bytes, 0), 0 != bytes.get(MARK_INVERSE_OFFSET)));
        } else {
            conditions.add(Condition.UNKNOWN);
        }
    }

    /** A single destination port is understood, and that all are meant. */
    private static void addPorts(final List<Condition> conditions, final ByteBuffer bytes) {
        final int inverse = bytes.get(UDP_INVERSE_OFFSET);
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
        return HARMLESS_TARGETS.contains(name)
                ? new Rule(conditions, Action.CONTINUE, "")
                : new Rule(conditions, Action.INTERVENE, name);
    }
}
