/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.address.IpAddress;
import io.weft.dataplane.capture.Capture;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.ops.AnswerStream;
import io.weft.overlay.ops.StreamAnswerer;
import io.weft.routing.Explanation;
import java.io.IOException;

/** Has packets of one forwarder captured for as long as somebody asks for them. */
public final class PacketStreams implements StreamAnswerer {
    /** Between two looks into the ring, when it was found empty: since there was a packet, and else. */
    private static final long BUSY_WAIT_MS = 1;

    private static final long IDLE_WAIT_MS = 10;

    /** Bytes that are sent at once, and a packet more: what is gathered is memory of the daemon's for as long as the capture. */
    private static final int PART_LENGTH = 1 << 16;

    private final PacketSource source;
    private final ControlLoop loop;

    /**
     * @param source whose packets.
     * @param loop that the source's tables belong to.
     */
    public PacketStreams(final PacketSource source, final ControlLoop loop) {
        this.source = source;
        this.loop = loop;
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
        final PacketReport report = report(question);
        long waitMs = 0;
        while (!report.isEnough() && !stream.isEnded(waitMs)) {
            waitMs = sendPart(report, capture, stream);
            if (waitMs > 0) { // what is awaited is not in the ring
                report.settle();
            }
        }
        // What is there when the end is said still belongs to it, and however fast packets come, no more.
        source.captures().remove(capture);
        waitMs = 0;
        while (!report.isEnough() && 0 == waitMs) {
            waitMs = sendPart(report, capture, stream);
        }
        final String words = report.end(capture.lost());
        send(report, stream);
        stream.conclude(words);
    }

    /** Sends what is in the ring, or a part of it, and returns how long to wait with the next look; 0 if there may be more. */
    private static long sendPart(final PacketReport report, final Capture capture, final AnswerStream stream)
            throws IOException {
        boolean isAny = false;
        boolean isMore = true;
        while (isMore && report.length() < PART_LENGTH && !report.isEnough()) {
            isMore = capture.read(report::add, 1) > 0;
            isAny |= isMore;
        }
        send(report, stream);
        if (isMore) {
            return 0;
        }
        return isAny ? BUSY_WAIT_MS : IDLE_WAIT_MS;
    }

    private static void send(final PacketReport report, final AnswerStream stream) throws IOException {
        if (report.length() > 0) {
            stream.send(report.take());
        }
    }

    private PacketReport report(final CaptureQuestion question) {
        return switch (question.form()) {
            case INNER, OUTER -> new PacketFile(source, question);
            case TEXT, JSON -> new PacketTrace(source, question, this::explain);
        };
    }

    /** By the tables in use, which are the control thread's. */
    private Explanation explain(final IpAddress destination) {
        return loop.ask(() -> source.tables().explain(destination.toInetAddress()))
                .join();
    }
}
