/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/**
 * An answer in parts, to one who takes them as fast as he likes and says by the end of his side that he has enough. Lengths are in
 * network order; a length of 0 is followed by what there is to say in the end, in words.
 *
 * <pre>
 *   ok\n | length | bytes | length | bytes | ... | 0 | words
 *   error\n | words
 * </pre>
 *
 * Used by the thread that answers; {@link #close} by any.
 */
public final class AnswerStream implements AutoCloseable {
    private static final long WRITE_WAIT_MS = 1_000;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final ByteBuffer length = ByteBuffer.allocate(Integer.BYTES);
    private final ByteBuffer received = ByteBuffer.allocate(1 << 6);
    private boolean isBegun;
    private boolean isEnded;

    /** @param channel that does not block; it belongs to this from now on. */
    AnswerStream(final SocketChannel channel) throws IOException {
        this.channel = channel;
        selector = Selector.open();
        key = channel.register(selector, SelectionKey.OP_READ);
    }

    /** Says that the question is understood, and parts will follow. */
    public void begin() throws IOException {
        isBegun = true;
        write(UTF_8.encode(ControlSocket.OK));
    }

    /** Whether {@link #begin} was called. */
    boolean isBegun() {
        return isBegun;
    }

    /** Says in words why there is no answer. */
    void refuse(final String words) throws IOException {
        write(UTF_8.encode(ControlSocket.ERROR + words + '\n'));
    }

    /**
     * Writes one part, and waits until it is taken.
     *
     * @param part ready to be read; not empty.
     * @throws IOException if who asked is gone.
     */
    public void send(final ByteBuffer part) throws IOException {
        write(length.clear().putInt(part.remaining()).flip());
        write(part);
    }

    /** Says the last words. */
    public void conclude(final String words) throws IOException {
        write(length.clear().putInt(0).flip());
        write(UTF_8.encode(words));
    }

    private void write(final ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (0 == channel.write(bytes)) {
                key.interestOps(SelectionKey.OP_WRITE);
                selector.select(selected -> {}, WRITE_WAIT_MS);
            }
        }
        key.interestOps(SelectionKey.OP_READ);
    }

    /**
     * Whether who asked has enough.
     *
     * @param waitMs how long to wait for that at most; 0 for not at all.
     */
    public boolean isEnded(final long waitMs) throws IOException {
        if (!isEnded
                && (0 == waitMs ? selector.selectNow(selected -> {}) : selector.select(selected -> {}, waitMs)) > 0) {
            isEnded = channel.read(received.clear()) < 0;
        }
        return isEnded;
    }

    @Override
    public void close() throws IOException {
        channel.close();
        selector.close();
    }
}
