/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import java.net.Inet4Address;
import java.net.InetAddress;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code struct sockaddr_in} and {@code struct sockaddr_in6}.
 *
 * <pre>
 *  0       2       4               8                               16              24      28
 * +-------+-------+---------------+-------------------------------+
 * | AF_INET| port | IPv4 address  | zero                          |
 * +-------+-------+---------------+-------------------------------+---------------+-------+
 * |AF_INET6| port | flow info     | IPv6 address                                  | scope |
 * +-------+-------+---------------+-----------------------------------------------+-------+
 * </pre>
 *
 * The family is in native order, port and address in network order. Sources: include/uapi/linux/in.h and in6.h.
 */
public final class SocketAddress {
    /** {@code sizeof(struct sockaddr_in)}. */
    public static final int IPV4_LENGTH = 16;

    /** {@code sizeof(struct sockaddr_in6)}. */
    public static final int IPV6_LENGTH = 28;

    public static final int MAX_LENGTH = IPV6_LENGTH;

    public static final int FAMILY_OFFSET = 0;
    public static final int PORT_OFFSET = FAMILY_OFFSET + Short.BYTES;
    public static final int IPV4_ADDRESS_OFFSET = PORT_OFFSET + Short.BYTES;
    public static final int IPV6_ADDRESS_OFFSET = IPV4_ADDRESS_OFFSET + Integer.BYTES;

    private SocketAddress() {}

    /** Writes an address and returns its length. */
    public static int put(final UnsafeBuffer buffer, final int offset, final InetAddress address, final int port) {
        final boolean ipv4 = address instanceof Inet4Address;
        final int length = ipv4 ? IPV4_LENGTH : IPV6_LENGTH;
        buffer.setMemory(offset, length, (byte) 0);
        buffer.putShort(offset + FAMILY_OFFSET, (short) (ipv4 ? AF_INET : AF_INET6), nativeOrder());
        buffer.putShort(offset + PORT_OFFSET, (short) port, BIG_ENDIAN);
        buffer.putBytes(offset + (ipv4 ? IPV4_ADDRESS_OFFSET : IPV6_ADDRESS_OFFSET), address.getAddress());
        return length;
    }
}
