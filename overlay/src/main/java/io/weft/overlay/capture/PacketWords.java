/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.MacAddress;
import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.capture.InnerHeaders;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.IpProtocol;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.routing.Explanation;
import io.weft.routing.RewriteBlock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/** Says of captured packets what they are, and what was decided about them. One thread. */
final class PacketWords {
    private static final int VNI_SHIFT = 8;
    private static final int MAC_SHIFT = 32;
    private static final long LOW_32_BITS = 0xFFFF_FFFFL;

    private final PacketSource source;
    private final InnerHeaders headers = new InnerHeaders();

    /** What is to be added to {@link System#nanoTime} for the time since 1970. */
    private final long epochOffsetNs = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()) - System.nanoTime();

    PacketWords(final PacketSource source) {
        this.source = source;
    }

    /** What a packet is, without its way. */
    TracedPacket of(final CapturedPacket packet) {
        final InnerHeaders inner = inner(packet);
        final Map<String, Object> fields = new LinkedHashMap<>();
        fields.put(
                "time",
                Instant.EPOCH
                        .plusNanos(packet.timeNs() + epochOffsetNs)
                        .truncatedTo(ChronoUnit.MICROS)
                        .toString());
        fields.put("direction", packet.direction().label());
        fields.put("worker", packet.worker());
        if (inner.isValid()) {
            fields.put(
                    "source",
                    address(inner.isIpv4(), inner.sourceHigh(), inner.sourceLow())
                            .toString());
            fields.put("destination", destination(inner).toString());
            fields.put("protocol", protocol(inner.protocol()));
            if (inner.sourcePort() >= 0) {
                fields.put("sourcePort", inner.sourcePort());
                fields.put("destinationPort", inner.destinationPort());
            }
        }
        fields.put("length", packet.length() - packet.tunnelHeaderLength());
        fields.put("gsoSize", packet.gsoSize());
        return new TracedPacket(fields, line(fields));
    }

    private static String line(final Map<String, Object> fields) {
        final StringBuilder line = new StringBuilder(64);
        line.append(fields.get("time")).append(' ').append(fields.get("direction"));
        line.append(" worker ").append(fields.get("worker")).append(": ");
        if (fields.containsKey("source")) {
            final boolean hasPorts = fields.containsKey("sourcePort");
            line.append(fields.get("source")).append(hasPorts ? " port " + fields.get("sourcePort") : "");
            line.append(" > ").append(fields.get("destination"));
            line.append(hasPorts ? " port " + fields.get("destinationPort") : "");
            line.append(' ').append(fields.get("protocol"));
        } else {
            line.append("no IP packet");
        }
        line.append(", ").append(fields.get("length")).append(" bytes");
        if (!Integer.valueOf(0).equals(fields.get("gsoSize"))) {
            line.append(", a superframe of ").append(fields.get("gsoSize")).append(" bytes of payload to a packet");
        }
        return line.toString();
    }

    private InnerHeaders inner(final CapturedPacket packet) {
        final int hidden = Math.min(packet.tunnelHeaderLength(), packet.keptLength());
        return headers.wrap(packet.buffer(), packet.dataOffset() + hidden, packet.keptLength() - hidden);
    }

    private static IpAddress destination(final InnerHeaders inner) {
        return address(inner.isIpv4(), inner.destinationHigh(), inner.destinationLow());
    }

    private static IpAddress address(final boolean isIpv4, final long high, final long low) {
        return new IpAddress(isIpv4 ? IpFamily.IPV4 : IpFamily.IPV6, high, low);
    }

    private static String protocol(final int number) {
        return switch (number) {
            case IpProtocol.ICMP -> "icmp";
            case IpProtocol.ICMPV6 -> "icmpv6";
            case IpProtocol.TCP -> "tcp";
            case IpProtocol.UDP -> "udp";
            default -> "protocol " + number;
        };
    }

    /** Adds what was looked up or checked where a packet was taken in. */
    void addReceiver(
            final TracedPacket traced, final CapturedPacket packet, final Function<IpAddress, Explanation> tables) {
        if (Direction.INGRESS == packet.direction()) {
            addChecks(traced, packet);
        } else if (DropReason.IP_INHDR != packet.reason() && DropReason.GSO_INVALID != packet.reason()) {
            addLookup(traced, packet, tables);
        }
    }

    private void addLookup(
            final TracedPacket traced, final CapturedPacket packet, final Function<IpAddress, Explanation> tables) {
        final Explanation explanation;
        try {
            explanation = tables.apply(destination(inner(packet)));
        } catch (final CompletionException busy) {
            final Throwable cause = busy.getCause();
            traced.add("tables", "cannot be asked: " + (null == cause ? busy : cause).getMessage());
            return;
        }
        explanation.eachStep(traced::add);
        final IpAddress peer = packet.peer();
        if (null != peer && !peer.equals(explanation.underlay())) {
            traced.add("changed", "the tables are others by now: the packet went to " + peer);
        }
    }

    private void addChecks(final TracedPacket traced, final CapturedPacket packet) {
        traced.add("from", packet.peer() + " port " + packet.peerPort());
        if (packet.tunnelHeaderLength() >= RewriteBlock.TUNNEL_HEADER_LENGTH
                && packet.keptLength() >= RewriteBlock.TUNNEL_HEADER_LENGTH) {
            final DirectBuffer buffer = packet.buffer();
            final int at = packet.dataOffset();
            traced.add(
                    "tunnel",
                    "vni " + (buffer.getInt(at + Integer.BYTES, BIG_ENDIAN) >>> VNI_SHIFT) + ", from VTEP "
                            + mac(buffer, at + RewriteBlock.SOURCE_MAC_OFFSET) + " to "
                            + mac(buffer, at + RewriteBlock.DESTINATION_MAC_OFFSET));
        }
        if (null == packet.reason()) {
            traced.add("policy", "sender, source and destination are admitted");
        }
    }

    private static MacAddress mac(final DirectBuffer buffer, final int offset) {
        final long high = buffer.getShort(offset, BIG_ENDIAN) & 0xFFFFL;
        final long low = buffer.getInt(offset + Short.BYTES, BIG_ENDIAN) & LOW_32_BITS;
        return new MacAddress(high << MAC_SHIFT | low);
    }

    /** Adds which of a superframe's packets were dropped when it was cut. */
    void addDropped(final TracedPacket traced, final Map<DropReason, Integer> dropped, final int packets) {
        dropped.forEach((reason, count) -> traced.add(
                "dropped", count + " of its " + packets + " packets, " + reason + ": " + reason.description()));
    }

    /**
     * Adds what became of a packet, or of what is left of it.
     *
     * @param packets that the wire carries for it.
     */
    void addOutcome(final TracedPacket traced, final CapturedPacket packet, final int packets) {
        final @Nullable DropReason reason = packet.reason();
        if (null != reason) {
            traced.add("dropped", reason + ": " + reason.description());
            return;
        }
        final String batch = Integer.toUnsignedString(packet.batch());
        switch (packet.step()) {
            case SENT_BY_UDP -> traced.add("sent", sent(packet, packets) + " by UDP socket, in its batch " + batch);
            case SENT_BY_PACKET_SOCKET ->
                traced.add("sent", sent(packet, packets) + " by packet socket, in batch " + batch);
            case SENT_BY_OFFLOAD -> traced.add("sent", sent(packet, packets) + " unsegmented, by the offload device");
            case RECEIVED, DELIVERED, GIVEN_UP -> traced.add("delivered", delivered(packet));
        }
    }

    private String sent(final CapturedPacket packet, final int packets) {
        final int port = source.sourcePorts().get(packet.worker())[packet.socket()];
        return (packets > 1 || packet.packets() > 1 ? "as " + packets + (1 == packets ? " packet " : " packets ") : "")
                + "to " + packet.peer() + " port "
                + packet.peerPort() + " from port " + port;
    }

    private String delivered(final CapturedPacket packet) {
        return "to " + source.deviceName()
                + (packet.packets() > 1 ? ", with " + (packet.packets() - 1) + " more in one superframe" : "");
    }
}
