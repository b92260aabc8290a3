/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An IPv4 or IPv6 address as bits, aligned to the left: the first bit on the wire is the top bit of {@code high}, so
 * both families walk the same tries. An IPv4 address fills the upper half of {@code high}; the rest is zero.
 *
 * @param family the family.
 * @param high the first 64 bits.
 * @param low the last 64 bits of an IPv6 address.
 */
public record IpAddress(AddressFamily family, long high, long low) implements Comparable<IpAddress> {
    /** @throws IllegalArgumentException if bits are set that an IPv4 address does not have. */
    public IpAddress {
        if (AddressFamily.IPV4 == family && (0 != low || 0 != (int) high)) {
            throw new IllegalArgumentException(
                    "an IPv4 address has 32 bits: high=" + Long.toHexString(high) + " low=" + Long.toHexString(low));
        }
    }

    /** The address as bits; the scope of a link-local IPv6 address is not part of them. */
    public static IpAddress of(final InetAddress address) {
        final ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        if (Integer.BYTES == bytes.remaining()) {
            return ofIpv4(bytes.getInt());
        }
        return new IpAddress(AddressFamily.IPV6, bytes.getLong(), bytes.getLong());
    }

    /** The address that these four bytes are in network order. */
    public static IpAddress ofIpv4(final int address) {
        return new IpAddress(AddressFamily.IPV4, (long) address << Integer.SIZE, 0);
    }

    /**
     * Reads the text form: dotted quad, or IPv6 as in RFC 4291 section 2.2. Asks no name service.
     *
     * @throws IllegalArgumentException naming the text, if it is no address.
     */
    public static IpAddress parse(final String text) {
        return IpText.parseAddress(text);
    }

    /** The IPv4 address as an int; {@link RoutingSnapshot#lookup4(int)} takes it. */
    public int ipv4() {
        return (int) (high >>> Integer.SIZE);
    }

    /** The first half of the IPv6 form, in which an IPv4 address is IPv4-mapped (RFC 4291 section 2.5.5.2). */
    long mappedHigh() {
        return AddressFamily.IPV4 == family ? 0 : high;
    }

    /** The second half of the IPv6 form. */
    long mappedLow() {
        return AddressFamily.IPV4 == family ? 0xffffL << Integer.SIZE | high >>> Integer.SIZE : low;
    }

    /** 224.0.0.0/4 or ff00::/8. */
    public boolean isMulticast() {
        return AddressFamily.IPV4 == family ? 0xeL == high >>> 60 : 0xffL == high >>> 56;
    }

    /** 0.0.0.0 or ::. */
    public boolean isUnspecified() {
        return 0 == high && 0 == low;
    }

    /** The same address for the JDK; an IPv4-mapped IPv6 address stays IPv6. */
    public InetAddress toInetAddress() {
        try {
            if (AddressFamily.IPV4 == family) {
                return InetAddress.getByAddress(
                        ByteBuffer.allocate(Integer.BYTES).putInt(ipv4()).array());
            }
            final byte[] bytes = ByteBuffer.allocate(2 * Long.BYTES)
                    .putLong(high)
                    .putLong(low)
                    .array();
            return Inet6Address.getByAddress(null, bytes, -1);
        } catch (final UnknownHostException impossible) {
            throw new AssertionError("4 and 16 bytes are the lengths of an address", impossible);
        }
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

    /** The canonical text: dotted quad, or RFC 5952. */
    @Override
    public String toString() {
        return IpText.format(this);
    }
}
