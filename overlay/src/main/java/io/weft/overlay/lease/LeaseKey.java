/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a lease gives to a node, and the name it is stored under.
 *
 * @param subnet the IPv4 subnet; null in a cluster of IPv6 alone.
 * @param ipv6Subnet the IPv6 subnet; null without dual-stack. One of the two is there.
 */
public record LeaseKey(@Nullable IpPrefix subnet, @Nullable IpPrefix ipv6Subnet) implements Comparable<LeaseKey> {
    /** flannel pkg/subnet/subnet.go: {@code 10.5.52.0-24} or {@code 10.12.13.0-24&fd00:12:13::-56}. */
    private static final Pattern FORM = Pattern.compile("([\\d.]+)-(\\d{1,2})(?:&([a-fA-F\\d:]+)-(\\d{1,3}))?");
    /** A cluster of IPv6 alone: flannel has it with Kubernetes, where leases have no key. */
    private static final Pattern FORM_IPV6 = Pattern.compile("([a-fA-F\\d:]+)-(\\d{1,3})");

    /** No key is longer; of what is, a message shows so much. */
    private static final int LENGTH_MAX = 80;

    /**
     * Checks the parts.
     *
     * @throws IllegalArgumentException when neither family is there, or one is in the other's place.
     */
    public LeaseKey {
        if (null == subnet && null == ipv6Subnet) {
            throw new IllegalArgumentException("a lease needs a subnet");
        }
        if ((null != subnet && !subnet.isIpv4()) || (null != ipv6Subnet && ipv6Subnet.isIpv4())) {
            throw new IllegalArgumentException("address families in the wrong order: " + subnet + ", " + ipv6Subnet);
        }
    }

    /**
     * Reads a key as flannel writes it.
     *
     * @throws IllegalArgumentException when the text is no lease's key.
     */
    public static LeaseKey parse(final String text) {
        return parse(text, IpPrefix::new);
    }

    /**
     * The subnets that the addresses of a key lie in: as {@link #parse}, but host bits are dropped.
     *
     * @throws IllegalArgumentException when the text is no lease's key even so.
     */
    public static LeaseKey parseContaining(final String text) {
        return parse(text, IpPrefix::containing);
    }

    private static LeaseKey parse(final String text, final BiFunction<IpAddress, Integer, IpPrefix> prefix) {
        final Matcher ipv6Alone = FORM_IPV6.matcher(text);
        if (ipv6Alone.matches() && ipv6Alone.group(1).indexOf(':') >= 0) {
            return new LeaseKey(
                    null, prefix.apply(IpAddress.parse(ipv6Alone.group(1)), Integer.valueOf(ipv6Alone.group(2))));
        }
        final Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            final String shown = text.length() > LENGTH_MAX ? text.substring(0, LENGTH_MAX) + "…" : text;
            throw new IllegalArgumentException(
                    "\"" + shown + "\" is no subnet key, write it as 10.244.3.0-24 or 10.244.3.0-24&fd00:3::-64");
        }
        final IpPrefix subnet = prefix.apply(IpAddress.parse(matcher.group(1)), Integer.valueOf(matcher.group(2)));
        final String ipv6 = matcher.group(3);
        return new LeaseKey(
                subnet, null == ipv6 ? null : prefix.apply(IpAddress.parse(ipv6), Integer.valueOf(matcher.group(4))));
    }

    /** True when the two share an address. */
    public boolean overlaps(final LeaseKey other) {
        return overlap(subnet, other.subnet) || overlap(ipv6Subnet, other.ipv6Subnet);
    }

    private static boolean overlap(final @Nullable IpPrefix one, final @Nullable IpPrefix other) {
        return null != one && null != other && one.overlaps(other);
    }

    // Written out, as those of an address: a record's own are linked when they are first called, by every start of
    // weftd.

    @Override
    public boolean equals(final @Nullable Object other) {
        return other instanceof LeaseKey that
                && Objects.equals(subnet, that.subnet)
                && Objects.equals(ipv6Subnet, that.ipv6Subnet);
    }

    @Override
    public int hashCode() {
        return Objects.hashCode(subnet) * 31 + Objects.hashCode(ipv6Subnet);
    }

    /** The key as flannel writes it. */
    @Override
    public String toString() {
        if (null == subnet) {
            return part(Objects.requireNonNull(ipv6Subnet));
        }
        return null == ipv6Subnet ? part(subnet) : part(subnet) + '&' + part(ipv6Subnet);
    }

    private static String part(final IpPrefix subnet) {
        return subnet.base() + "-" + subnet.length();
    }

    /** By the addresses; without an IPv4 subnet last. */
    @Override
    public int compareTo(final LeaseKey other) {
        final int bySubnet = compare(subnet, other.subnet);
        return 0 == bySubnet ? compare(ipv6Subnet, other.ipv6Subnet) : bySubnet;
    }

    private static int compare(final @Nullable IpPrefix one, final @Nullable IpPrefix other) {
        return null == one || null == other ? Boolean.compare(null == one, null == other) : one.compareTo(other);
    }
}
