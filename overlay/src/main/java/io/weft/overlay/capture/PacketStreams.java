/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.dataplane.capture.Capture;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.ops.AnswerStream;
import io.weft.overlay.ops.StreamAnswerer;
import java.io.IOException;

/** Has packets of one forwarder captured for as long as somebody asks for them. */
public final class PacketStreams implements StreamAnswerer {
    /** Between two looks into the ring: while packets come, and while none do. */
    private static final long BUSY_WAIT_MS = 1;

    private static final long IDLE_WAIT_MS = 10;

    private static final int BATCH = 256;

    private final PacketSource source;

    /** @param source whose packets. */
    public PacketStreams(final PacketSource source) {
        this.source = source;
    }

    @Override
    public boolean takes(final String question) {
        return CaptureQuestion.isOne(question);
    }

    @Override
    public void answer(final String text, final AnswerStream stream) throws IOException {
        final CaptureQuestion question = CaptureQuestion.parse(text);
        try (Capture capture = new Capture(question.filter(), question.snapshotLength())) {
            source.captures().add(capture);
            try {
                stream.begin();
                answer(question, capture, stream);
            } finally {
                source.captures().remove(capture);
            }
        }
    }

    private void answer(final CaptureQuestion question, final Capture capture, final AnswerStream stream)
            throws IOException {
        final PacketFile file = new PacketFile(source, question);
        boolean isEnded = false;
        boolean isBusy = true;
        long left = 0 == question.count() ? Long.MAX_VALUE : question.count();
        while (!isEnded) {
            // What is there when the end is said still belongs to it.
            isEnded = stream.isEnded(isBusy ? BUSY_WAIT_MS : IDLE_WAIT_MS);
            isBusy = false;
            int read = BATCH;
            while (BATCH == read && left > 0) {
                read = capture.read(file::add, (int) Math.min(BATCH, left));
                left -= read;
                isBusy |= read > 0;
                if (file.length() > 0) {
                    stream.send(file.take());
                }
            }
            isEnded |= 0 == left;
        }
        file.end(capture.lost());
        stream.send(file.take());
        stream.conclude(file.packets() + " packets captured, " + capture.lost() + " lost");
    }
}
