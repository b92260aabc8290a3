/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A body that goes on and on, one JSON text a line. One thread reads it; any thread may close it. */
public final class ChangeStream implements AutoCloseable {
    private static final int PIECE_LENGTH = 1 << 14;

    private final BodyStream body;
    private final int lineLengthMax;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final byte[] piece = new byte[PIECE_LENGTH];

    ChangeStream(final BodyStream body, final int lineLengthMax) {
        this.body = body;
        this.lineLengthMax = lineLengthMax;
    }

    /**
     * The next line, without its end.
     *
     * @param timeoutNs how long it may be waited for.
     * @return null when none came in that time.
     * @throws EOFException when the server has ended the stream, or it was closed here.
     * @throws IOException when the connection is lost, or the line is too long.
     */
    public byte @Nullable [] next(final long timeoutNs) throws IOException, InterruptedException {
        final long deadlineNs = System.nanoTime() + timeoutNs;
        while (true) {
            final ByteBuffer bytes = body.bytes(Math.max(0, deadlineNs - System.nanoTime()));
            if (null == bytes) {
                return null;
            }
            if (isLineComplete(bytes)) {
                final byte[] complete = line.toByteArray();
                line.reset();
                return complete;
            }
        }
    }

    /** Moves bytes to the line until it has its end, or there are no more. */
    private boolean isLineComplete(final ByteBuffer bytes) throws AnswerTooLongException {
        while (bytes.hasRemaining()) {
            final int begin = bytes.position();
            final int length = Math.min(bytes.remaining(), piece.length);
            bytes.get(piece, 0, length);
            int end = 0;
            while (end < length && '\n' != piece[end]) {
                end++;
            }
            if (line.size() + end > lineLengthMax) {
                throw new AnswerTooLongException(lineLengthMax);
            }
            line.write(piece, 0, end);
            if (end < length) {
                bytes.position(begin + end + 1);
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        body.close();
    }
}
