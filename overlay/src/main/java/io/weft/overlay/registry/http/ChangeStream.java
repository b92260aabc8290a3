/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
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
 * A body that goes on and on, one JSON text a line. One thread reads it; any thread may close it. What has come and is not read yet
 * is one buffer of the HTTP client: the next is asked for when that one has been used.
 */
public final class ChangeStream implements HttpResponse.BodySubscriber<ChangeStream>, AutoCloseable {
    private final int lineLengthMax;
    private final BlockingQueue<Received> received = new LinkedBlockingQueue<>();
    private final Deque<ByteBuffer> buffers = new ArrayDeque<>();
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private volatile Flow.@Nullable Subscription subscription;

    /** What the HTTP client has handed over: bytes, or why there are no more. */
    private record Received(
            List<ByteBuffer> buffers, @Nullable IOException end) {}

    ChangeStream(final int lineLengthMax) {
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
        while (!isLineComplete()) {
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
        final byte[] complete = line.toByteArray();
        line.reset();
        return complete;
    }

    /** Moves bytes to the line until it has its end, or there are no more. */
    private boolean isLineComplete() throws AnswerTooLongException {
        for (ByteBuffer buffer = buffers.peek(); null != buffer; buffer = buffers.peek()) {
            while (buffer.hasRemaining()) {
                final byte next = buffer.get();
                if ('\n' == next) {
                    return true;
                }
                if (line.size() == lineLengthMax) {
                    throw new AnswerTooLongException(lineLengthMax);
                }
                line.write(next);
            }
            buffers.remove();
        }
        return false;
    }

    @Override
    public CompletionStage<ChangeStream> getBody() {
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
