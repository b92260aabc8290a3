/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.SuperframeCutter;

/**
 * Sends superframes unsegmented by the {@link OffloadQueue} where they may, and all else by a socket. A flow keeps its source port
 * whichever way its packets go, and what its socket holds is sent first. Owned by the egress sender.
 */
final class OffloadSender implements UnderlaySender {
    private final OffloadQueue queue;
    private final UnderlaySender socket;
    private final int sourcePort;

    /**
     * @param queue shared by all senders of the worker.
     * @param sourcePort that the socket is bound to.
     */
    OffloadSender(final OffloadQueue queue, final UnderlaySender socket, final int sourcePort) {
        this.queue = queue;
        this.socket = socket;
        this.sourcePort = sourcePort;
    }

    @Override
    public boolean takesUnsegmented(final EgressFrame frame) {
        return queue.takes(frame);
    }

    @Override
    public boolean sendUnsegmented(final EgressFrame frame) {
        socket.flush();
        return queue.send(frame, sourcePort);
    }

    @Override
    public void add(final EgressFrame frame, final int length) {
        socket.add(frame, length);
    }

    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        socket.addSegment(frame, cutter, segment);
    }

    @Override
    public void flush() {
        socket.flush();
    }
}
