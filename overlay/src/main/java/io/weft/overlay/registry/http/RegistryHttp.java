/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import io.weft.overlay.host.ProcessLimits;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * HTTP with a registry. Every answer has a deadline for the whole of it, head and body, by the monotonic clock (the time-outs of
 * the JDK's own client end with the head, and in JDK 17 follow the clock of the wall), and a bound of its length. That there is none is
 * told up to a second after it, where name servers are slow to say which addresses the server has besides. May be used by several threads.
 */
public final class RegistryHttp {
    /** No answer and no line of a stream may be longer: what is read of it takes several times as much of the heap. */
    public static final int LENGTH_MAX = 4 << 20;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    private static final int HTTP_OK = 200;
    private static final int HTTP_CREATED = 201;
    private static final int SHOWN_LENGTH_MAX = 300;

    private final @Nullable TlsFiles tls;
    private final @Nullable HttpProxy proxy;
    private final long deadlineMs;
    private @Nullable SSLContext context;
    /** By the name that is asked for by TLS; empty for that in the URL. */
    private final Map<String, HttpClient> clients = new HashMap<>();

    private final ServerAddresses addresses;

    /**
     * A whole answer.
     *
     * @param statusCode of HTTP.
     * @param body all of it.
     * @param retryAfterS seconds that the server wants not to be asked again in (RFC 9110, 10.2.3); 0 when it has not said so.
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares answers
    public record Answer(int statusCode, byte[] body, int retryAfterS) {
        private static Answer of(final HttpResponse<?> response, final byte[] body) {
            return new Answer(
                    response.statusCode(),
                    body,
                    response.headers()
                            .firstValue("Retry-After")
                            .filter(seconds ->
                                    seconds.matches("[0-9]{1,5}")) // or a date, which nobody's clock need share
                            .map(Integer::valueOf)
                            .orElse(0));
        }

        /** True for 200 and 201. */
        public boolean isOk() {
            return HTTP_OK == statusCode || HTTP_CREATED == statusCode;
        }

        /** As much of the body as fits a message. */
        public String shownBody() {
            return new String(body, 0, Math.min(body.length, SHOWN_LENGTH_MAX), StandardCharsets.UTF_8).strip();
        }
    }

    /** Something was asked for, and refused. */
    public static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient Answer answer;

        /** @param answer that is another than 200. */
        public RefusedException(final Answer answer) {
            super("refused with " + answer.statusCode);
            this.answer = answer;
        }

        /** What came instead. */
        public Answer answer() {
            return answer;
        }
    }

    /**
     * A client that connects when it is asked.
     *
     * @param tls null for plain HTTP.
     * @param deadline for the whole of an answer, and for the head of a stream.
     */
    public RegistryHttp(final @Nullable TlsFiles tls, final Duration deadline) {
        this(tls, null, deadline);
    }

    /**
     * The same by way of a proxy.
     *
     * @param proxy null for none.
     */
    public RegistryHttp(final @Nullable TlsFiles tls, final @Nullable HttpProxy proxy, final Duration deadline) {
        this(tls, proxy, deadline, HostAddresses::of);
    }

    /** @param names all addresses of a name. */
    RegistryHttp(
            final @Nullable TlsFiles tls,
            final @Nullable HttpProxy proxy,
            final Duration deadline,
            final Function<String, List<InetAddress>> names) {
        this.tls = tls;
        this.proxy = proxy;
        deadlineMs = deadline.toMillis();
        addresses = new ServerAddresses(names);
    }

    /**
     * Sends a request and reads the whole answer.
     *
     * @throws AnswerTooLongException when it is longer than {@link #LENGTH_MAX}.
     * @throws IOException when there is none in time, or the connection fails.
     */
    public Answer call(final HttpRequest request) throws IOException, InterruptedException {
        return call(request, deadlineMs);
    }

    /**
     * The same within another time.
     *
     * @param timeoutMs for all of the answer.
     */
    public Answer call(final HttpRequest request, final long timeoutMs) throws IOException, InterruptedException {
        final HttpResponse<byte[]> response = await(request, timeoutMs, head -> new LimitedBody(LENGTH_MAX));
        return Answer.of(response, response.body());
    }

    /**
     * Opens a stream of lines.
     *
     * @throws RefusedException when the answer is another than 200.
     * @throws IOException when there is none in time, or the connection fails.
     */
    public ChangeStream open(final HttpRequest request) throws IOException, InterruptedException, RefusedException {
        return new ChangeStream(openBody(request, deadlineMs), LENGTH_MAX);
    }

    /**
     * Opens an answer that may be longer than fits the heap.
     *
     * @param headDeadlineMs for its head; then nothing may be silent longer than the deadline of answers.
     * @throws RefusedException when the answer is another than 200.
     * @throws IOException when there is none in time, or the connection fails.
     */
    public BodyStream openBody(final HttpRequest request, final long headDeadlineMs)
            throws IOException, InterruptedException, RefusedException {
        final long silenceMaxNs = TimeUnit.MILLISECONDS.toNanos(deadlineMs);
        final HttpResponse<Object> response = await(
                request,
                headDeadlineMs,
                head -> HTTP_OK == head.statusCode()
                        ? HttpResponse.BodySubscribers.mapping(new BodyStream(silenceMaxNs), stream -> stream)
                        : HttpResponse.BodySubscribers.mapping(new LimitedBody(LENGTH_MAX), body -> body));
        if (response.body() instanceof final BodyStream stream) {
            return stream;
        }
        throw new RefusedException(Answer.of(response, (byte[]) response.body()));
    }

    /** At one address of the server after the other, until one takes the connection. */
    private <T> HttpResponse<T> await(
            final HttpRequest request, final long timeoutMs, final HttpResponse.BodyHandler<T> handler)
            throws IOException, InterruptedException {
        final long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        final String host = request.uri().getHost();
        for (int tried = 1; ; tried++) {
            final InetAddress address = null == proxy ? addresses.of(host) : null;
            try {
                final HttpRequest addressed = null == address ? request : at(address, request);
                final long leftMs = TimeUnit.NANOSECONDS.toMillis(endNs - System.nanoTime());
                return await(null == address ? "" : host, addressed, Math.max(0, leftMs), timeoutMs, handler);
            } catch (final IOException failure) {
                // Also where it took a connection: the next call is to find one that answers.
                final int all = null == proxy ? addresses.next(host, address) : 0;
                if (tried >= all || !isUnconnected(failure)) {
                    throw failure;
                }
            }
        }
    }

    /** @param host as {@link #client} takes it. */
    private <T> HttpResponse<T> await(
            final String host,
            final HttpRequest request,
            final long leftMs,
            final long timeoutMs,
            final HttpResponse.BodyHandler<T> handler)
            throws IOException, InterruptedException {
        final CompletableFuture<HttpResponse<T>> pending;
        try {
            pending = client(host).sendAsync(request, handler);
        } catch (final OutOfMemoryError noThread) { // of its own it starts some now and then
            ProcessLimits.requireOfThreads(noThread);
            throw new IOException(noThread);
        }
        try {
            return pending.get(leftMs, TimeUnit.MILLISECONDS);
        } catch (final TimeoutException late) {
            throw new IOException("no whole answer within " + timeoutMs + " ms", late);
        } catch (final ExecutionException failure) {
            throw failure.getCause() instanceof final IOException cause ? cause : new IOException(failure.getCause());
        } finally {
            pending.cancel(true); // a connection with half an answer is of no more use
        }
    }

    /** Nothing was sent, so that it can be sent elsewhere. */
    private static boolean isUnconnected(final IOException failure) {
        return failure instanceof ConnectException
                || failure instanceof HttpConnectTimeoutException
                || failure instanceof NoRouteToHostException;
    }

    /** The same request, by an address in the place of the server's name, which it tells the server all the same. */
    private static HttpRequest at(final InetAddress address, final HttpRequest request) throws IOException {
        if (!System.getProperty("jdk.httpclient.allowRestrictedHeaders", "").contains("host")) {
            throw new IOException(
                    request.uri().getHost() + " is to be called by one of its addresses, which is not tried since"
                            + " WEFT_JAVA_OPTS takes back -Djdk.httpclient.allowRestrictedHeaders=host of bin/weft-java");
        }
        final URI uri = request.uri();
        final String text = address.getHostAddress();
        return HttpRequest.newBuilder(request, (name, value) -> true)
                .uri(URI.create(uri.getScheme() + "://" + (address instanceof Inet6Address ? '[' + text + ']' : text)
                        + (uri.getPort() < 0 ? "" : ":" + uri.getPort()) + uri.getRawPath()
                        + (null == uri.getRawQuery() ? "" : '?' + uri.getRawQuery())))
                .setHeader("Host", uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort()))
                .build();
    }

    /**
     * The client that knows the certificates as they are in their files now.
     *
     * @param host whose certificate is asked for, though it is called by an address; empty where the URL has its name.
     */
    private synchronized HttpClient client(final String host) {
        final SSLContext current = null == tls ? null : tls.context();
        if (current != context) {
            context = current;
            clients.clear();
        }
        return clients.computeIfAbsent(null == current ? "" : host, name -> newClient(current, name));
    }

    private HttpClient newClient(final @Nullable SSLContext current, final String host) {
        final HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .sslContext(
                        null == current
                                ? TlsFiles.withoutAny()
                                : host.isEmpty() ? current : TlsFiles.named(current, host));
        if (null != proxy) {
            builder.proxy(proxy.selector());
        }
        return builder.build();
    }
}
