/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.Claim;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.overlay.forwarding.PacketSource;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What would become of a packet to a pod of this node from one of another: by the policy in use, as the ingress receiver asks it, if
 * the node sends it that the source's subnet is of. Control thread.
 */
public final class IngressAnswer {
    /** How the line begins that stands for all, where no node is known that would send the packet. */
    public static final String NO_SENDER = "  from       no lease has ";

    private static final byte VERSION_4_WITHOUT_OPTIONS = 0x45;
    private static final byte VERSION_6 = 0x60;

    private IngressAnswer() {}

    /** The steps, a line each; one that ends in {@code : dropped} is the last. */
    public static String of(final PacketSource node, final IpAddress source, final IpAddress destination) {
        final IpAddress sender = node.tables().explain(source.toInetAddress()).underlay();
        if (null == sender) {
            return '\n' + NO_SENDER + source + ": which node would send it is not known";
        }
        final @Nullable DropReason refusal = refusal(node.policy().get(), sender, source, destination);
        return "\n  from       " + sender + ", of whose subnet " + source + " is\n  policy     "
                + (null == refusal
                        ? "sender, source and destination are admitted\n  delivered  to " + node.deviceName()
                                + ": the host brings it to the pod by its bridge"
                        : refusal + ", " + refusal.description() + ": dropped");
    }

    private static @Nullable DropReason refusal(
            final IngressPolicy policy, final IpAddress from, final IpAddress source, final IpAddress destination) {
        final Claim sender = policy.sender(IpFamily.IPV4 == from.family(), from.high(), from.low());
        final @Nullable DropReason ofSender = policy.refusal(sender);
        if (null != ofSender || !policy.isRestricting()) {
            return ofSender;
        }
        final UnsafeBuffer bytes = packet(source, destination);
        final IpPacket packet = new IpPacket();
        packet.parse(bytes, 0, bytes.capacity(), false);
        return policy.refusal(sender, bytes, packet);
    }

    /** An IP header, and nothing behind it. */
    private static UnsafeBuffer packet(final IpAddress source, final IpAddress destination) {
        final boolean isIpv4 = IpFamily.IPV4 == source.family();
        final UnsafeBuffer packet =
                new UnsafeBuffer(new byte[isIpv4 ? Ipv4Flyweight.MIN_LENGTH : Ipv6Flyweight.LENGTH]);
        packet.putByte(0, isIpv4 ? VERSION_4_WITHOUT_OPTIONS : VERSION_6);
        if (isIpv4) {
            packet.putShort(Ipv4Flyweight.TOTAL_LENGTH_OFFSET, (short) Ipv4Flyweight.MIN_LENGTH, BIG_ENDIAN);
        }
        packet.putBytes(isIpv4 ? Ipv4Flyweight.SOURCE_OFFSET : Ipv6Flyweight.SOURCE_OFFSET, source.toBytes());
        packet.putBytes(
                (isIpv4 ? Ipv4Flyweight.SOURCE_OFFSET : Ipv6Flyweight.SOURCE_OFFSET) + source.toBytes().length,
                destination.toBytes());
        return packet;
    }
}
