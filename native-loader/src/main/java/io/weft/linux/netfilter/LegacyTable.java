/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.Rule.Action;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a table of ip_tables or ip6_tables as the kernel gives it: entries one behind the other, to which jumps lead by their offset.
 *
 * <pre>
 *  0     4 or 16                                                            entry of IPv4, of IPv6
 * +-----+-----+------+------+--------+--------+-------+-------+---------+-----+-------+------+----------+---------+--------+
 * | src | dst | src  | dst  | in, out| their  | proto | flags | inverse |     | target| next | counters | matches | target |
 * |     |     | mask | mask | device | masks  |  u16  |       | flags   |     | offset|      |          |         |        |
 * +-----+-----+------+------+--------+--------+-------+-------+---------+-----+-------+------+----------+---------+--------+
 *
 *  0      2        31        32                                              match and target
 * +------+--------+----------+------
 * | size | name   | revision | data
 * +------+--------+----------+------
 * </pre>
 *
 * Native byte order, addresses and ports in network order. Sources: include/uapi/linux/netfilter_ipv4/ip_tables.h,
 * netfilter_ipv6/ip6_tables.h, netfilter/x_tables.h.
 */
final class LegacyTable {
    private static final int NAME_LENGTH = 16; // IFNAMSIZ
    private static final int HEADER_LENGTH = 32;
    private static final int HEADER_NAME_OFFSET = Short.BYTES;
    private static final int HEADER_NAME_LENGTH = 29; // XT_EXTENSION_MAXNAMELEN
    private static final int HEADER_REVISION_OFFSET = HEADER_NAME_OFFSET + HEADER_NAME_LENGTH;

    // Inverse flags: IPT_INV_VIA_IN and so on, the same of IPv6
    private static final int INV_IN = 0x01;
    private static final int INV_OUT = 0x02;
    private static final int INV_SOURCE = 0x08;
    private static final int INV_DESTINATION = 0x10;
    private static final int INV_PROTOCOL = 0x40;
    private static final int INV_OTHER = 0x04 | 0x20;

    // Verdicts of the standard target: -1 - NF_DROP and so on; others are offsets
    private static final int DROP = -1;
    private static final int ACCEPT = -2;
    private static final int RETURN = -5;

    /** By {@code enum nf_inet_hooks}. */
    private static final List<String> HOOKS = List.of("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING");

    private static final String STANDARD = "";
    private static final String ERROR = "ERROR";

    private final String table;
    private final ByteBuffer entries;
    private final Map<Integer, String> userChains = new HashMap<>();

    private final int addressLength;
    private final int inOffset;
    private final int protocolOffset;
    private final int flagsOffset;
    private final int inverseOffset;
    private final int targetOffset;
    private final int matchesOffset;
    private final int gotoFlag;
    private final int otherFlags;

    private LegacyTable(final String table, final boolean isIpv4, final byte[] entries) {
        this.table = table;
        this.entries = ByteBuffer.wrap(entries).order(ByteOrder.nativeOrder());
        addressLength = isIpv4 ? Integer.BYTES : 16;
        inOffset = 4 * addressLength;
        protocolOffset = inOffset + 4 * NAME_LENGTH;
        final int behindProtocol = protocolOffset + Short.BYTES;
        flagsOffset = behindProtocol + (isIpv4 ? 0 : 1); // IPv6: a type of service in front
        inverseOffset = flagsOffset + 1;
        final int cacheOffset = (inverseOffset + 1 + Integer.BYTES - 1) & -Integer.BYTES;
        targetOffset = cacheOffset + Integer.BYTES;
        final int countersOffset = (targetOffset + 2 * Short.BYTES + Integer.BYTES + Long.BYTES - 1) & -Long.BYTES;
        matchesOffset = countersOffset + 2 * Long.BYTES;
        gotoFlag = isIpv4 ? 0x02 : 0x04;
        otherFlags = isIpv4 ? 0x01 : 0x02; // fragments, a type of service
    }

    /**
     * Reads it.
     *
     * @param name of the table: {@code filter}.
     * @param begins where the kernel begins in it, for each hook that it is asked at.
     * @param policies where the policies are, for the same hooks.
     * @param entries all of them.
     * @throws LinuxException {@link Errno#EBADMSG} if they are malformed.
     */
    static List<Chain> read(
            final String name,
            final boolean isIpv4,
            final Map<Integer, Integer> begins,
            final Map<Integer, Integer> policies,
            final byte[] entries) {
        try {
            return new LegacyTable((isIpv4 ? "ip " : "ip6 ") + name + " (legacy)", isIpv4, entries)
                    .chains(begins, policies);
        } catch (final IndexOutOfBoundsException beyond) {
            throw malformed(name, "something lies beyond its end");
        }
    }

    private static LinuxException malformed(final String name, final String why) {
        return new LinuxException("read table " + name + " of the kernel: " + why, Errno.EBADMSG);
    }

    private List<Chain> chains(final Map<Integer, Integer> begins, final Map<Integer, Integer> policies) {
        final List<Integer> offsets = new ArrayList<>();
        for (int offset = 0; offset < entries.capacity(); offset += length(offset)) {
            offsets.add(offset);
            if (ERROR.equals(targetName(offset))) {
                userChains.put(offset + length(offset), text(target(offset) + HEADER_LENGTH, HEADER_NAME_LENGTH));
            }
        }
        final List<Chain> chains = new ArrayList<>();
        begins.forEach((hook, begin) -> {
            final int policy = policies.getOrDefault(hook, begin);
            final List<Rule> rules = rules(offsets, begin, policy);
            chains.add(new Chain(table, HOOKS.get(hook), hook, DROP == verdict(policy), rules));
        });
        userChains.forEach((begin, name) -> {
            if (begin < entries.capacity()) { // behind the last chain is an entry of the same kind, without a name
                chains.add(new Chain(table, name, Chain.NO_HOOK, false, rules(offsets, begin, entries.capacity())));
            }
        });
        return chains;
    }

