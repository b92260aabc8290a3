/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import java.util.List;
import java.util.Locale;

/** What is measured, each with the figures that tell it best. */
public enum Measure {
    TCP1("TCP, 1 stream", Metric.GIGABITS_PER_SECOND),
    TCP4("TCP, 4 streams", Metric.GIGABITS_PER_SECOND),
    UDP64("UDP 64 B, saturated", Metric.RECEIVED_PER_SECOND),
    UDP512("UDP 512 B, saturated", Metric.RECEIVED_PER_SECOND),
    UDP1300("UDP 1300 B, saturated", Metric.RECEIVED_PER_SECOND),
    UDPGSO("UDP superframes of 48 datagrams, saturated", Metric.GIGABITS_PER_SECOND),
    FLOWS1("UDP 64 B of 1 flow, saturated", Metric.RECEIVED_PER_SECOND),
    FLOWS100("UDP 64 B of 100 flows, saturated", Metric.RECEIVED_PER_SECOND),
    FLOWS10000("UDP 64 B of 10 000 flows, saturated", Metric.RECEIVED_PER_SECOND),
    REQUESTS1(
            "Requests over 1 connection",
            Metric.ANSWERS_100B_PER_SECOND,
            Metric.ANSWERS_1KB_PER_SECOND,
            Metric.ANSWERS_10KB_PER_SECOND),
    REQUESTS64(
            "Requests over 64 connections",
            Metric.ANSWERS_100B_PER_SECOND,
            Metric.ANSWERS_1KB_PER_SECOND,
            Metric.ANSWERS_10KB_PER_SECOND),
    CONNECTIONS("Connections set up, 64 at a time", Metric.CONNECTIONS_PER_SECOND),
    LATENCY("Ping-pong 64 B", Metric.P50_US, Metric.P99_US),
    FLOOD64(
            "Ping of another pod beside UDP 64 B, 2 streams, saturated",
            Metric.P50_US,
            Metric.P99_US,
            Metric.ANSWERED_PERCENT),
    FLOOD1300(
            "Ping of another pod beside UDP 1300 B, 2 streams, saturated",
            Metric.P50_US,
            Metric.P99_US,
            Metric.ANSWERED_PERCENT),

    /** A loss-free rate by search, and latency at fractions of it. These have results of their own, not samples. */
    LOSSFREE("Loss-free rate, 64 B"),
    LOSSFREE512("Loss-free rate, 512 B"),
    LOSSFREE1300("Loss-free rate, 1300 B");

    private final String title;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable.
    private final List<Metric> headlines;

    Measure(final String title, final Metric... headlines) {
        this.title = title;
        this.headlines = List.of(headlines);
    }

    /** Whether a quick run has it. */
    boolean isQuick() {
        return switch (this) {
            case TCP1, TCP4, UDP64, UDP1300, UDPGSO, LATENCY, LOSSFREE -> true;
            default -> false;
        };
    }

    /** Whether programs of our own talk, which have to be warm as well, whatever carries their packets. */
    boolean isByPeers() {
        return UDPGSO == this || isFlows() || REQUESTS1 == this || REQUESTS64 == this || CONNECTIONS == this;
    }

    /** Whether a rate is searched, by trials, and not sampled in rounds. */
    boolean isSearched() {
        return 0 != searchedLength();
    }

    /** Bytes of each datagram whose loss-free rate is searched; 0 for what is sampled. */
    public int searchedLength() {
        return switch (this) {
            case LOSSFREE -> 64;
            case LOSSFREE512 -> 512;
            case LOSSFREE1300 -> 1300;
            default -> 0;
        };
    }

    /** What the work of daemons is divided by. */
    public Carried carried() {
        return switch (this) {
            case TCP1, TCP4, UDPGSO -> Carried.SUPERFRAME;
            default -> Carried.PACKET;
        };
    }

    private boolean isFlows() {
        return FLOWS1 == this || FLOWS100 == this || FLOWS10000 == this;
    }

    /** In words. */
    public String title() {
        return title;
    }

    /** The figures that are shown and compared. */
    public List<Metric> headlines() {
        return headlines;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
