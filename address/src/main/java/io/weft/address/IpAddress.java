/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * An IPv4 or IPv6 address as bits, aligned to the left: the first bit on the wire is the top bit of {@code high}, so
 * both families walk the same tries. An IPv4 address fills the upper half of {@code high}; the rest is zero.
 *
 * <pre>
 *          63                            32 31                             0
 * high    |  IPv4 address                  |  zero                          |
 *         |  IPv6 address, first 64 bits                                    |
 * low     |  IPv6 address, last 64 bits; zero for IPv4                      |
 * </pre>
 *
 * @param family the family.
 * @param high the first 64 bits.
 * @param low the last 64 bits of an IPv6 address.
 */
public record IpAddress(IpFamily family, long high, long low) implements Comparable<IpAddress> {
    /** The 32 bits in front of the IPv4 address in the second half of an IPv4-mapped one, RFC 4291 section 2.5.5.2. */
    private static final long MAPPED = 0xffffL;

    private static final int NO_SCOPE = -1;
    private static final int TEXT_LENGTH_MAX = 39;

    /** @throws IllegalArgumentException if bits are set that an IPv4 address does not have. */
    public IpAddress {
        if (IpFamily.IPV4 == family && (0 != low || 0 != (int) high)) {
            throw new IllegalArgumentException(
                    "an IPv4 address has 32 bits: high=" + Long.toHexString(high) + " low=" + Long.toHexString(low));
        }
    }

    /** The address as bits; the scope of a link-local IPv6 address is not part of them. */
    public static IpAddress of(final InetAddress address) {
        return of(address.getAddress());
    }

    /**
     * The address that bytes in network order make.
     *
     * @param bytes 4 or 16; 16 make an IPv6 address, also where it is an IPv4-mapped one.
     * @throws IllegalArgumentException for any other number of bytes.
     */
    public static IpAddress of(final byte[] bytes) {
        if (IpFamily.IPV4.addressLength() == bytes.length) {
            return ofIpv4((int) bits(bytes, 0, Integer.BYTES));
        }
        if (IpFamily.IPV6.addressLength() == bytes.length) {
            return new IpAddress(IpFamily.IPV6, bits(bytes, 0, Long.BYTES), bits(bytes, Long.BYTES, Long.BYTES));
        }
        throw new IllegalArgumentException(bytes.length + " bytes are not an IP address: it has 4 or 16");
    }

    private static long bits(final byte[] bytes, final int from, final int length) {
        long bits = 0;
        for (int i = from; i < from + length; i++) {
            bits = bits << Byte.SIZE | (bytes[i] & 0xff);
        }
        return bits;
    }

    /** The address that these four bytes are in network order. */
    public static IpAddress ofIpv4(final int address) {
        return new IpAddress(IpFamily.IPV4, (long) address << Integer.SIZE, 0);
    }

    /**
     * Reads the text form: four decimal numbers, or IPv6 as in RFC 4291 section 2.2 without a zone.
     *
     * @throws IllegalArgumentException naming the text, if it is no address, or an IPv4-mapped one: its user may have
     *     meant IPv4, and where the JDK reads it, it is.
     */
    public static IpAddress parse(final String text) {
        return IpText.parse(text);
    }

    /** The IPv4 address as an int, the first byte on the wire highest. */
    public int ipv4() {
        return (int) (high >>> Integer.SIZE);
    }

    /** The first half of the IPv6 form, in which an IPv4 address is IPv4-mapped (RFC 4291 section 2.5.5.2). */
    public long mappedHigh() {
        return IpFamily.IPV4 == family ? 0 : high;
    }

    /** The second half of the IPv6 form. */
    public long mappedLow() {
        return IpFamily.IPV4 == family ? MAPPED << Integer.SIZE | high >>> Integer.SIZE : low;
    }

    /** Whether this is an IPv6 address with an IPv4 address in it: ::ffff:0:0/96. */
    public boolean isIpv4Mapped() {
        return IpFamily.IPV6 == family && 0 == high && MAPPED == low >>> Integer.SIZE;
    }

    /** The address with these two halves of the IPv6 form; an IPv4-mapped one is the IPv4 address in it. */
    public static IpAddress ofMapped(final long mappedHigh, final long mappedLow) {
        final IpAddress wide = new IpAddress(IpFamily.IPV6, mappedHigh, mappedLow);
        return wide.isIpv4Mapped() ? ofIpv4((int) mappedLow) : wide;
    }

    /** 224.0.0.0/4 or ff00::/8. */
    public boolean isMulticast() {
        return IpFamily.IPV4 == family ? 0xeL == high >>> 60 : 0xffL == high >>> 56;
    }

    /** 255.255.255.255 (RFC 919). */
    public boolean isBroadcast() {
        return IpFamily.IPV4 == family && 0xffff_ffffL == high >>> Integer.SIZE;
    }

    /** 0.0.0.0 or ::. */
    public boolean isUnspecified() {
        return 0 == high && 0 == low;
    }

    /** The address so many after this one, or before it where the offset is negative; at the end of the space it wraps. */
    public IpAddress plus(final long offset) {
        if (IpFamily.IPV4 == family) {
            return ofIpv4((int) (ipv4() + offset));
        }
        final long sum = low + offset;
        // An offset is a number of 128 bits with its sign in all of the upper half.
        final long carry = Long.compareUnsigned(sum, low) < 0 ? 1 : 0;
        return new IpAddress(IpFamily.IPV6, high + (offset >> (Long.SIZE - 1)) + carry, sum);
    }

    /** The 4 or 16 bytes in network order. */
    public byte[] toBytes() {
        final byte[] bytes = new byte[family.addressLength()];
        for (int i = 0; i < bytes.length; i++) {
            final long half = i < Long.BYTES ? high : low;
            bytes[i] = (byte) (half >>> (Long.SIZE - Byte.SIZE * (1 + i % Long.BYTES)));
        }
        return bytes;
    }

    /** The same address for the JDK, without a scope; an IPv4-mapped IPv6 address stays IPv6. */
    public InetAddress toInetAddress() {
        try {
            return IpFamily.IPV4 == family
                    ? InetAddress.getByAddress(toBytes())
                    : Inet6Address.getByAddress(null, toBytes(), NO_SCOPE);
        } catch (final UnknownHostException impossible) {
            throw new AssertionError("4 and 16 bytes are the lengths of an address", impossible);
        }
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof IpAddress that && family == that.family && high == that.high && low == that.low;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(high) * 31 + Long.hashCode(low);
    }

    /** In unsigned order of the bits, IPv4 before IPv6. */
    @Override
    public int compareTo(final IpAddress other) {
        if (family != other.family) {
            return family.compareTo(other.family);
        }
        final int first = Long.compareUnsigned(high, other.high);
        return 0 != first ? first : Long.compareUnsigned(low, other.low);
    }

    /** The canonical text: four decimal numbers, or RFC 5952. {@link #parse} reads it, unless it is IPv4-mapped. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(TEXT_LENGTH_MAX);
        appendTo(text);
        return text.toString();
    }

    /** Appends what {@link #toString} returns. */
    public void appendTo(final StringBuilder text) {
        IpText.print(this, text);
    }
}
