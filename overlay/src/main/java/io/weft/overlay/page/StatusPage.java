/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.overlay.cli.Answers;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.HttpServer;
import io.weft.overlay.ops.ListeningPort;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.ProcessIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A page that shows how this process's node is, and what it asks: the answers of {@code weft status}, {@code weft show} and
 * {@code weft explain} as JSON, out of what the node puts on record. Answers are made by one thread, which nobody else waits for, and are
 * kept a while, so that neither many browsers nor many peers take more than a small part of its time.
 */
public final class StatusPage implements ListeningPort.Listener {
    private static final System.Logger LOG = System.getLogger(StatusPage.class.getName());
    private static final String API = "/api/";
    private static final String EXPLAIN = "explain";
    private static final String HTML = "text/html; charset=utf-8";
    private static final String JSON = "application/json";
    private static final Map<String, String> JSON_HEADERS = Map.of(
            "Cache-Control",
            "no-store",
            "Cross-Origin-Resource-Policy",
            "same-origin",
            "X-Content-Type-Options",
            "nosniff");
    /** More are read by nobody, and memory is for leases. */
    private static final int PEERS_MAX = 200;

    private static final int QUESTIONS_MAX = 64;
    /** What is on record is written once a second. */
    private static final long KEPT_NS_MIN = TimeUnit.SECONDS.toNanos(1);
    /** Making answers anew takes one part in so many of the thread's time. */
    private static final int SHARE = 20;

    private final InetAddress listening;
    private final Path runDirectory;
    private final PageFile page = PageFile.load();
    private final Throughput throughput = new Throughput();
    private final Map<String, Question> questions = Map.of(
            "status", Answers::status,
            "ports", Answers::ports,
            "drops", Answers::drops,
            "agents", Answers::agents,
            "peers", daemons -> Answers.peers(daemons, PEERS_MAX),
            "throughput", daemons -> throughput.json());
    /** The page's thread alone. */
    private final Map<String, Kept> answers = new HashMap<>();

    private final ScheduledThreadPoolExecutor thread = new ScheduledThreadPoolExecutor(1, task -> {
        final Thread made = new Thread(task, "weft-page");
        made.setDaemon(true);
        return made;
    });
    private @Nullable HttpServer server;

    /** Why the last look failed, if it did. The page's thread alone. */
    private String trouble = "";

    /** Answered out of what is on record. */
    private interface Question extends Function<List<DaemonRecord>, List<Map<String, Object>>> {}

    private record Kept(HttpServer.Response response, long untilNs) {}

    private StatusPage(final InetAddress listening, final Path runDirectory) {
        this.listening = listening;
        this.runDirectory = runDirectory;
    }

