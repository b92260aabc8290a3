/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_ATTACH_FILTER;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A classic BPF program in the making, by which the kernel decides which packets a socket gets. It has an accumulator, which
 * loads fill from the packet in network byte order, and an index register. Instructions follow each other; jumps go forward to a
 * {@link Label}, or on with the next instruction where that is null.
 *
 * <p>Sources: include/uapi/linux/filter.h, bpf_common.h; Documentation/networking/filter.rst.
 */
public final class SocketFilter {
    /** {@code SKF_AD_OFF}: loads from here on are of what the kernel knows beside the packet. */
    private static final int ANCILLARY = -0x1000;

    /** {@code SKF_AD_PROTOCOL}: the EtherType. */
    public static final int ANCILLARY_PROTOCOL = ANCILLARY;

    /** {@code SKF_AD_PKTTYPE}: whether the packet is for this host, or leaves it. */
    public static final int ANCILLARY_PACKET_TYPE = ANCILLARY + 4;

    /** {@code SKF_AD_IFINDEX}: the number of the device that the packet has come by. */
    public static final int ANCILLARY_LINK_INDEX = ANCILLARY + 8;

    /** {@code SKF_LL_OFF}: loads from here on are of the link's header, wherever the packet's data begins. */
    public static final int LINK_LAYER = -0x200000;

    /** To {@link #accept} all of a packet, however long. */
    public static final int WHOLE = -1;

    /** {@code SKF_AD_NLATTR}: where the netlink attribute of the index register's type is, from the accumulator on; 0 if nowhere. */
    public static final int ANCILLARY_NETLINK_ATTRIBUTE = ANCILLARY + 12;

    private static final int LOAD_HALF = 0x28; // BPF_LD | BPF_H | BPF_ABS
    private static final int LOAD_BYTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
    private static final int LOAD_WORD_INDEXED = 0x40; // BPF_LD | BPF_W | BPF_IND
    private static final int LOAD_CONSTANT = 0x00; // BPF_LD | BPF_W | BPF_IMM
    private static final int LOAD_INDEX_CONSTANT = 0x01; // BPF_LDX | BPF_W | BPF_IMM
    private static final int COPY_TO_INDEX = 0x07; // BPF_MISC | BPF_TAX
    private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private static final int JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K

    private static final int JUMP_MAX = 255;

    /** A place that jumps go to. */
    public static final class Label {
        /** Not placed yet. */
        public Label() {}
    }

    private record Instruction(
            int code,
            int constant,
            @Nullable Label ifTrue,
            @Nullable Label ifFalse) {}

    private final List<Instruction> instructions = new ArrayList<>();
    private final IdentityHashMap<Label, Integer> places = new IdentityHashMap<>();

    /** An empty program. */
    public SocketFilter() {}

    /** Loads 32 bits of the packet, or of {@code ANCILLARY_}. */
    public SocketFilter loadWord(final int offset) {
        return add(FilterProgram.LOAD_WORD, offset);
    }

    /** Loads 16 bits. */
    public SocketFilter loadHalf(final int offset) {
        return add(LOAD_HALF, offset);
    }

    /** Loads 8 bits. */
    public SocketFilter loadByte(final int offset) {
        return add(LOAD_BYTE, offset);
    }

    /** Loads 32 bits, at an offset from the index register. */
    public SocketFilter loadWordIndexed(final int offset) {
        return add(LOAD_WORD_INDEXED, offset);
    }

    /** Sets the accumulator. */
    public SocketFilter loadConstant(final int value) {
        return add(LOAD_CONSTANT, value);
    }

    /** Sets the index register. */
    public SocketFilter loadIndexConstant(final int value) {
        return add(LOAD_INDEX_CONSTANT, value);
    }

    /** Copies the accumulator to the index register. */
    public SocketFilter copyToIndex() {
        return add(COPY_TO_INDEX, 0);
    }

    /** Leaves those bits of the accumulator that are set in the mask. */
    public SocketFilter and(final int mask) {
        return add(AND, mask);
    }

    /** Jumps by whether the accumulator has this value. */
    public SocketFilter jumpIfEqual(final int value, final @Nullable Label ifTrue, final @Nullable Label ifFalse) {
        instructions.add(new Instruction(FilterProgram.JUMP_EQUAL, value, ifTrue, ifFalse));
        return this;
    }

    /** Jumps by whether the accumulator, unsigned, is greater. */
    public SocketFilter jumpIfGreater(final int value, final @Nullable Label ifTrue, final @Nullable Label ifFalse) {
        instructions.add(new Instruction(JUMP_GREATER, value, ifTrue, ifFalse));
        return this;
    }

    /** Ends: the socket gets at most so many bytes of the packet; with 0 it does not get it. */
    public SocketFilter accept(final int length) {
        return add(FilterProgram.RETURN, length);
    }

    /** Ends: the socket does not get the packet. */
    public SocketFilter refuse() {
        return accept(0);
    }

    /** Jumps to this label go on here. */
    public SocketFilter place(final Label label) {
        places.put(label, instructions.size());
        return this;
    }

    private SocketFilter add(final int code, final int constant) {
        instructions.add(new Instruction(code, constant, null, null));
        return this;
    }

    /**
     * Has the kernel use the program for a socket from now on.
     *
     * @return 0 or a negative errno.
     */
    int attach(final int fd) {
        final FilterProgram program = encode();
        try {
            return Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program.address(), FilterProgram.LENGTH) < 0
                    ? -Errno.last()
                    : 0;
        } finally {
            Reference.reachabilityFence(program);
        }
    }

    private FilterProgram encode() {
        final FilterProgram program = new FilterProgram(instructions.size());
        for (int i = 0; i < instructions.size(); i++) {
            final Instruction instruction = instructions.get(i);
            program.add(
                    instruction.code,
                    instruction.constant,
                    distance(i, instruction.ifTrue),
                    distance(i, instruction.ifFalse));
        }
        return program;
    }

    private int distance(final int from, final @Nullable Label to) {
        if (null == to) {
            return 0;
        }
        final int distance = places.getOrDefault(to, -1) - (from + 1);
        if (distance < 0 || distance > JUMP_MAX) {
            throw new IllegalStateException("instruction " + from + " jumps over " + distance + " others, not 0 to "
                    + JUMP_MAX + "; a jump goes forward to a label that is placed");
        }
        return distance;
    }
}
