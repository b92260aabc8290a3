/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

/** How far a packet has come when it is shown. */
public enum Step {
    /** A receiver has looked at it. */
    RECEIVED(0),

    /** The egress sender has put it into a batch of a UDP socket. */
    SENT_BY_UDP(1),

    /** The egress sender has put it into a batch of the packet socket. */
    SENT_BY_PACKET_SOCKET(2),

    /** The egress sender has handed it to the offload device, unsegmented. */
    SENT_BY_OFFLOAD(3),

    /** The ingress sender has written it to the host's device. */
    DELIVERED(4),

    /** A sender could not send it. */
    GIVEN_UP(5);

    private final int id;

    Step(final int id) {
        this.id = id;
    }

    /** Its place among all. */
    int id() {
        return id;
    }
}
