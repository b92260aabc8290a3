/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

/** What is known of the checksum of an inner TCP or UDP packet. */
public enum ChecksumState {
    /** There is none that weft knows how to check: another protocol, a fragment, UDP without checksum, IPv6 source routing. */
    NONE,

    /** It was computed over header and payload and is right. */
    VERIFIED,

    /**
     * The field holds the sum of the pseudo header only: the sender left it to a device to complete, and no device did,
     * since the packet never left this machine's memory. Handed to the host as it came.
     */
    PARTIAL,

    /** It was computed and is wrong. */
    WRONG
}
