/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.linux.netfilter.Condition;
import io.weft.linux.netfilter.Field;
import io.weft.linux.netfilter.Rule;
import io.weft.linux.netfilter.Rule.Action;
import io.weft.linux.netfilter.XtExtension;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the expressions of a rule of nf_tables as conditions and one action. The kernel runs them one by one over registers: what is in a
 * register is followed from where it is loaded to where it is compared. A comparison that is not understood may hold or not; a
 * statement that is not understood intervenes. Source: include/uapi/linux/netfilter/nf_tables.h.
 *
 * <pre>
 *  {@code udp dport 8472 drop}:   meta load l4proto => reg 1, cmp reg 1 0x11, payload load 2b @ transport + 2 => reg 1, cmp ..., immediate
 * </pre>
 */
final class NftablesExpressions {
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;
    private static final int NFTA_DATA_VALUE = 1;
    private static final int NFTA_DATA_VERDICT = 2;
    private static final int NFTA_VERDICT_CODE = 1;
    private static final int NFTA_VERDICT_CHAIN = 2;

    private static final int NFT_REG_VERDICT = 0;

    // enum nft_verdicts, and NF_ACCEPT
    private static final int NF_DROP = 0;
    private static final int NF_ACCEPT = 1;
    private static final int NFT_CONTINUE = -1;
    private static final int NFT_BREAK = -2;
    private static final int NFT_JUMP = -3;
    private static final int NFT_GOTO = -4;
    private static final int NFT_RETURN = -5;

    private static final int NFTA_META_DREG = 1;
    private static final int NFTA_META_KEY = 2;

    private static final int NFTA_PAYLOAD_DREG = 1;
    private static final int NFTA_PAYLOAD_BASE = 2;
    private static final int NFTA_PAYLOAD_OFFSET = 3;
    private static final int NFTA_PAYLOAD_LEN = 4;
    private static final int NFT_PAYLOAD_NETWORK_HEADER = 1;
    private static final int NFT_PAYLOAD_TRANSPORT_HEADER = 2;

    private static final int NFTA_CMP_SREG = 1;
    private static final int NFTA_CMP_OP = 2;
    private static final int NFTA_CMP_DATA = 3;
    private static final int NFT_CMP_EQ = 0;
    private static final int NFT_CMP_NEQ = 1;

    private static final int NFTA_BITWISE_SREG = 1;
    private static final int NFTA_BITWISE_DREG = 2;
    private static final int NFTA_BITWISE_MASK = 4;
    private static final int NFTA_BITWISE_XOR = 5;

    private static final int NFTA_IMMEDIATE_DREG = 1;
    private static final int NFTA_IMMEDIATE_DATA = 2;

    private static final int NFTA_LOOKUP_DREG = 3;

    private static final int NFTA_CT_DREG = 1;
    private static final int NFTA_CT_KEY = 2;
    private static final int NFTA_CT_SREG = 4;
    private static final int NFT_CT_STATE = 0;

    private static final int NFTA_FIB_DREG = 1;
    private static final int NFTA_FIB_RESULT = 2;
    private static final int NFTA_FIB_FLAGS = 3;
    private static final int NFT_FIB_RESULT_ADDRTYPE = 3;
    private static final int NFTA_FIB_F_DADDR = 1 << 1;
    private static final int NFTA_EXTHDR_SREG = 7;

    private static final int XT_NAME = 1; // NFTA_MATCH_NAME, NFTA_TARGET_NAME
    private static final int XT_REVISION = 2;
    private static final int XT_INFO = 3;

    private static final int PORT_LENGTH = Short.BYTES;

    /** Change nothing, and decide nothing. */
    private static final Set<String> HARMLESS = Set.of("counter", "log", "last");

    /** May hold or not. */
    private static final Set<String> MATCHES = Set.of("range", "limit", "quota", "connlimit");

    /** Load something that is not understood. */
    private static final Set<String> LOADS =
            Set.of("rt", "socket", "osf", "hash", "numgen", "xfrm", "tunnel", "byteorder", "exthdr");

    /** What is in a register. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Loaded(Field field, int length, byte[] mask) {
        /** Null if that is not understood: a mask over a mask. */
        @Nullable
        Loaded masked(final byte[] more) {
            final boolean isFirst = Arrays.equals(mask, Condition.all(length));
            return isFirst && more.length >= length ? new Loaded(field, length, more) : null;
        }

