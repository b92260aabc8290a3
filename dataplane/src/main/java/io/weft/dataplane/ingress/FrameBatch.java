/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.linux.FrameBatchSink;
import io.weft.linux.MessageVector;

/** Frames for a sink that takes several at once. Owned by the ingress sender. */
final class FrameBatch {
    private static final int CAPACITY = FrameBatchSink.MAX_BATCH;

    /** What becomes of a frame. */
    interface Outcome {
        /**
         * Called once for each frame, in their order.
         *
         * @param result of the write: 0 or more, or a negative errno.
         */
        void onWritten(IngressFrame frame, int result);
    }

    private final FrameBatchSink sink;
    private final Outcome outcome;
    private final MessageVector messages = new MessageVector(CAPACITY);
    private final IngressFrame[] frames = new IngressFrame[CAPACITY];
    private int count;
    private int calls;

    FrameBatch(final FrameBatchSink sink, final Outcome outcome) {
        this.sink = sink;
        this.outcome = outcome;
        for (int i = 0; i < CAPACITY; i++) {
            messages.name(i, 0, 0);
            messages.control(i, 0, 0);
        }
    }

    /** Adds a frame, whose memory stays as it is until the flush. */
    void add(final IngressFrame frame) {
        messages.iovecs(count, frame.superframe.gatherAddress(), frame.superframe.gatherCount());
        frames[count++] = frame;
        if (CAPACITY == count) {
            flush();
        }
    }

    /** Writes all that was added. A frame that is refused does not keep those after it. */
    void flush() {
        int written = 0;
        while (written < count) {
            calls++;
            final int ended = sink.write(messages, written, count - written);
            for (int i = 0; i < ended; i++) {
                outcome.onWritten(frames[written + i], sink.writeResult(i));
            }
            written += ended;
        }
        count = 0;
    }

    /** How many calls were made since this was last asked. */
    int takeCalls() {
        final int taken = calls;
        calls = 0;
        return taken;
    }
}
