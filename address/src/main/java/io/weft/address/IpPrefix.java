/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import java.net.InetAddress;

/**
 * An IPv4 or IPv6 prefix with no host bits set, such as 10.244.1.0/24: a node's subnet, or a route's destination.
 *
 * @param base the lowest address: all bits after {@code length} are zero.
 * @param length bits that are compared, 0 to 32 or 0 to 128.
 */
public record IpPrefix(IpAddress base, int length) implements Comparable<IpPrefix> {
    private static final int LENGTH_DIGITS_MAX = 3;

    /** @throws IllegalArgumentException naming the prefix, if the length is out of range or host bits are set. */
    public IpPrefix {
        final int addressBits = base.family().addressBits();
        if (length < 0 || length > addressBits) {
            throw new IllegalArgumentException(
                    base + "/" + length + ": prefix length " + length + " is not in 0.." + addressBits);
        }
        if (base.high() != (base.high() & highMask(length)) || base.low() != (base.low() & lowMask(length))) {
            throw new IllegalArgumentException(
                    base + "/" + length + " has host bits set: the network is " + masked(base, length) + "/" + length);
        }
    }

    /**
     * A prefix of the JDK's address.
     *
     * @throws IllegalArgumentException naming the prefix, if the length is out of range or host bits are set.
     */
    public static IpPrefix of(final InetAddress base, final int length) {
        return new IpPrefix(IpAddress.of(base), length);
    }

    /**
     * Reads "10.244.1.0/24" or "fd00:10:244::/64".
     *
     * @throws IllegalArgumentException naming the text, if it is not a prefix or has host bits set.
     */
    public static IpPrefix parse(final String text) {
        final int slash = slash(text);
        return new IpPrefix(IpAddress.parse(text.substring(0, slash)), length(text, slash));
    }

    /**
     * Reads an address and a length and takes the prefix around it, as Go's {@code net.ParseCIDR} does: "10.244.3.1/24"
     * is 10.244.3.0/24.
     *
     * @throws IllegalArgumentException naming the text, if it is not an address with a length.
     */
    public static IpPrefix parseContaining(final String text) {
        final int slash = slash(text);
        return containing(IpAddress.parse(text.substring(0, slash)), length(text, slash));
    }

    private static int slash(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0) {
            throw malformed(text);
        }
        return slash;
    }

    /** As Go's, a length may have leading zeros. */
    private static int length(final String text, final int slash) {
        final int length = IpText.number(text, slash + 1, text.length(), 10, LENGTH_DIGITS_MAX);
        if (length < 0) {
            throw malformed(text);
        }
        return length;
    }

    private static IllegalArgumentException malformed(final String text) {
        return new IllegalArgumentException("'" + text + "' is not of the form ADDRESS/LENGTH, such as 10.244.0.0/16");
    }

    /**
     * The prefix of that length which the address is in, its host bits dropped.
     *
     * @throws IllegalArgumentException naming address and length, if the length is out of range.
     */
    public static IpPrefix containing(final IpAddress address, final int length) {
        final boolean isInRange = length >= 0 && length <= address.family().addressBits();
        return new IpPrefix(isInRange ? masked(address, length) : address, length);
    }

    /** {@link #containing(IpAddress, int)} for the JDK's address. */
    public static IpPrefix containing(final InetAddress address, final int length) {
        return containing(IpAddress.of(address), length);
    }

    /** One address: /32 or /128. */
    public static IpPrefix host(final IpAddress address) {
        return new IpPrefix(address, address.family().addressBits());
    }

    /** {@link #host(IpAddress)} for the JDK's address. */
    public static IpPrefix host(final InetAddress address) {
        return host(IpAddress.of(address));
    }

    /** The family of the addresses. */
    public IpFamily family() {
        return base.family();
    }

    /** Whether the addresses are IPv4; else they are IPv6. */
    public boolean isIpv4() {
        return IpFamily.IPV4 == base.family();
    }

    /** Whether the address is in this prefix; never for an address of the other family. */
    public boolean contains(final IpAddress address) {
        return address.family() == base.family()
                && base.high() == (address.high() & highMask(length))
                && base.low() == (address.low() & lowMask(length));
    }

    /** Whether the address is in this prefix; never for an address of the other family. */
    public boolean contains(final InetAddress address) {
        return contains(IpAddress.of(address));
    }

    /** Whether every address of the other prefix is in this one; a prefix contains itself. */
    public boolean contains(final IpPrefix other) {
        return other.length >= length && contains(other.base);
    }

    /** Whether some address is in both; prefixes overlap only when one contains the other. */
    public boolean overlaps(final IpPrefix other) {
        return contains(other) || other.contains(this);
    }

    /** The prefix of the same length right after this one; at the end of the address space it wraps. */
    public IpPrefix next() {
        if (0 == length) {
            return this;
        }
        if (length <= Long.SIZE) {
            final long high = base.high() + (1L << (Long.SIZE - length));
            return new IpPrefix(new IpAddress(family(), high, base.low()), length);
        }
        final long low = base.low() + (1L << (2 * Long.SIZE - length));
        return new IpPrefix(new IpAddress(family(), base.high() + (0 == low ? 1 : 0), low), length);
    }

    /**
     * The last prefix of the given length inside this one.
     *
     * @throws IllegalArgumentException if the length is out of range, or less than this one's where that sets host bits.
     */
    public IpPrefix last(final int lengthInside) {
        final long high = base.high() | (highMask(lengthInside) & ~highMask(length));
        final long low = base.low() | (lowMask(lengthInside) & ~lowMask(length));
        return new IpPrefix(new IpAddress(family(), high, low), lengthInside);
    }

    private static IpAddress masked(final IpAddress address, final int length) {
        return new IpAddress(address.family(), address.high() & highMask(length), address.low() & lowMask(length));
    }

    /** The bits of {@link IpAddress#high()} that a prefix of this length compares. */
    public static long highMask(final int length) {
        return 0 == length ? 0 : -1L << Math.max(0, Long.SIZE - length);
    }

    /** The bits of {@link IpAddress#low()} that a prefix of this length compares. */
    public static long lowMask(final int length) {
        return length <= Long.SIZE ? 0 : -1L << (2 * Long.SIZE - length);
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof IpPrefix that && length == that.length && base.equals(that.base);
    }

    @Override
    public int hashCode() {
        return base.hashCode() * 31 + length;
    }

    /** By base, then the shorter prefix first, so that a prefix comes before those it contains. */
    @Override
    public int compareTo(final IpPrefix other) {
        final int byBase = base.compareTo(other.base);
        return 0 != byBase ? byBase : Integer.compare(length, other.length);
    }

    /** Canonical: 10.244.1.0/24. */
    @Override
    public String toString() {
        return base + "/" + length;
    }

    /** Appends what {@link #toString} returns. */
    public void appendTo(final StringBuilder text) {
        base.appendTo(text);
        text.append('/').append(length);
    }
}
