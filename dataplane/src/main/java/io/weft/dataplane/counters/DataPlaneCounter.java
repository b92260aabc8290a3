/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What is counted besides drops. A packet is what the wire carries: a superframe counts as the segments it is cut into
 * or was joined from. Bytes are those of the inner IP packets. Ids, labels and names of metrics are stable.
 */
public enum DataPlaneCounter {
    EGRESS_RECEIVED_PACKETS(
            100,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress received packets",
            "weft_received_packets_total",
            "packets read from the host's device"),
    EGRESS_RECEIVED_FRAMES(
            101,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress received frames",
            "weft_received_frames_total",
            "reads from the host's device that gave a frame"),
    EGRESS_FORWARDED_PACKETS(
            102,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress forwarded packets",
            "weft_forwarded_packets_total",
            "packets sent to the underlay"),
    EGRESS_FORWARDED_BYTES(
            103,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress forwarded bytes",
            "weft_forwarded_bytes_total",
            "inner IP bytes sent to the underlay"),
    EGRESS_MESSAGES(
            104,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress messages",
            "weft_messages_total",
            "socket messages sent; one carries up to a superframe of datagrams"),
    EGRESS_SEGMENTATION_FALLBACKS(
            105,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress segmentation fallbacks",
            "weft_segmentation_fallbacks_total",
            "messages of several datagrams that the way to their peer takes none of, so that they were sent one by one"),
    EGRESS_UNREACHABLES(
            106,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress unreachables",
            "weft_unreachables_total",
            "ICMP destination unreachable sent to the host"),
    EGRESS_QUEUE_FRAMES(
            107,
            Kind.GAUGE,
            Direction.EGRESS,
            "egress queue frames",
            "weft_queue_frames",
            "frames between receiver and sender"),
    EGRESS_QUEUE_PEAK(
            108,
            Kind.GAUGE,
            Direction.EGRESS,
            "egress queue peak frames",
            "weft_queue_peak_frames",
            "the most frames that were between receiver and sender"),
    EGRESS_QUEUE_FULL(
            109,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress queue full",
            "weft_queue_full_total",
            "duty cycles in which a receiver had to wait for its sender"),
    EGRESS_OFFLOADED_FRAMES(
            125,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress offloaded frames",
            "weft_offloaded_frames_total",
            "superframes handed to the host unsegmented, for a device to cut"),
    EGRESS_OFFLOAD_REFUSALS(
            126,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress offload refusals",
            "weft_offload_refusals_total",
            "superframes that the host did not take unsegmented, cut instead"),

    INGRESS_RECEIVED_PACKETS(
            110,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress received packets",
            "weft_received_packets_total",
            "datagrams received from the underlay"),
    INGRESS_MESSAGES(
            111,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress messages",
            "weft_messages_total",
            "socket messages received; one carries up to a superframe of datagrams"),
    INGRESS_PACKET_MESSAGES(
            127,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress packet messages",
            "weft_packet_messages_total",
            "of the socket messages received, those by a packet socket"),
    INGRESS_DELIVERED_PACKETS(
            112,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress delivered packets",
            "weft_delivered_packets_total",
            "packets written to the host's device"),
    INGRESS_DELIVERED_BYTES(
            113,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress delivered bytes",
            "weft_delivered_bytes_total",
            "inner IP bytes written to the host's device"),
    INGRESS_DELIVERED_FRAMES(
            114,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress delivered frames",
            "weft_delivered_frames_total",
            "writes to the host's device that took a frame"),
    INGRESS_PARTIAL_CHECKSUMS(
            115,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress partial checksums",
            "weft_partial_checksums_total",
            "packets whose inner checksum a kernel left to a device to complete"),
    INGRESS_WRONG_CHECKSUMS(
            116,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress wrong checksums",
            "weft_wrong_checksums_total",
            "packets with a wrong inner checksum, delivered for the far end to judge"),

    INGRESS_QUEUE_FRAMES(
            117,
            Kind.GAUGE,
            Direction.INGRESS,
            "ingress queue frames",
            "weft_queue_frames",
            "frames between receiver and sender"),
    INGRESS_QUEUE_PEAK(
            118,
            Kind.GAUGE,
            Direction.INGRESS,
            "ingress queue peak frames",
            "weft_queue_peak_frames",
            "the most frames that were between receiver and sender"),
    INGRESS_QUEUE_FULL(
            119,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress queue full",
            "weft_queue_full_total",
            "duty cycles in which a receiver had to wait for its sender"),

    HOST_READ_ERRORS(
            120,
            Kind.COUNTER,
            null,
            "host read errors",
            "weft_host_read_errors_total",
            "failed reads from the host's device"),
    UNDERLAY_READ_ERRORS(
            121,
            Kind.COUNTER,
            null,
            "underlay read errors",
            "weft_underlay_read_errors_total",
            "failed reads from the underlay socket"),
    AGENT_ERRORS(
            122,
            Kind.COUNTER,
            null,
            "agent errors",
            "weft_agent_errors_total",
            "exceptions that an agent survived; the log names them"),

