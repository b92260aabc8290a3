/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;
import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Asks for tables of ip_tables or ip6_tables, in the network namespace of the thread that opens it. Owned by one thread. Sources:
 * include/uapi/linux/netfilter_ipv4/ip_tables.h ({@code struct ipt_getinfo}, {@code struct ipt_get_entries}), netfilter_ipv6/ip6_tables.h.
 */
public final class TableSocket implements AutoCloseable {
    private static final int GET_INFO = 64; // IPT_SO_GET_INFO, IP6T_SO_GET_INFO
    private static final int GET_ENTRIES = 65;
    private static final int NAME_LENGTH = 32; // XT_TABLE_MAXNAMELEN
    private static final int INFO_SIZE_OFFSET = NAME_LENGTH + 12 * Integer.BYTES;
    private static final int INFO_LENGTH = INFO_SIZE_OFFSET + Integer.BYTES;
    private static final int ENTRIES_SIZE_OFFSET = NAME_LENGTH;
    private static final int ENTRIES_OFFSET = NAME_LENGTH + Long.BYTES;

    /** Of some thousand rules: who looks once a second has no time for more. */
    private static final int SIZE_MAX = 1 << 20;

    private static final int TRIES = 5;

    /**
     * One table.
     *
     * @param information {@code struct ipt_getinfo}.
     * @param entries of the size that it tells.
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares tables
    public record Table(byte[] information, byte[] entries) {}

    private final int fd;
    private final int level;
    private boolean closed;

    private TableSocket(final int fd, final int level) {
        this.fd = fd;
        this.level = level;
    }

    /**
     * Opens it.
     *
     * @throws LinuxException if the kernel refuses.
     */
    public static TableSocket open(final boolean isIpv4) {
        final int fd = Libc.LIBC.socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException("open a socket to ask for tables", Errno.last());
        }
        return new TableSocket(fd, isIpv4 ? ControlMessage.SOL_IP : ControlMessage.SOL_IPV6);
    }

    /**
     * Reads a table that exists; one that does not may be made by this.
     *
     * @throws LinuxException if the kernel refuses: CAP_NET_ADMIN is needed.
     */
    public Table read(final String name) {
        final String tried = "read table " + name;
        for (int i = 0; i < TRIES; i++) {
            final UnsafeBuffer information = named(name, INFO_LENGTH);
            require(tried, ask(GET_INFO, information));
            final int size = information.getInt(INFO_SIZE_OFFSET, nativeOrder());
            if (size < 0 || size > SIZE_MAX) {
                throw new LinuxException(
                        tried, Errno.EMSGSIZE, "It has " + size + " bytes, and not at most " + SIZE_MAX);
            }
            final UnsafeBuffer entries = named(name, ENTRIES_OFFSET + size);
            entries.putInt(ENTRIES_SIZE_OFFSET, size, nativeOrder());
            final int errno = ask(GET_ENTRIES, entries);
            if (Errno.EAGAIN != errno) { // it has another size by now
                require(tried, errno);
                return new Table(copy(information, 0), copy(entries, ENTRIES_OFFSET));
            }
        }
        throw new LinuxException(tried, Errno.EAGAIN, "Somebody changes it all the time");
    }

    private static UnsafeBuffer named(final String name, final int length) {
        final byte[] bytes = name.getBytes(US_ASCII);
        final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
        buffer.putBytes(0, bytes, 0, Math.min(bytes.length, NAME_LENGTH - 1));
        return buffer;
    }

    private static byte[] copy(final UnsafeBuffer buffer, final int from) {
        final byte[] bytes = new byte[buffer.capacity() - from];
        buffer.getBytes(from, bytes);
        return bytes;
    }

    /** Returns 0 or the errno. */
    private int ask(final int option, final UnsafeBuffer buffer) {
        final UnsafeBuffer length = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        length.putInt(0, buffer.capacity(), nativeOrder());
        final int result = Libc.LIBC.getsockopt(fd, level, option, buffer.addressOffset(), length.addressOffset());
        return result < 0 ? Errno.last() : 0;
    }

    private static void require(final String tried, final int errno) {
        if (0 != errno) {
            throw new LinuxException(tried, errno);
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
