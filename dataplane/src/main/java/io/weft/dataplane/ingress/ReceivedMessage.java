/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.counters.DropReason;
import org.jspecify.annotations.Nullable;

/** One message from the underlay, and what is known of it. Reused: filled by an {@link UnderlayReceiver}. */
public final class ReceivedMessage {
    /** Why it goes no further; null if it may. */
    @Nullable
    DropReason refusal;

    /** Whether it is a piece of a datagram, of which others are to come: nothing that could be told of. */
    boolean isPart;

    /** Where in the arena it begins. */
    int offset;

    /** Bytes of all its datagrams together. */
    int length;

    /** Whether it came over IPv4. */
    boolean isIpv4;

    /** The first half of the address that it came from, as {@link io.weft.address.IpAddress#high}. */
    long sourceHigh;

    /** The second half; 0 for an IPv4 address. */
    long sourceLow;

    /** UDP port that it came from. */
    int sourcePort;

    /** Type of service of the datagrams; 0 if the kernel does not tell. */
    int outerTos;

    /** Bytes of each datagram but the last, by the kernel's word; 0 for a message of one datagram. */
    int segmentLength;

    /** Whether the kernel tells what follows; where it does not, it has to be found out from the packets. */
    boolean isTold;

    /** Payload bytes of each segment if the message is one datagram with a superframe that came unsegmented; else 0. */
    int gsoSize;

    /**
     * Where in the arena the sum begins that is to be completed, if the message is one datagram whose inner checksum was left to a
     * device; else 0.
     */
    int partialStart;
}
