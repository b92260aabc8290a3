/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.SuperframeCutter;

/**
 * Sends by the {@link PacketQueue} what may go that way, and all else by a UDP socket. A flow keeps its source port whichever way its
 * packets go. What went one way is sent before anything of the same peer goes the other, which within a batch is for its length alone.
 * Owned by the egress sender.
 */
final class PacketSender implements UnderlaySender {
    private final PacketQueue queue;
    private final DatagramSender socket;
    private final int index;
    private boolean hasOverlong;

    /**
     * @param queue shared by all senders of the worker.
     * @param socket for what does not go by the queue.
     * @param index of the socket among those of the worker.
     */
    PacketSender(final PacketQueue queue, final DatagramSender socket, final int index) {
        this.queue = queue;
        this.socket = socket;
        this.index = index;
    }

    /** A packet socket's vnet header has no word for a tunnel. */
    @Override
    public boolean takesUnsegmented(final EgressFrame frame) {
        return false;
    }

    @Override
    public boolean sendUnsegmented(final EgressFrame frame) {
        return false;
    }

    @Override
    public void add(final EgressFrame frame, final int length) {
        if (goesByQueue(frame, length)) {
            queue.add(frame, length, index);
        } else {
            socket.add(frame, length);
        }
    }

    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        final int longest = cutter.headersLength() + cutter.payloadLength(0);
        if (goesByQueue(frame, longest)) {
            queue.addSegment(frame, cutter, segment, index);
        } else {
            socket.addSegment(frame, cutter, segment);
        }
    }

    /** Decides, and sees to it that the other way is empty of this flow. */
    private boolean goesByQueue(final EgressFrame frame, final int length) {
        final int longest = queue.longest(frame);
        if (length <= longest) {
            if (hasOverlong) {
                hasOverlong = false;
                socket.flush();
            }
            return true;
        }
        if (longest > 0) {
            hasOverlong = true;
            queue.flush();
        }
        return false;
    }

    @Override
    public void flush() {
        queue.flush();
        socket.flush();
        hasOverlong = false;
    }
}
