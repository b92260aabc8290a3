/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * By which queue of a TUN device a packet comes: a program in the kernel (eBPF) says so from addresses and ports alone, in both
 * directions the same. By itself a TUN device moves a flow to the queue that the flow's last answer was written to, and back when there
 * has been none for three seconds (drivers/net/tun.c, {@code tun_automq_select_queue}): what lies in the queue before is overtaken.
 *
 * <pre>
 *   r7 = XOR of the addresses, and of the ports unless the packet is a fragment or has none
 *   queue = upper half of r7 * GOLDEN, modulo the number of queues
 * </pre>
 *
 * Sources: include/uapi/linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst; drivers/net/tun.c
 * {@code tun_ebpf_select_queue}.
 */
final class TunSteering {
    private static final long TUNSETSTEERINGEBPF = 0x800454E0L; // Linux 4.16

    /** {@code __NR_bpf}, by {@code os.arch} (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
    private static final long SYSCALL_BPF = "amd64".equals(System.getProperty("os.arch")) ? 321 : 280;

    private static final int BPF_PROG_LOAD = 5;
    private static final int BPF_PROG_TYPE_SOCKET_FILTER = 1;

    // union bpf_attr for BPF_PROG_LOAD: u32 type, u32 instructions, u64 their address, u64 address of the license, and
    // more that is 0
    private static final int COUNT_OFFSET = Integer.BYTES;
    private static final int INSTRUCTIONS_OFFSET = COUNT_OFFSET + Integer.BYTES;
    private static final int LICENSE_OFFSET = INSTRUCTIONS_OFFSET + Long.BYTES;
    private static final int ATTRIBUTES_LENGTH = LICENSE_OFFSET + Long.BYTES + 3 * Long.BYTES;
    private static final String LICENSE = "Apache-2.0";

    // struct bpf_insn: u8 code, u4 destination, u4 source, s16 jump, s32 constant
    private static final int REGISTERS_OFFSET = Byte.BYTES;
    private static final int SOURCE_SHIFT = 4;
    private static final int JUMP_OFFSET = REGISTERS_OFFSET + Byte.BYTES;
    private static final int CONSTANT_OFFSET = JUMP_OFFSET + Short.BYTES;
    private static final int INSTRUCTION_LENGTH = CONSTANT_OFFSET + Integer.BYTES;

    private static final int LOAD_WORD =
            0x20; // BPF_LD | BPF_ABS | BPF_W: r0 from the packet that r6 tells of, ends with 0 behind it
    private static final int LOAD_HALF = 0x28;
    private static final int LOAD_BYTE = 0x30;
    private static final int LOAD_WORD_INDEXED = 0x40; // BPF_LD | BPF_IND | BPF_W
    private static final int MOVE = 0xBF; // BPF_ALU64 | BPF_MOV | BPF_X
    private static final int MOVE_CONSTANT = 0xB7;
    private static final int XOR = 0xAF;
    private static final int AND_CONSTANT = 0x57;
    private static final int SHIFT_LEFT_CONSTANT = 0x67;
    private static final int SHIFT_RIGHT_CONSTANT = 0x77;
    private static final int MULTIPLY_CONSTANT_32 = 0x24; // BPF_ALU | BPF_MUL | BPF_K
    private static final int SHIFT_RIGHT_CONSTANT_32 = 0x74;
    private static final int JUMP = 0x05;
    private static final int JUMP_EQUAL = 0x15;
    private static final int JUMP_NOT_EQUAL = 0x55;
    private static final int EXIT = 0x95;

    private static final int IPV4_FRAGMENT_OFFSET = 6;
    private static final int IPV4_IS_FRAGMENT = 0x3FFF; // MF and the offset
    private static final int IPV4_PROTOCOL_OFFSET = 9;
    private static final int IPV4_SOURCE_OFFSET = 12;
    private static final int IPV4_DESTINATION_OFFSET = 16;
    private static final int IPV6_NEXT_HEADER_OFFSET = 6;
    private static final int IPV6_SOURCE_OFFSET = 8;
    private static final int IPV6_HEADER_LENGTH = 40;
    private static final int[] PROTOCOLS_WITH_PORTS = {6, 17, 132}; // TCP, UDP, SCTP: both ports are their first word

    /** 2^32 over the golden ratio: spreads what differs in few bits (Knuth, The Art of Computer Programming 3, 6.4). */
    private static final int GOLDEN = 0x9E3779B1;

    private static final class Instruction {
        final int code;
        final int registers;
        final int constant;
        int jump;

        Instruction(final int code, final int registers, final int jump, final int constant) {
            this.code = code;
            this.registers = registers;
            this.jump = jump;
            this.constant = constant;
        }
    }

    private final List<Instruction> instructions = new ArrayList<>();

    private TunSteering() {}

    /**
     * Has the program choose among the queues of a device, those that it will have too.
     *
     * @param queue a descriptor that is attached to the device.
     * @return 0, or the errno: {@link Errno#EPERM} without CAP_BPF, {@link Errno#EINVAL} before Linux 4.16.
     */
    static int steer(final int queue) {
        final long program = load();
        if (program < 0) {
            return (int) -program;
        }
        final UnsafeBuffer descriptor = allocate(Integer.BYTES);
        descriptor.putInt(0, (int) program, nativeOrder());
        final int result = Libc.LIBC.ioctl(queue, TUNSETSTEERINGEBPF, descriptor.addressOffset());
        final int errno = result < 0 ? Errno.last() : 0;
        Libc.LIBC.close((int) program); // the device holds it
        return errno;
    }

