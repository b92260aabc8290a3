/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.counters.DropReason;
import org.jspecify.annotations.Nullable;

/** One message from the underlay, and what is known of it. Reused: filled by an {@link UnderlayReceiver}. */
public final class ReceivedMessage {
    /** Why it goes no further; null if it may. */
    @Nullable
    DropReason refusal;

    /** Where in the arena it begins. */
    int offset;

    /** Bytes of all its datagrams together. */
    int length;

    /** Type of service of the datagrams; 0 if the kernel does not tell. */
    int outerTos;

    /** Bytes of each datagram but the last, by the kernel's word; 0 for a message of one datagram. */
    int segmentLength;
}
