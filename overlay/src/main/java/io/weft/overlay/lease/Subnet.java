/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;

/**
 * An address block, IPv4 or IPv6: a node's subnet or the cluster network.
 *
 * @param base the lowest address; host bits are zero.
 * @param prefixLength bits of the network part, 0 to 32 or 128.
 */
public record Subnet(InetAddress base, int prefixLength) {
    /**
     * Checks the parts.
     *
     * @throws IllegalArgumentException when the length is out of range or a host bit is set.
     */
    public Subnet {
        final int bits = base.getAddress().length * 8;
        if (prefixLength < 0 || prefixLength > bits) {
            throw new IllegalArgumentException("prefix length " + prefixLength + " is not within 0 to " + bits);
        }
        if (!masked(base, prefixLength).equals(base)) {
            throw new IllegalArgumentException(
                    IpAddress.of(base).toString() + '/' + prefixLength + " has host bits set, write "
                            + IpAddress.of(masked(base, prefixLength)).toString() + '/' + prefixLength);
        }
    }

    /** The block that an address lies in. */
    public static Subnet around(final InetAddress address, final int prefixLength) {
        final int bits = address.getAddress().length * 8;
        if (prefixLength < 0 || prefixLength > bits) {
            throw new IllegalArgumentException("prefix length " + prefixLength + " is not within 0 to " + bits);
        }
        return new Subnet(masked(address, prefixLength), prefixLength);
    }

    /** Reads {@code 10.244.3.1/24} and takes the block, whatever the host bits, as Go's ParseCIDR does. */
    public static Subnet parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0 || !text.substring(slash + 1).matches("\\d{1,3}")) {
            throw new IllegalArgumentException("\"" + text + "\" is no address/length such as 10.244.0.0/16");
        }
        return around(
                IpAddress.parse(text.substring(0, slash)).toInetAddress(), Integer.parseInt(text.substring(slash + 1)));
    }

    /** True for IPv4. */
    public boolean isIpv4() {
        return base instanceof Inet4Address;
    }

    /** True when the address is one of this block. */
    public boolean contains(final InetAddress address) {
        return address.getClass() == base.getClass()
                && masked(address, prefixLength).equals(base);
    }

    /** True when the whole of the other block is in this one. */
    public boolean contains(final Subnet other) {
        return other.prefixLength >= prefixLength && contains(other.base);
    }

    /** True when the two share an address. */
    public boolean overlaps(final Subnet other) {
        return contains(other) || other.contains(this);
    }

    /** Base plus an offset: 1 is the address a bridge of this subnet has. Past the address space it wraps. */
    public InetAddress address(final long offset) {
        final byte[] bytes = base.getAddress();
        final byte[] sum =
                new BigInteger(1, bytes).add(BigInteger.valueOf(offset)).toByteArray();
        final byte[] wide = new byte[bytes.length];
        final int count = Math.min(sum.length, wide.length);
        System.arraycopy(sum, sum.length - count, wide, wide.length - count, count);
        return IpAddress.of(wide).toInetAddress();
    }

    /** The block of the same size right after this one (of IPv6 too); at the end of the address space it wraps. */
    public Subnet next() {
        final byte[] bytes = base.getAddress();
        final BigInteger size = BigInteger.ONE.shiftLeft(bytes.length * 8 - prefixLength);
        final byte[] sum = new BigInteger(1, bytes).add(size).toByteArray();
        final byte[] wide = new byte[bytes.length];
        final int count = Math.min(sum.length, wide.length);
        System.arraycopy(sum, sum.length - count, wide, wide.length - count, count);
        return new Subnet(IpAddress.of(wide).toInetAddress(), prefixLength);
    }

    /** The last block of the given length inside this one. */
    public Subnet last(final int length) {
        final byte[] bytes = base.getAddress();
        for (int bit = prefixLength; bit < length; bit++) {
            bytes[bit / 8] = (byte) (bytes[bit / 8] | (0x80 >>> (bit % 8)));
        }
        return new Subnet(IpAddress.of(bytes).toInetAddress(), length);
    }

    /** The same for the kernel's tables. */
    public IpPrefix toPrefix() {
        return IpPrefix.of(base, prefixLength);
    }

    /** {@code 10.244.0.0-24}, as flannel names the key of a lease. */
    public String keyPart() {
        return IpAddress.of(base).toString() + '-' + prefixLength;
    }

    /** {@code 10.244.0.0/24}. */
    @Override
    public String toString() {
        return IpAddress.of(base).toString() + '/' + prefixLength;
    }

    private static InetAddress masked(final InetAddress address, final int prefixLength) {
        final byte[] bytes = address.getAddress();
        final int whole = prefixLength / 8;
        if (whole < bytes.length) {
            bytes[whole] = (byte) (bytes[whole] & (0xff00 >>> (prefixLength % 8)));
            Arrays.fill(bytes, whole + 1, bytes.length, (byte) 0);
        }
        return IpAddress.of(bytes).toInetAddress();
    }
}
