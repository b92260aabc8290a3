/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

/**
 * What is counted besides drops. A packet is what the wire carries: a superframe counts as the segments it is cut into
 * or was joined from. Bytes are those of the inner IP packets. Ids are stable.
 */
public enum DataPlaneCounter {
    EGRESS_RECEIVED_PACKETS(100, "egress received packets", "packets read from the host's device"),
    EGRESS_RECEIVED_FRAMES(101, "egress received frames", "reads from the host's device that gave a frame"),
    EGRESS_FORWARDED_PACKETS(102, "egress forwarded packets", "packets sent to the underlay"),
    EGRESS_FORWARDED_BYTES(103, "egress forwarded bytes", "inner IP bytes sent to the underlay"),
    EGRESS_MESSAGES(104, "egress messages", "socket messages sent; one carries up to a superframe of datagrams"),
    EGRESS_SEGMENTATION_FALLBACKS(
            105, "egress segmentation fallbacks", "sockets that refused UDP_SEGMENT and send one by one since"),
    EGRESS_UNREACHABLES(106, "egress unreachables", "ICMP destination unreachable sent to the host"),
    EGRESS_QUEUE_FRAMES(107, "egress queue frames", "frames between receiver and sender"),
    EGRESS_QUEUE_PEAK(108, "egress queue peak frames", "the most frames that were between receiver and sender"),
    EGRESS_QUEUE_FULL(109, "egress queue full", "duty cycles in which a receiver had to wait for its sender"),
    EGRESS_OFFLOADED_FRAMES(
            125, "egress offloaded frames", "superframes handed to the host whole, for a device to cut"),
    EGRESS_OFFLOAD_REFUSALS(
            126, "egress offload refusals", "superframes that the host did not take whole, cut instead"),

    INGRESS_RECEIVED_PACKETS(110, "ingress received packets", "datagrams received from the underlay"),
    INGRESS_MESSAGES(111, "ingress messages", "socket messages received; one carries up to a superframe of datagrams"),
    INGRESS_DELIVERED_PACKETS(112, "ingress delivered packets", "packets written to the host's device"),
    INGRESS_DELIVERED_BYTES(113, "ingress delivered bytes", "inner IP bytes written to the host's device"),
    INGRESS_DELIVERED_FRAMES(114, "ingress delivered frames", "writes to the host's device that took a frame"),
    INGRESS_PARTIAL_CHECKSUMS(
            115, "ingress partial checksums", "packets whose inner checksum a kernel left to a device to complete"),
    INGRESS_WRONG_CHECKSUMS(
            116, "ingress wrong checksums", "packets with a wrong inner checksum, delivered for the far end to judge"),

    INGRESS_QUEUE_FRAMES(117, "ingress queue frames", "frames between receiver and sender"),
    INGRESS_QUEUE_PEAK(118, "ingress queue peak frames", "the most frames that were between receiver and sender"),
    INGRESS_QUEUE_FULL(119, "ingress queue full", "duty cycles in which a receiver had to wait for its sender"),

    HOST_READ_ERRORS(120, "host read errors", "failed reads from the host's device"),
    UNDERLAY_READ_ERRORS(121, "underlay read errors", "failed reads from the underlay socket"),
    AGENT_ERRORS(122, "agent errors", "exceptions that an agent survived; the log names them"),

    EGRESS_QUEUE_CAPACITY(123, "egress queue capacity frames", "frames that may be between receiver and sender"),
    INGRESS_QUEUE_CAPACITY(124, "ingress queue capacity frames", "frames that may be between receiver and sender");

    /** All ids are below this. */
    static final int ID_LIMIT = 128;

    private final int id;
    private final String label;
    private final String description;

    DataPlaneCounter(final int id, final String label, final String description) {
        this.id = id;
        this.label = label;
        this.description = description;
    }

    /** Whether it tells how many there are, and not how many there were. */
    public boolean isGauge() {
        return switch (this) {
            case EGRESS_QUEUE_FRAMES,
                    EGRESS_QUEUE_PEAK,
                    EGRESS_QUEUE_CAPACITY,
                    INGRESS_QUEUE_FRAMES,
                    INGRESS_QUEUE_PEAK,
                    INGRESS_QUEUE_CAPACITY -> true;
            default -> false;
        };
    }

    /** The stable id. */
    public int id() {
        return id;
    }

    /** The name in the counters file. */
    public String label() {
        return label;
    }

    /** What is counted, for people. */
    public String description() {
        return description;
    }
}
