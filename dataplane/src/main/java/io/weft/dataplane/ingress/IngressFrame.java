/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.Superframe;

/**
 * A frame on its way from the underlay to the host: one packet, or several joined. The fields belong to whichever of
 * receiver and sender holds the frame.
 */
final class IngressFrame {
    final Superframe superframe;
    long sequence;

    /** Slots up to here are free once this frame is written. */
    long endPosition;

    /** Whether the receiver found nothing more to receive behind it. */
    boolean isLastWaiting;

    IngressFrame(final Superframe superframe) {
        this.superframe = superframe;
    }
}