    private static long load() {
        final TunSteering program = new TunSteering();
        program.write();
        final UnsafeBuffer encoded = program.encode();
        final UnsafeBuffer license = allocate(LICENSE.length() + 1);
        license.putBytes(0, LICENSE.getBytes(US_ASCII));
        final UnsafeBuffer attributes = allocate(ATTRIBUTES_LENGTH);
        attributes.putInt(0, BPF_PROG_TYPE_SOCKET_FILTER, nativeOrder());
        attributes.putInt(COUNT_OFFSET, program.instructions.size(), nativeOrder());
        attributes.putLong(INSTRUCTIONS_OFFSET, encoded.addressOffset(), nativeOrder());
        attributes.putLong(LICENSE_OFFSET, license.addressOffset(), nativeOrder());
        final long fd = Libc.LIBC.syscall(SYSCALL_BPF, BPF_PROG_LOAD, attributes.addressOffset(), ATTRIBUTES_LENGTH, 0);
        return fd < 0 ? -Errno.last() : fd;
    }

    private void write() {
        add(MOVE, 6, 1, 0, 0);
        add(LOAD_BYTE, 0, 0, 0, 0);
        add(SHIFT_RIGHT_CONSTANT, 0, 0, 0, 4);
        final int ifIpv6 = add(JUMP_EQUAL, 0, 0, 0, 6);
        final int ifNeither = add(JUMP_NOT_EQUAL, 0, 0, 0, 4);
        add(LOAD_WORD, 0, 0, 0, IPV4_SOURCE_OFFSET);
        add(MOVE, 7, 0, 0, 0);
        add(LOAD_WORD, 0, 0, 0, IPV4_DESTINATION_OFFSET);
        add(XOR, 7, 0, 0, 0);
        add(LOAD_HALF, 0, 0, 0, IPV4_FRAGMENT_OFFSET);
        add(AND_CONSTANT, 0, 0, 0, IPV4_IS_FRAGMENT);
        final int ifFragment = add(JUMP_NOT_EQUAL, 0, 0, 0, 0);
        final int ifNoPorts = writeProtocol(IPV4_PROTOCOL_OFFSET);
        add(LOAD_BYTE, 0, 0, 0, 0);
        add(AND_CONSTANT, 0, 0, 0, 0xF);
        add(SHIFT_LEFT_CONSTANT, 0, 0, 0, 2);
        add(MOVE, 8, 0, 0, 0);
        add(LOAD_WORD_INDEXED, 0, 8, 0, 0);
        final int toPorts = add(JUMP, 0, 0, 0, 0);

        land(ifIpv6);
        add(MOVE_CONSTANT, 7, 0, 0, 0);
        for (int offset = IPV6_SOURCE_OFFSET; offset < IPV6_HEADER_LENGTH; offset += Integer.BYTES) {
            add(LOAD_WORD, 0, 0, 0, offset);
            add(XOR, 7, 0, 0, 0);
        }
        final int ifNoPortsIpv6 = writeProtocol(IPV6_NEXT_HEADER_OFFSET);
        add(LOAD_WORD, 0, 0, 0, IPV6_HEADER_LENGTH);

        land(toPorts);
        add(MOVE, 8, 0, 0, 0);
        add(SHIFT_RIGHT_CONSTANT, 8, 0, 0, 16);
        add(XOR, 0, 8, 0, 0);
        add(AND_CONSTANT, 0, 0, 0, 0xFFFF);
        add(XOR, 7, 0, 0, 0);

        land(ifFragment);
        land(ifNoPorts);
        land(ifNoPortsIpv6);
        add(MOVE, 0, 7, 0, 0);
        add(MULTIPLY_CONSTANT_32, 0, 0, 0, GOLDEN);
        add(SHIFT_RIGHT_CONSTANT_32, 0, 0, 0, 16);
        add(EXIT, 0, 0, 0, 0);

        land(ifNeither);
        add(MOVE_CONSTANT, 0, 0, 0, 0);
        add(EXIT, 0, 0, 0, 0);
    }

    /** Goes on if the packet has ports; returns the jump that is taken if not. */
    private int writeProtocol(final int offset) {
        add(LOAD_BYTE, 0, 0, 0, offset);
        final int count = PROTOCOLS_WITH_PORTS.length;
        for (int i = 0; i < count; i++) {
            add(JUMP_EQUAL, 0, 0, count - i, PROTOCOLS_WITH_PORTS[i]);
        }
        return add(JUMP, 0, 0, 0, 0);
    }

    private int add(final int code, final int destination, final int source, final int jump, final int constant) {
        instructions.add(new Instruction(code, destination | source << SOURCE_SHIFT, jump, constant));
        return instructions.size() - 1;
    }

    /** Has a jump go on with what is added next. */
    private void land(final int jump) {
        instructions.get(jump).jump = instructions.size() - jump - 1;
    }

    private UnsafeBuffer encode() {
        final UnsafeBuffer encoded = allocate(instructions.size() * INSTRUCTION_LENGTH);
        int offset = 0;
        for (final Instruction instruction : instructions) {
            encoded.putByte(offset, (byte) instruction.code);
            encoded.putByte(offset + REGISTERS_OFFSET, (byte) instruction.registers);
            encoded.putShort(offset + JUMP_OFFSET, (short) instruction.jump, nativeOrder());
            encoded.putInt(offset + CONSTANT_OFFSET, instruction.constant, nativeOrder());
            offset += INSTRUCTION_LENGTH;
        }
        return encoded;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
