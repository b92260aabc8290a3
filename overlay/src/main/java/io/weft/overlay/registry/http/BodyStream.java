/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A body as it comes, however long. One thread reads it; any thread may close it. What has come and is not read yet is one buffer of the
 * HTTP client: the next is asked for when that one has been used. As an InputStream a read fails after a
 * silence, and when a part of the body is longer than an answer may be.
 */
public final class BodyStream extends InputStream implements HttpResponse.BodySubscriber<BodyStream> {
    private final long silenceMaxNs;
    /** Bytes that were read since what they led to was last of use. */
    private long idleLength;

    private final BlockingQueue<Received> received = new LinkedBlockingQueue<>();
    private final Deque<ByteBuffer> buffers = new ArrayDeque<>();
    private volatile Flow.@Nullable Subscription subscription;

    /** What the HTTP client has handed over: bytes, or why there are no more. */
    private record Received(
            List<ByteBuffer> buffers, @Nullable IOException end) {}

    /** @param silenceMaxNs how long a read waits for more. */
    BodyStream(final long silenceMaxNs) {
        this.silenceMaxNs = silenceMaxNs;
    }

    /**
     * Bytes that have come and are not used yet; of the same buffer until that has none left.
     *
     * @param timeoutNs how long they may be waited for.
     * @return null when none came in that time.
     * @throws EOFException when the server has ended the body, or it was closed here.
     * @throws IOException when the connection is lost.
     */
    @Nullable
    ByteBuffer bytes(final long timeoutNs) throws IOException, InterruptedException {
        final long deadlineNs = System.nanoTime() + timeoutNs;
        while (true) {
            for (ByteBuffer buffer = buffers.peek(); null != buffer; buffer = buffers.peek()) {
                if (buffer.hasRemaining()) {
                    return buffer;
                }
                buffers.remove();
            }
            final Received more = received.poll(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (null == more) {
                return null;
            }
            if (null != more.end) {
                received.add(more); // for whoever asks again
                throw more.end;
            }
            buffers.addAll(more.buffers);
            final Flow.Subscription open = subscription;
            if (null != open) {
                open.request(1);
            }
        }
    }

    /** What was read is a part of its own: only the next may not be longer than an answer. */
    public void partIsRead() {
        idleLength = 0;
    }

    @Override
    public int read() throws IOException {
        final byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(final byte[] destination, final int offset, final int length) throws IOException {
        try {
            final ByteBuffer buffer = bytes(silenceMaxNs);
            if (null == buffer) {
                throw new IOException(
                        "nothing more came for " + TimeUnit.NANOSECONDS.toMillis(silenceMaxNs) + " ms in an answer");
            }
            final int count = Math.min(length, buffer.remaining());
            buffer.get(destination, offset, count);
            idleLength += count;
            if (idleLength > RegistryHttp.LENGTH_MAX) {
                throw new AnswerTooLongException(RegistryHttp.LENGTH_MAX);
            }
            return count;
        } catch (final EOFException end) {
            return -1;
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", stop);
        }
    }

    @Override
    public CompletionStage<BodyStream> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(final Flow.Subscription given) {
        subscription = given;
        given.request(1);
    }

    @Override
    public void onNext(final List<ByteBuffer> given) {
        received.add(new Received(given, null));
    }

    @Override
    public void onError(final Throwable failure) {
        received.add(new Received(
                List.of(),
                failure instanceof final IOException lost ? lost : new IOException(failure.toString(), failure)));
    }

    @Override
    public void onComplete() {
        received.add(new Received(List.of(), new EOFException("ended by the server")));
    }

    @Override
    public void close() {
        final Flow.Subscription open = subscription;
        if (null != open) {
            open.cancel();
        }
        received.add(new Received(List.of(), new EOFException("closed")));
    }
}
