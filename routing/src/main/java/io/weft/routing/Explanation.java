/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.util.HexFormat;
import java.util.function.BiConsumer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What the data threads would do with a packet to one destination.
 *
 * @param destination the address that was asked for.
 * @param route the route that matches, or null if none does.
 * @param nextHop index of the rewrite block, or {@link RoutingSnapshot#NO_ROUTE}.
 * @param changesPending whether there are changes that were not published yet; {@code route} takes them into account,
 *     the rest does not.
 * @param block a copy of the {@link RewriteBlock}, all zero if there is no route.
 */
public record Explanation(
        IpAddress destination, @Nullable IpPrefix route, int nextHop, boolean changesPending, DirectBuffer block) {
    private static final int VNI_SHIFT = 8;

    /** Of the names of steps in text. */
    private static final int NAME_WIDTH = 11;

    static Explanation of(
            final IpAddress destination,
            final @Nullable IpPrefix route,
            final RoutingSnapshot snapshot,
            final boolean changesPending) {
        final int nextHop = IpFamily.IPV4 == destination.family()
                ? snapshot.lookup4(destination.ipv4())
                : snapshot.lookup6(destination.high(), destination.low());
        final UnsafeBuffer block = new UnsafeBuffer(new byte[RewriteBlock.LENGTH]);
        if (RoutingSnapshot.NO_ROUTE != nextHop) {
            block.putBytes(0, snapshot.rewriteBlocks(), RewriteBlock.offset(nextHop), RewriteBlock.LENGTH);
        }
        return new Explanation(destination, route, nextHop, changesPending, block);
    }

    /** Whether a packet would leave. */
    public boolean isForwarded() {
        return RoutingSnapshot.NO_ROUTE != nextHop && RewriteBlock.RESOLVED == RewriteBlock.state(block, 0);
    }

    /** The address that the route goes by, or null without a route. */
    public @Nullable IpAddress gateway() {
        return RoutingSnapshot.NO_ROUTE == nextHop ? null : RewriteBlock.gateway(block, 0);
    }

    /** MAC of the peer's VTEP, zero without a neighbour. */
    public MacAddress neighbourMac() {
        return mac(RewriteBlock.DESTINATION_MAC_OFFSET);
    }

    private MacAddress mac(final int offset) {
        return new MacAddress((block.getShort(offset, BIG_ENDIAN) & 0xffffL) << Integer.SIZE
                | (block.getInt(offset + Short.BYTES, BIG_ENDIAN) & 0xffff_ffffL));
    }

    /** The VNI in the VXLAN header. */
    public int vni() {
        return block.getInt(RewriteBlock.TUNNEL_HEADER_OFFSET + Integer.BYTES, BIG_ENDIAN) >>> VNI_SHIFT;
    }

    /** The peer's underlay address, or null if the packet would not leave. */
    public @Nullable IpAddress underlay() {
        return isForwarded() ? RewriteBlock.underlayAddress(block, 0) : null;
    }

    /** The peer's UDP port, or 0 if the packet would not leave. */
    public int underlayPort() {
        return RewriteBlock.underlayPort(block, 0);
    }

    /** What goes in front of the inner packet, whose IP version decides the type. */
    private String header() {
        return RewriteBlock.tunnelHeaderLength(block, 0) + " bytes in front of the packet: VXLAN flags 0x"
                + HexFormat.of().toHexDigits(block.getByte(RewriteBlock.TUNNEL_HEADER_OFFSET)) + " vni " + vni()
                + ", Ethernet from " + mac(RewriteBlock.SOURCE_MAC_OFFSET) + " to " + neighbourMac() + " type "
                + (IpFamily.IPV4 == destination.family() ? "IPv4" : "IPv6");
    }

    /** Calls with the name of each step and what it comes to, in words, in their order. */
    public void eachStep(final BiConsumer<String, String> step) {
        if (RoutingSnapshot.NO_ROUTE == nextHop) {
            step.accept("route", "none: dropped");
        } else if (isForwarded() && 0 == RewriteBlock.tunnelHeaderLength(block, 0)) {
            step.accept("route", route + " via " + gateway() + " port " + underlayPort());
            step.accept("rewrite", "next hop " + nextHop + ": nothing in front of the packet");
        } else {
            step.accept("route", route + " via " + gateway());
            eachVxlanStep(step);
        }
    }

    private void eachVxlanStep(final BiConsumer<String, String> step) {
        final int state = RewriteBlock.state(block, 0);
        if (RewriteBlock.NO_NEIGHBOUR == state) {
            step.accept("neighbour", "none for " + gateway() + ": dropped");
            return;
        }
        step.accept("neighbour", gateway() + " is at " + neighbourMac());
        if (RewriteBlock.NO_FDB == state) {
            step.accept("fdb", "none for " + neighbourMac() + ": dropped");
        } else {
            step.accept("fdb", neighbourMac() + " dst " + underlay() + " port " + underlayPort() + " vni " + vni());
            step.accept("rewrite", "next hop " + nextHop + ": " + header());
        }
    }

    /** For people: one line for each step. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(256);
        text.append(destination);
        eachStep((name, words) -> text.append("\n  ")
                .append(name)
                .append(" ".repeat(NAME_WIDTH - name.length()))
                .append(words));
        if (changesPending) {
            text.append("\n  changes wait to be published; the route above may be one of them");
        }
        return text.toString();
    }
}