        Condition compared(final byte[] value, final boolean isInverted) {
            return value.length > 0 && value.length <= length
                    ? Condition.of(field, mask, value, isInverted)
                    : Condition.UNKNOWN;
        }
    }

    private final boolean isIpv4;
    private final List<Condition> conditions = new ArrayList<>();
    private final Map<Integer, Loaded> registers = new HashMap<>();
    private boolean isStateless;
    private @Nullable Rule rule;

    private NftablesExpressions(final boolean isIpv4) {
        this.isIpv4 = isIpv4;
    }

    /** The rule that expressions are, over packets of an IP version. */
    static Rule read(final List<Attributes> expressions, final boolean isIpv4) {
        final NftablesExpressions reader = new NftablesExpressions(isIpv4);
        for (final Attributes expression : expressions) {
            reader.read(
                    expression.text(NFTA_EXPR_NAME),
                    expression.has(NFTA_EXPR_DATA) ? expression.nested(NFTA_EXPR_DATA) : null);
            if (null != reader.rule) {
                return reader.rule;
            }
        }
        return reader.end(reader.isStateless ? Action.CONTINUE_STATELESS : Action.CONTINUE, "");
    }

    private Rule end(final Action action, final String detail) {
        return new Rule(conditions, action, detail);
    }

    private void intervene(final String what) {
        rule = end(Action.INTERVENE, what);
    }

    private void read(final String name, final @Nullable Attributes data) {
        if (HARMLESS.contains(name)) {
            return;
        }
        if ("notrack".equals(name)) {
            isStateless = true;
            return;
        }
        if (MATCHES.contains(name)) {
            conditions.add(Condition.UNKNOWN);
            return;
        }
        if (null == data) {
            intervene(name);
            return;
        }
        switch (name) {
            case "meta" -> meta(data);
            case "payload" -> payload(data);
            case "cmp" -> compare(data);
            case "bitwise" -> bitwise(data);
            case "immediate" -> immediate(data);
            case "lookup" -> lookup(data);
            case "fib" -> fib(data);
            case "match" ->
                XtExtension.add(conditions, data.text(XT_NAME), data.i32BigEndian(XT_REVISION, 0), info(data));
            case "target" -> {
                final Rule of = XtExtension.target(conditions, data.text(XT_NAME));
                isStateless |= Action.CONTINUE_STATELESS == of.action();
                rule = Action.INTERVENE == of.action() ? of : null;
            }
            default -> other(name, data);
        }
    }

    private void other(final String name, final Attributes data) {
        final boolean isWrite =
                ("ct".equals(name) && data.has(NFTA_CT_SREG)) || ("exthdr".equals(name) && data.has(NFTA_EXTHDR_SREG));
        if ("ct".equals(name) && !isWrite) {
            final boolean isState = NFT_CT_STATE == data.i32BigEndian(NFTA_CT_KEY, -1);
            load(data.i32BigEndian(NFTA_CT_DREG, 0), isState ? loaded(Field.CONNECTION_STATE, Integer.BYTES) : null);
        } else if (LOADS.contains(name) && !isWrite) {
            registers.clear();
        } else {
            intervene(name);
        }
    }

    /** By the destination alone: whichever device it is asked for. */
    private void fib(final Attributes data) {
        final boolean isDestinationType = NFT_FIB_RESULT_ADDRTYPE == data.i32BigEndian(NFTA_FIB_RESULT, -1)
                && NFTA_FIB_F_DADDR == data.i32BigEndian(NFTA_FIB_FLAGS, 0);
        load(
                data.i32BigEndian(NFTA_FIB_DREG, 0),
                isDestinationType ? loaded(Field.DESTINATION_TYPE, Integer.BYTES) : null);
    }

    private static byte[] info(final Attributes data) {
        return data.has(XT_INFO) ? data.bytes(XT_INFO) : new byte[0];
    }

    private void meta(final Attributes data) {
        if (!data.has(NFTA_META_DREG)) {
            intervene("meta set");
            return;
        }
        // enum nft_meta_keys
        load(
                data.i32BigEndian(NFTA_META_DREG, 0),
                switch (data.i32BigEndian(NFTA_META_KEY, -1)) {
                    case 1 -> loaded(Field.ETHERTYPE, Short.BYTES);
                    case 3 -> loaded(Field.MARK, Integer.BYTES);
                    case 4 -> loaded(Field.IN_DEVICE_INDEX, Integer.BYTES);
                    case 5 -> loaded(Field.OUT_DEVICE_INDEX, Integer.BYTES);
                    case 6 -> loaded(Field.IN_DEVICE_NAME, 16);
                    case 7 -> loaded(Field.OUT_DEVICE_NAME, 16);
                    case 15 -> loaded(Field.FAMILY, Byte.BYTES);
                    case 16 -> loaded(Field.PROTOCOL, Byte.BYTES);
                    default -> null;
                });
    }

    private static Loaded loaded(final Field field, final int length) {
        return new Loaded(field, length, Condition.all(length));
    }

    /** Registers overlap in ways of their own, so what is not understood leaves none of them known. */
    private void load(final int register, final @Nullable Loaded loaded) {
        registers.clear();
        if (null != loaded) {
            registers.put(register, loaded);
        }
    }

    private void payload(final Attributes data) {
        if (!data.has(NFTA_PAYLOAD_DREG)) {
            intervene("payload set");
            return;
        }
        final int offset = data.i32BigEndian(NFTA_PAYLOAD_OFFSET, -1);
        final int length = data.i32BigEndian(NFTA_PAYLOAD_LEN, 0);
        final Field field = switch (data.i32BigEndian(NFTA_PAYLOAD_BASE, -1)) {
            case NFT_PAYLOAD_NETWORK_HEADER -> networkField(offset, length);
            case NFT_PAYLOAD_TRANSPORT_HEADER -> transportField(offset, length);
            default -> Field.OTHER;
        };
        load(
                data.i32BigEndian(NFTA_PAYLOAD_DREG, 0),
                Field.OTHER == field || length <= 0 ? null : loaded(field, length));
    }

    /** A prefix of whole bytes is loaded as those bytes. */
    private Field networkField(final int offset, final int length) {
        final int addressLength = isIpv4 ? Integer.BYTES : 16;
        final int source = isIpv4 ? 12 : 8;
        if (offset == source && length <= addressLength) {
            return Field.SOURCE;
        }
        if (offset == source + addressLength && length <= addressLength) {
            return Field.DESTINATION;
        }
        return isIpv4 && 9 == offset && 1 == length ? Field.PROTOCOL : Field.OTHER;
    }

    private static Field transportField(final int offset, final int length) {
        if (0 == offset && Byte.BYTES == length) {
            return Field.ICMP_TYPE;
        }
        if (PORT_LENGTH != length) {
            return Field.OTHER;
        }
        return switch (offset) {
            case 0 -> Field.SOURCE_PORT;
            case PORT_LENGTH -> Field.DESTINATION_PORT;
            default -> Field.OTHER;
        };
    }

    private void bitwise(final Attributes data) {
        final Loaded before = registers.get(data.i32BigEndian(NFTA_BITWISE_SREG, 0));
        final byte[] xor = value(data, NFTA_BITWISE_XOR);
        final boolean isMask = Arrays.equals(xor, new byte[xor.length]);
        load(
                data.i32BigEndian(NFTA_BITWISE_DREG, 0),
                null == before || !isMask ? null : before.masked(value(data, NFTA_BITWISE_MASK)));
    }

    private void compare(final Attributes data) {
        final Loaded loaded = registers.get(data.i32BigEndian(NFTA_CMP_SREG, 0));
        final int operator = data.i32BigEndian(NFTA_CMP_OP, -1);
        final boolean isKnown = NFT_CMP_EQ == operator || NFT_CMP_NEQ == operator;
        conditions.add(
                null == loaded || !isKnown
                        ? Condition.UNKNOWN
                        : loaded.compared(value(data, NFTA_CMP_DATA), NFT_CMP_NEQ == operator));
    }

    private static byte[] value(final Attributes data, final int type) {
        final Attributes value = data.has(type) ? data.nested(type) : null;
        return null != value && value.has(NFTA_DATA_VALUE) ? value.bytes(NFTA_DATA_VALUE) : new byte[0];
    }

    private void lookup(final Attributes data) {
        if (!data.has(NFTA_LOOKUP_DREG)) {
            conditions.add(Condition.UNKNOWN);
        } else if (NFT_REG_VERDICT == data.i32BigEndian(NFTA_LOOKUP_DREG, NFT_REG_VERDICT)) {
            intervene("a verdict from a map");
        } else {
            registers.clear();
        }
    }

    private void immediate(final Attributes data) {
        if (NFT_REG_VERDICT != data.i32BigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)) {
            registers.clear();
            return;
        }
        final Attributes value = data.has(NFTA_IMMEDIATE_DATA) ? data.nested(NFTA_IMMEDIATE_DATA) : null;
        if (null == value || !value.has(NFTA_DATA_VERDICT)) {
            intervene("immediate");
            return;
        }
        final Attributes verdict = value.nested(NFTA_DATA_VERDICT);
        final int code = verdict.i32BigEndian(NFTA_VERDICT_CODE, NF_DROP);
        final String chain = verdict.has(NFTA_VERDICT_CHAIN) ? verdict.text(NFTA_VERDICT_CHAIN) : "";
        rule = switch (code) {
            case NF_DROP -> end(Action.INTERVENE, "drop");
            case NF_ACCEPT -> end(Action.ACCEPT, "");
            case NFT_CONTINUE, NFT_BREAK -> end(Action.CONTINUE, "");
            case NFT_JUMP -> end(Action.JUMP, chain);
            case NFT_GOTO -> end(Action.GOTO, chain);
            case NFT_RETURN -> end(Action.RETURN, "");
            default -> end(Action.INTERVENE, "verdict " + code);
        };
    }
}
