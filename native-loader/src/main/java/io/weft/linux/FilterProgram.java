/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A program of classic BPF as the kernel takes it, which copies it: for a socket ({@link SocketFilter}) or for system calls
 * ({@link SystemCallFilter}).
 *
 * <pre>
 * struct sock_filter (include/uapi/linux/filter.h)    0  code    2  jump if true    3  jump if false    4  constant
 * struct sock_fprog                                   0  length  8  address of the first instruction
 * </pre>
 */
final class FilterProgram {
    /** {@code BPF_MAXINSNS}. */
    static final int MAX_INSTRUCTIONS = 4096;

    static final int LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
    static final int JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    static final int RETURN = 0x06; // BPF_RET | BPF_K

    /** Of {@link #address}. */
    static final int LENGTH = 2 * Long.BYTES;

    private static final int TRUE_OFFSET = Short.BYTES;
    private static final int FALSE_OFFSET = TRUE_OFFSET + Byte.BYTES;
    private static final int CONSTANT_OFFSET = FALSE_OFFSET + Byte.BYTES;
    private static final int INSTRUCTION_LENGTH = CONSTANT_OFFSET + Integer.BYTES;

    private final UnsafeBuffer header = allocate(LENGTH);
    private final UnsafeBuffer body;
    private int size;

    /** An empty one with room for so many instructions. */
    FilterProgram(final int instructions) {
        body = allocate(instructions * INSTRUCTION_LENGTH);
        header.putLong(Long.BYTES, body.addressOffset(), nativeOrder());
    }

    /** Adds an instruction that goes on with the next one. */
    FilterProgram add(final int code, final int constant) {
        return add(code, constant, 0, 0);
    }

    /**
     * Adds an instruction.
     *
     * @param ifTrue over how many others it jumps.
     * @param ifFalse the same.
     */
    FilterProgram add(final int code, final int constant, final int ifTrue, final int ifFalse) {
        final int offset = size * INSTRUCTION_LENGTH;
        body.putShort(offset, (short) code, nativeOrder());
        body.putByte(offset + TRUE_OFFSET, (byte) ifTrue);
        body.putByte(offset + FALSE_OFFSET, (byte) ifFalse);
        body.putInt(offset + CONSTANT_OFFSET, constant, nativeOrder());
        size++;
        header.putShort(0, (short) size, nativeOrder());
        return this;
    }

    /** Of its {@code struct sock_fprog}, for as long as this object is there. */
    long address() {
        return header.addressOffset();
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
