/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A packet that was dropped.
 *
 * @param reason why.
 * @param peer that the datagram came from, or was to go to; null for what had no way yet, and for what the host did not take.
 * @param source of the packet inside; null where that is none.
 * @param destination of the packet inside; null likewise.
 */
public record Offender(
        DropReason reason,
        @Nullable IpAddress peer,
        @Nullable IpAddress source,
        @Nullable IpAddress destination) {
    private static final Pattern INSIDE = Pattern.compile("(?<source>[^ ,]+) > (?<destination>[^ ,]+)");

    /** All forms of {@link #addresses}. */
    private static final Pattern EGRESS =
            Pattern.compile("packet to (?<alone>[^ ,]+)|" + INSIDE.pattern() + "(, to (?<peer>[^ ,]+))?");

    private static final Pattern INGRESS =
            Pattern.compile("(?<alone>[^ ,]+)|((?<peer>[^ ,]+), inside )?" + INSIDE.pattern());

    /** The addresses, that of the sender first: {@code 192.168.100.9, inside 10.244.0.5 > 10.244.1.2}, or {@code 10.244.1.2 > 10.244.0.5}. */
    public String addresses() {
        final String inside = null == source ? "" : source + " > " + destination;
        if (null == peer) {
            return inside;
        }
        return switch (reason.direction()) {
            case EGRESS -> inside.isEmpty() ? "packet to " + peer : inside + ", to " + peer;
            case INGRESS -> inside.isEmpty() ? peer.toString() : peer + ", inside " + inside;
        };
    }

    /**
     * That of a text that {@link #addresses} has given: another process may have written it, or be writing it just now.
     *
     * @return empty for any other text.
     */
    public static Optional<Offender> parse(final DropReason reason, final String text) {
        final Matcher matcher = (Direction.EGRESS == reason.direction() ? EGRESS : INGRESS).matcher(text);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        try {
            final IpAddress alone = address(matcher.group("alone"));
            return Optional.of(new Offender(
                    reason,
                    null == alone ? address(matcher.group("peer")) : alone,
                    address(matcher.group("source")),
                    address(matcher.group("destination"))));
        } catch (final IllegalArgumentException noAddress) {
            return Optional.empty();
        }
    }

    private static @Nullable IpAddress address(final @Nullable String text) {
        return null == text ? null : IpAddress.parse(text);
    }
}
