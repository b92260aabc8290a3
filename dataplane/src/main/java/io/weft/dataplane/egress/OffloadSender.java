/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.capture.Step;
import io.weft.encap.SuperframeCutter;

/**
 * Sends superframes unsegmented by the {@link OffloadQueue} where they may, and all else by another sender. A flow keeps its source
 * port whichever way its packets go, and what the other one holds is sent first. Owned by the egress sender.
 */
final class OffloadSender implements UnderlaySender {
    private final OffloadQueue queue;
    private final UnderlaySender sender;
    private final int sourcePort;

    /**
     * @param queue shared by all senders of the worker.
     * @param sender for all else.
     * @param sourcePort of the flows.
     */
    OffloadSender(final OffloadQueue queue, final UnderlaySender sender, final int sourcePort) {
        this.queue = queue;
        this.sender = sender;
        this.sourcePort = sourcePort;
    }

    /** What leaves unsegmented leaves at once, and nothing of its flow may be left behind. */
    @Override
    public boolean prepare(final EgressFrame frame, final int datagrams) {
        if (datagrams > 1 && queue.takes(frame)) {
            sender.flush();
        }
        return sender.prepare(frame, datagrams);
    }

    @Override
    public boolean takesUnsegmented(final EgressFrame frame) {
        return queue.takes(frame);
    }

    @Override
    public boolean sendUnsegmented(final EgressFrame frame) {
        return queue.send(frame, sourcePort);
    }

    @Override
    public void add(final EgressFrame frame, final int length) {
        sender.add(frame, length);
    }

    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        sender.addSegment(frame, cutter, segment);
    }

    @Override
    public Step step() {
        return sender.step();
    }

    @Override
    public void flush() {
        sender.flush();
    }

    @Override
    public boolean isStalled() {
        return sender.isStalled();
    }

    @Override
    public void tryAgain(final long nowNs) {
        sender.tryAgain(nowNs);
    }

    @Override
    public void onMoved(final int from, final int length, final int to) {
        sender.onMoved(from, length, to);
    }

    @Override
    public void abandon() {
        sender.abandon();
    }

    @Override
    public long batch() {
        return sender.batch();
    }

    @Override
    public int fd() {
        return sender.fd();
    }
}
