/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

/** One message from the underlay, and what the kernel tells of it. Reused: filled by a {@link DatagramReceiver}. */
final class ReceivedMessage {
    /** Where in the arena it begins. */
    int offset;

    /** Bytes of all its datagrams together. */
    int length;

    /** Whether the kernel had more of it than the slot holds. */
    boolean isTruncated;

    /** Type of service of the datagrams; 0 if the kernel does not tell. */
    int outerTos;

    /** Bytes of each datagram but the last, by the kernel's word; 0 for a message of one datagram. */
    int segmentLength;
}
