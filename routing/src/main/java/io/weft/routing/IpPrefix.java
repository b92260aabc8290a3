/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import java.net.InetAddress;

/**
 * An IPv4 or IPv6 prefix with no host bits set, such as 10.244.1.0/24.
 *
 * @param network the address with all bits after {@code length} zero.
 * @param length bits that are compared, 0 to 32 or 0 to 128.
 */
public record IpPrefix(IpAddress network, int length) implements Comparable<IpPrefix> {
    /** @throws IllegalArgumentException naming the prefix, if the length is out of range or host bits are set. */
    public IpPrefix {
        final int addressBits = network.family().addressBits();
        if (length < 0 || length > addressBits) {
            throw new IllegalArgumentException(
                    network + "/" + length + ": prefix length " + length + " is not in 0.." + addressBits);
        }
        final IpAddress masked = mask(network, length);
        if (!masked.equals(network)) {
            throw new IllegalArgumentException(
                    network + "/" + length + " has host bits set: the network is " + masked + "/" + length);
        }
    }

    /**
     * A prefix of the JDK's address.
     *
     * @throws IllegalArgumentException naming the prefix, if the length is out of range or host bits are set.
     */
    public static IpPrefix of(final InetAddress network, final int length) {
        return new IpPrefix(IpAddress.of(network), length);
    }

    /**
     * Reads "10.244.1.0/24" or "fd00:10:244::/64".
     *
     * @throws IllegalArgumentException naming the text, if it is not a prefix or has host bits set.
     */
    public static IpPrefix parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("'" + text + "' is not a prefix: no '/' and length after the address");
        }
        final IpAddress network = IpAddress.parse(text.substring(0, slash));
        final int length;
        try {
            length = IpText.parseDigits(text.substring(slash + 1), 10, 3, 128, text);
        } catch (final IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not a prefix: the length is not a number in 0.."
                            + network.family().addressBits(),
                    e);
        }
        return new IpPrefix(network, length);
    }

    /** The prefix of that length which the address is in, its host bits dropped. */
    public static IpPrefix containing(final IpAddress address, final int length) {
        return new IpPrefix(mask(address, Math.min(length, address.family().addressBits())), length);
    }

    /** The family of the network. */
    public AddressFamily family() {
        return network.family();
    }

    /** Whether the address is in this prefix; never for an address of the other family. */
    public boolean contains(final IpAddress address) {
        return address.family() == network.family() && mask(address, length).equals(network);
    }

    /** Whether the address is in this prefix; never for an address of the other family. */
    public boolean contains(final InetAddress address) {
        return contains(IpAddress.of(address));
    }

    /** Whether every address of the other prefix is in this one; a prefix contains itself. */
    public boolean contains(final IpPrefix other) {
        return other.length >= length && contains(other.network);
    }

    /** Whether some address is in both; prefixes overlap only when one contains the other. */
    public boolean overlaps(final IpPrefix other) {
        return contains(other) || other.contains(this);
    }

    private static IpAddress mask(final IpAddress address, final int length) {
        return new IpAddress(address.family(), address.high() & highMask(length), address.low() & lowMask(length));
    }

    static long highMask(final int length) {
        return 0 == length ? 0 : -1L << Math.max(0, Long.SIZE - length);
    }

    static long lowMask(final int length) {
        return length <= Long.SIZE ? 0 : -1L << (2 * Long.SIZE - length);
    }

    /** By network, then the shorter prefix first, so that a prefix comes before those it contains. */
    @Override
    public int compareTo(final IpPrefix other) {
        final int byNetwork = network.compareTo(other.network);
        return 0 != byNetwork ? byNetwork : Integer.compare(length, other.length);
    }

    /** Canonical: 10.244.1.0/24. */
    @Override
    public String toString() {
        return network + "/" + length;
    }
}
