/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.net.InetAddress;

/**
 * A network: an address and how many of its leading bits count. The bits after those, the host bits, are zero.
 *
 * @param address the network's first address.
 * @param length leading bits that count, 0 to 32 or 128.
 */
public record IpPrefix(InetAddress address, int length) {
    /**
     * Checks length and host bits.
     *
     * @throws IllegalArgumentException naming the prefix if the length is out of range or a host bit is set.
     */
    public IpPrefix {
        final byte[] bytes = address.getAddress();
        if (length < 0 || length > bytes.length * Byte.SIZE) {
            throw new IllegalArgumentException(IpAddresses.print(address) + "/" + length + ": the length is not in 0.."
                    + bytes.length * Byte.SIZE);
        }
        for (int bit = length; bit < bytes.length * Byte.SIZE; bit++) {
            if (bit(bytes, bit)) {
                throw new IllegalArgumentException(IpAddresses.print(address) + "/" + length
                        + ": an address bit is set beyond the length; the network is " + network(address, length));
            }
        }
    }

    /**
     * A prefix from text.
     *
     * @param text such as {@code 10.244.0.0/16}.
     * @return the prefix.
     * @throws IllegalArgumentException naming the text and what is wrong with it.
     */
    public static IpPrefix parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0 || !text.substring(slash + 1).matches("\\d{1,3}")) {
            throw new IllegalArgumentException("'" + text + "' is not of the form ADDRESS/LENGTH");
        }
        return new IpPrefix(IpAddresses.parse(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
    }

    /**
     * The network in which an address is.
     *
     * @param address any address.
     * @param length of the network's prefix.
     * @return the prefix with the address's host bits cleared.
     */
    public static IpPrefix network(final InetAddress address, final int length) {
        final byte[] bytes = address.getAddress();
        for (int bit = Math.max(0, length); bit < bytes.length * Byte.SIZE; bit++) {
            bytes[bit / Byte.SIZE] &= (byte) ~(0x80 >>> (bit % Byte.SIZE));
        }
        return new IpPrefix(IpAddresses.of(bytes), length);
    }

    /** One address: /32 or /128. */
    public static IpPrefix host(final InetAddress address) {
        return new IpPrefix(address, address.getAddress().length * Byte.SIZE);
    }

    /** Whether this is an IPv6 network. */
    public boolean ipv6() {
        return 16 == address.getAddress().length;
    }

    /** True if every address of the other network is in this one; a network contains itself. */
    public boolean contains(final IpPrefix other) {
        return length <= other.length && contains(other.address);
    }

    /** Whether an address of the same family lies in this network. */
    public boolean contains(final InetAddress other) {
        final byte[] mine = address.getAddress();
        final byte[] its = other.getAddress();
        if (mine.length != its.length) {
            return false;
        }
        for (int bit = 0; bit < length; bit++) {
            if (bit(mine, bit) != bit(its, bit)) {
                return false;
            }
        }
        return true;
    }

    /** Whether the two networks share an address. */
    public boolean overlaps(final IpPrefix other) {
        return length <= other.length ? contains(other.address) : other.contains(address);
    }

    private static boolean bit(final byte[] bytes, final int bit) {
        return 0 != (bytes[bit / Byte.SIZE] & (0x80 >>> (bit % Byte.SIZE)));
    }

    @Override
    public String toString() {
        return IpAddresses.print(address) + "/" + length;
    }
}
