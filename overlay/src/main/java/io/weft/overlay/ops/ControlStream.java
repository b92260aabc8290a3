/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The asker's side of an {@link AnswerStream}. Used by one thread; {@link #end} by any. */
public final class ControlStream implements AutoCloseable {
    private static final int PART_LENGTH_MAX = 16 << 20;

    private final SocketChannel channel;
    private final DataInputStream parts;
    private String words = "";

    private ControlStream(final SocketChannel channel) {
        this.channel = channel;
        parts = new DataInputStream(Channels.newInputStream(channel));
    }

    /**
     * Asks a daemon.
     *
     * @throws SocketTimeoutException if the daemon is there, and does not answer.
     * @throws IOException if no daemon answers there.
     * @throws IllegalArgumentException with the daemon's words if it refuses the question.
     */
    public static ControlStream open(final Path path, final String question) throws IOException {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ControlSocket.ASK_TIMEOUT_MS);
        final SocketChannel channel = ControlSocket.connect(path, deadlineNs);
        boolean isOpen = false;
        try {
            final String verdict = ask(channel, question, deadlineNs);
            channel.configureBlocking(true);
            final ControlStream stream = new ControlStream(channel);
            if (!ControlSocket.OK.equals(verdict)) {
                final String answer = verdict + new String(stream.parts.readAllBytes(), UTF_8);
                if (answer.startsWith(ControlSocket.ERROR)) {
                    throw new IllegalArgumentException(
                            answer.substring(ControlSocket.ERROR.length()).stripTrailing());
                }
                throw new IOException("the connection ended without an answer");
            }
            isOpen = true;
            return stream;
        } finally {
            if (!isOpen) {
                channel.close();
            }
        }
    }

    /** Returns what the answer begins with: as many bytes as {@link ControlSocket#OK} has, or fewer at its end. */
    private static String ask(final SocketChannel channel, final String question, final long deadlineNs)
            throws IOException {
        final ByteBuffer unsent = UTF_8.encode(question + '\n');
        final ByteBuffer verdict = ByteBuffer.allocate(ControlSocket.OK.length());
        try (Selector selector = Selector.open()) {
            final SelectionKey key = channel.register(selector, SelectionKey.OP_WRITE);
            boolean isAll = false;
            while (!isAll && verdict.hasRemaining()) {
                selector.select(selected -> {}, ControlSocket.leftMs(deadlineNs));
                if (unsent.hasRemaining()) {
                    channel.write(unsent);
                    key.interestOps(unsent.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ);
                } else {
                    isAll = channel.read(verdict) < 0;
                }
            }
        }
        return UTF_8.decode(verdict.flip()).toString();
    }

    /**
     * The next part; null after the last one.
     *
     * @throws EOFException if the daemon ended without a last word.
     */
    public byte @Nullable [] next() throws IOException {
        final int length = parts.readInt();
        if (0 == length) {
            words = new String(parts.readAllBytes(), UTF_8);
            return null;
        }
        if (length < 0 || length > PART_LENGTH_MAX) {
            throw new IOException("a part of " + length + " bytes is none that a daemon sends");
        }
        final byte[] part = new byte[length];
        parts.readFully(part);
        return part;
    }

    /** What the daemon said in the end. */
    public String words() {
        return words;
    }

    /** Tells the daemon that this is enough: what it has will still come, and its last words. */
    public void end() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