    /** Those from one entry on, up to another or to the end of their chain. */
    private List<Rule> rules(final List<Integer> offsets, final int begin, final int end) {
        final int first = Collections.binarySearch(offsets, begin);
        if (first < 0) {
            throw malformed(table, "no entry is at byte " + begin);
        }
        final List<Rule> rules = new ArrayList<>();
        for (final int offset : offsets.subList(first, offsets.size())) {
            if (offset >= end || ERROR.equals(targetName(offset))) {
                break;
            }
            rules.add(rule(offset));
        }
        return rules;
    }

    private Rule rule(final int offset) {
        final List<Condition> conditions = new ArrayList<>();
        addAddresses(offset, conditions);
        final int inverse = entries.get(offset + inverseOffset);
        final int inAt = offset + inOffset;
        final int outAt = inAt + NAME_LENGTH;
        final int masksAt = outAt + NAME_LENGTH;
        add(conditions, Field.IN_DEVICE_NAME, inAt, masksAt, NAME_LENGTH, 0 != (inverse & INV_IN));
        add(conditions, Field.OUT_DEVICE_NAME, outAt, masksAt + NAME_LENGTH, NAME_LENGTH, 0 != (inverse & INV_OUT));
        final int protocol = entries.getShort(offset + protocolOffset);
        if (0 != protocol) {
            conditions.add(Condition.of(Field.PROTOCOL, new byte[] {(byte) protocol}, 0 != (inverse & INV_PROTOCOL)));
        }
        final int flags = entries.get(offset + flagsOffset);
        if (0 != (flags & otherFlags) || 0 != (inverse & INV_OTHER)) {
            conditions.add(Condition.UNKNOWN);
        }
        final int target = target(offset);
        int length;
        for (int match = offset + matchesOffset; match < target; match += length) {
            length = entries.getShort(match) & 0xFFFF;
            if (length < HEADER_LENGTH || length > target - match) {
                throw malformed(table, "a match has " + length + " bytes");
            }
            XtExtension.add(
                    conditions,
                    extensionName(match),
                    entries.get(match + HEADER_REVISION_OFFSET),
                    bytes(match, length));
        }
        return targetRule(offset, conditions, 0 != (flags & gotoFlag));
    }

    private void addAddresses(final int offset, final List<Condition> conditions) {
        final int inverse = entries.get(offset + inverseOffset);
        final int destination = offset + addressLength;
        final int mask = destination + addressLength;
        add(conditions, Field.SOURCE, offset, mask, addressLength, 0 != (inverse & INV_SOURCE));
        add(
                conditions,
                Field.DESTINATION,
                destination,
                mask + addressLength,
                addressLength,
                0 != (inverse & INV_DESTINATION));
    }

    /** A mask of no bits is no condition, unless it is inverted: then it holds for nothing. */
    private void add(
            final List<Condition> conditions,
            final Field field,
            final int value,
            final int mask,
            final int length,
            final boolean isInverted) {
        final byte[] bits = copy(mask, length);
        boolean isAny = true;
        for (final byte each : bits) {
            isAny &= 0 == each;
        }
        if (!isAny || isInverted) {
            conditions.add(Condition.of(field, bits, copy(value, length), isInverted));
        }
    }

    private Rule targetRule(final int offset, final List<Condition> conditions, final boolean isGoto) {
        final String name = targetName(offset);
        if (!STANDARD.equals(name)) {
            return XtExtension.target(conditions, name);
        }
        final int verdict = verdict(offset);
        return switch (verdict) {
            case ACCEPT -> new Rule(conditions, Action.ACCEPT, "");
            case RETURN -> new Rule(conditions, Action.RETURN, "");
            case DROP -> new Rule(conditions, Action.INTERVENE, "drop");
            default -> {
                if (offset + length(offset) == verdict) {
                    yield new Rule(conditions, Action.CONTINUE, "");
                }
                final String chain = userChains.get(verdict);
                yield null == chain
                        ? new Rule(conditions, Action.INTERVENE, "verdict " + verdict)
                        : new Rule(conditions, isGoto ? Action.GOTO : Action.JUMP, chain);
            }
        };
    }

    private int verdict(final int offset) {
        return entries.getInt(target(offset) + HEADER_LENGTH);
    }

    private int length(final int offset) {
        final int length = entries.getShort(offset + targetOffset + Short.BYTES) & 0xFFFF;
        if (length < matchesOffset + HEADER_LENGTH) {
            throw malformed(table, "an entry has " + length + " bytes");
        }
        return length;
    }

    private int target(final int offset) {
        final int target = entries.getShort(offset + targetOffset) & 0xFFFF;
        if (target < matchesOffset || target > length(offset) - HEADER_LENGTH) {
            throw malformed(table, "a target is at byte " + target + " of its entry");
        }
        return offset + target;
    }

    private String targetName(final int offset) {
        return extensionName(target(offset));
    }

    private String extensionName(final int header) {
        return text(header + HEADER_NAME_OFFSET, HEADER_NAME_LENGTH);
    }

    private byte[] bytes(final int header, final int length) {
        return copy(header + HEADER_LENGTH, length - HEADER_LENGTH);
    }

    private byte[] copy(final int from, final int length) {
        final byte[] bytes = new byte[length];
        entries.get(from, bytes);
        return bytes;
    }

    private String text(final int from, final int length) {
        final byte[] bytes = copy(from, length);
        int end = 0;
        while (end < length && 0 != bytes[end]) {
            end++;
        }
        return new String(bytes, 0, end, US_ASCII);
    }
}