    /**
     * Starts to answer.
     *
     * @param runDirectory of this process.
     * @throws StartupException when it cannot listen.
     */
    public static StatusPage start(final InetSocketAddress address, final Path runDirectory) {
        final StatusPage page = new StatusPage(address.getAddress(), runDirectory);
        final IpAddress ip = IpAddress.of(address.getAddress());
        final String place = (IpFamily.IPV6 == ip.family() ? "[" + ip + ']' : ip) + ":" + address.getPort();
        try {
            page.server = HttpServer.start("weft-page-http", address, page::respond);
        } catch (final IOException failure) {
            page.close();
            throw new StartupException(
                    "listen on --status-page=" + place + ": " + failure.getMessage()
                            + ". Choose another, or leave it away for none",
                    failure);
        }
        page.beginToLook();
        LOG.log(INFO, "status page at http://{0}/{1}", place, LogFields.of("address", place));
        return page;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // a look says by itself what fails
    private void beginToLook() {
        thread.scheduleWithFixedDelay(this::look, 0, Throughput.INTERVAL_MS, TimeUnit.MILLISECONDS);
    }

    /** The port that it listens on. */
    int port() {
        return null == server ? 0 : server.port();
    }

    private CompletionStage<HttpServer.Response> respond(final HttpServer.Request request) {
        if (!AskedHost.isOurs(request.host(), listening)) {
            return now(
                    "421 Misdirected Request",
                    "this is not " + request.host()
                            + ": ask for the page by the address it listens on, or as localhost");
        }
        if (!"GET".equals(request.method()) && !"HEAD".equals(request.method())) {
            return now("405 Method Not Allowed", "nothing can be changed here");
        }
        if ("/".equals(request.path())) {
            return CompletableFuture.completedFuture(
                    new HttpServer.Response("200 OK", HTML, page.headers(), page.html()));
        }
        final Supplier<HttpServer.Response> answer = answerTo(request);
        if (null == answer) {
            return now("404 Not Found", "not found");
        }
        if (thread.getQueue().size() > QUESTIONS_MAX) {
            return now("503 Service Unavailable", "too many questions at once");
        }
        return CompletableFuture.supplyAsync(answer, thread);
    }

    private @Nullable Supplier<HttpServer.Response> answerTo(final HttpServer.Request request) {
        if (!request.path().startsWith(API)) {
            return null;
        }
        final String name = request.path().substring(API.length());
        final Question question = questions.get(name);
        if (null != question) {
            return () -> kept(name, question);
        }
        return EXPLAIN.equals(name) ? () -> explain(parameters(request.query())) : null;
    }

    private static CompletionStage<HttpServer.Response> now(final String status, final String words) {
        return CompletableFuture.completedFuture(refusal(status, words));
    }

    private static HttpServer.Response refusal(final String status, final String words) {
        return new HttpServer.Response(status, HttpServer.TEXT, words + '\n');
    }

    private HttpServer.Response kept(final String name, final Question question) {
        final Kept kept = answers.get(name);
        final long beginNs = System.nanoTime();
        if (null != kept && beginNs - kept.untilNs < 0) {
            return kept.response;
        }
        final HttpServer.Response response = make(question);
        final long endNs = System.nanoTime();
        answers.put(name, new Kept(response, endNs + Math.max(KEPT_NS_MIN, SHARE * (endNs - beginNs))));
        return response;
    }

    private HttpServer.Response make(final Question question) {
        try {
            return json(question.apply(own()));
        } catch (final IllegalStateException damaged) {
            return refusal("503 Service Unavailable", String.valueOf(damaged.getMessage()));
        }
    }

    private static HttpServer.Response json(final Object value) {
        return new HttpServer.Response("200 OK", JSON, JSON_HEADERS, JsonOutput.of(value) + '\n');
    }

    /** This process's node; none before there is one on record. */
    private List<DaemonRecord> own() {
        final ProcessIdentity self = ProcessIdentity.own();
        return DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                .filter(daemon -> daemon.number("pid") == self.pid()
                        && daemon.number("startTicks") == self.startTicks()
                        && daemon.number("pidNamespace") == self.pidNamespace())
                .toList();
    }

    /** Takes addresses alone, for they become words of a question. */
    private HttpServer.Response explain(final Map<String, String> parameters) {
        final String wanted = parameters.getOrDefault("device", "");
        final String source = parameters.getOrDefault("from", "");
        try {
            final IpAddress destination = IpAddress.parse(parameters.getOrDefault("address", ""));
            final @Nullable IpAddress from = source.isEmpty() ? null : IpAddress.parse(source);
            for (final DaemonRecord daemon : own()) {
                for (final DeviceRecord device : daemon.devices()) {
                    if (wanted.isEmpty() || device.name().equals(wanted)) {
                        final Path socket = runDirectory.resolve(device.name() + ".sock");
                        return json(Answers.explain(daemon, socket, destination, from));
                    }
                }
            }
            return refusal("404 Not Found", "weftd has no device " + (wanted.isEmpty() ? "yet" : wanted));
        } catch (final IllegalArgumentException refused) {
            return refusal("400 Bad Request", String.valueOf(refused.getMessage()));
        } catch (final IllegalStateException damaged) {
            return refusal("503 Service Unavailable", String.valueOf(damaged.getMessage()));
        } catch (final IOException silence) {
            return refusal("503 Service Unavailable", "no answer: " + silence.getMessage());
        }
    }

    private static Map<String, String> parameters(final String query) {
        final Map<String, String> parameters = new HashMap<>();
        for (final String parameter : query.split("&", -1)) {
            final int end = parameter.indexOf('=');
            if (end > 0) {
                parameters.put(parameter.substring(0, end), decoded(parameter.substring(end + 1)));
            }
        }
        return parameters;
    }

    /** What is no good encoding is no address either. */
    private static String decoded(final String value) {
        try {
            return URLDecoder.decode(value, StandardCharsets.UTF_8).strip();
        } catch (final IllegalArgumentException wrong) {
            return value;
        }
    }

    /** One that fails is left out of what was seen. */
    private void look() {
        try {
            final Map<String, CountersRecord> devices = new LinkedHashMap<>();
            for (final DaemonRecord daemon : own()) {
                daemon.devices().forEach(device -> devices.put(device.name(), device.counters()));
            }
            throughput.look(devices, System.currentTimeMillis());
            trouble = "";
        } catch (final RuntimeException failure) {
            if (!trouble.equals(failure.toString())) {
                trouble = failure.toString();
                LOG.log(WARNING, "the status page does not see what is counted: {0}", trouble);
            }
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
        if (null != server) {
            server.close();
        }
    }
}