    EGRESS_QUEUE_CAPACITY(
            123,
            Kind.GAUGE,
            Direction.EGRESS,
            "egress queue capacity frames",
            "weft_queue_capacity_frames",
            "frames that may be between receiver and sender"),
    INGRESS_QUEUE_CAPACITY(
            124,
            Kind.GAUGE,
            Direction.INGRESS,
            "ingress queue capacity frames",
            "weft_queue_capacity_frames",
            "frames that may be between receiver and sender"),

    EGRESS_HOST_LOSSES(
            128,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress host losses",
            "weft_host_losses_total",
            "frames that the host dropped on their way to weft, since they were not read in time"),
    EGRESS_PACKET_MESSAGES(
            129,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress packet messages",
            "weft_packet_messages_total",
            "of the socket messages sent, those by a packet socket"),
    EGRESS_PACKET_REFUSALS(
            130,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress packet refusals",
            "weft_packet_refusals_total",
            "batches that a packet socket refused for more than want of memory, sent by UDP instead"),
    EGRESS_CONGESTION_MARKS(
            132,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress congestion marks",
            "weft_congestion_marks_total",
            "packets marked in the place of a drop (ECN), since their flow had waited for too long"),
    EGRESS_WAITING_BYTES(
            133,
            Kind.GAUGE,
            Direction.EGRESS,
            "egress waiting bytes",
            "weft_waiting_bytes",
            "memory of frames that wait until the underlay takes more"),
    INGRESS_SUPERFRAME_REFUSALS(
            134,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress superframe refusals",
            "weft_superframe_refusals_total",
            "superframes that the host's device did not take, written packet by packet instead"),
    EGRESS_READ_CALLS(
            135,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress read calls",
            "weft_receive_calls_total",
            "calls that read from the host's device, those that found nothing included"),
    EGRESS_SEND_CALLS(
            136,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress send calls",
            "weft_send_calls_total",
            "calls that sent to the underlay, each as many messages as it took or one superframe, those that were refused included"),
    EGRESS_MOVED_BYTES(
            137,
            Kind.COUNTER,
            Direction.EGRESS,
            "egress moved bytes",
            "weft_moved_bytes_total",
            "bytes copied within weft, of frames that had to wait for the underlay"),
    INGRESS_RECEIVE_CALLS(
            138,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress receive calls",
            "weft_receive_calls_total",
            "calls that received from the underlay, those that found nothing included"),
    INGRESS_WRITE_CALLS(
            139,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress write calls",
            "weft_send_calls_total",
            "calls that wrote to the host's device, those that were refused included"),
    INGRESS_TURNS(
            140,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress turns",
            "weft_receiver_turns_total",
            "times that a data thread gave way for receivers to read what they were given"),
    INGRESS_HOST_LOSSES(
            131,
            Kind.COUNTER,
            Direction.INGRESS,
            "ingress host losses",
            "weft_host_losses_total",
            "datagrams that the host dropped at weft's socket, for its buffer was full or their outer checksum wrong; those that it had joined"
                    + " (UDP_GRO) count as one");

    /** What the number means. */
    private enum Kind {
        /** How many there were. */
        COUNTER,

        /** How many there are. */
        GAUGE
    }

    /** All ids are below this. */
    static final int ID_LIMIT = 192;

    private final int id;
    private final Kind kind;
    private final @Nullable Direction direction;
    private final String label;
    private final String metric;
    private final String description;

    DataPlaneCounter(
            final int id,
            final Kind kind,
            final @Nullable Direction direction,
            final String label,
            final String metric,
            final String description) {
        this.id = id;
        this.kind = kind;
        this.direction = direction;
        this.label = label;
        this.metric = metric;
        this.description = description;
    }

    /** The stable id. */
    public int id() {
        return id;
    }

    /** Whether it tells how many there are, and not how many there were. */
    public boolean isGauge() {
        return Kind.GAUGE == kind;
    }

    /** Which way those go that are counted; null if that does not matter. */
    public @Nullable Direction direction() {
        return direction;
    }

    /** The name in the counters file. */
    public String label() {
        return label;
    }

    /** The name of the metric, which the counters of both directions share, told apart by {@link #direction}. */
    public String metric() {
        return metric;
    }

    /** What is counted, for people. */
    public String description() {
        return description;
    }

    /** What the metric counts, for people: one text for both directions. */
    public String metricHelp() {
        final List<DataPlaneCounter> same = Arrays.stream(values())
                .filter(counter -> metric.equals(counter.metric))
                .toList();
        return same.stream().allMatch(counter -> description.equals(counter.description))
                ? description + '.'
                : same.stream().map(DataPlaneCounter::directed).collect(Collectors.joining("; ", "", "."));
    }

    private String directed() {
        return null == direction ? description : direction.label() + ": " + description;
    }
}
