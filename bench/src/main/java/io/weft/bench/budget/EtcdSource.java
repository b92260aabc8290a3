/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import io.weft.bench.stats.Stopwatch;
import io.weft.linux.Netns;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Leases in an etcd that runs on the node. */
final class EtcdSource implements LeaseTrial.Source {
    private static final String ETCD = "/usr/bin/etcd";
    private static final String ETCDCTL = "/usr/bin/etcdctl";
    private static final String CLIENTS = "http://127.0.0.1:2379";
    private static final String PEERS = "http://127.0.0.1:2380";
    private static final String PREFIX = "/coreos.com/network/";
    /** etcd --max-txn-ops. */
    private static final int TRANSACTION_LENGTH_MAX = 128;

    private final Node node;
    private final Process process;

    EtcdSource(final Node node, final Path directory, final Leases leases) throws IOException {
        this.node = node;
        process = Command.start(
                directory.resolve("etcd.log").toFile(),
                node.inNode(
                        ETCD,
                        "--name=one",
                        "--data-dir=" + directory.resolve("etcd"),
                        "--listen-client-urls=" + CLIENTS,
                        "--advertise-client-urls=" + CLIENTS,
                        "--listen-peer-urls=" + PEERS,
                        "--initial-advertise-peer-urls=" + PEERS,
                        "--initial-cluster=one=" + PEERS));
        try {
            Stopwatch.secondsUntil(
                    System.nanoTime(),
                    () -> "an answer of etcd",
                    () -> Command.tryRun(etcdctl("endpoint", "health")).ok());
            Netns.call(Netns.named(node.namespace()), () -> {
                putAll(leases.values());
                return true;
            });
            Command.run(etcdctl("put", PREFIX + "config", Leases.CONFIG));
        } catch (final Command.CommandException | IllegalStateException ex) {
            close();
            throw ex;
        }
    }

    /** Whether Debian's etcd is there. */
    static boolean isInstalled() {
        return Files.isExecutable(Path.of(ETCD)) && Files.isExecutable(Path.of(ETCDCTL));
    }

    private List<String> etcdctl(final String... words) {
        return Command.words(node.inNode("env", "ETCDCTL_API=3", ETCDCTL, "--endpoints=" + CLIENTS), words);
    }

    /** In transactions over the JSON gateway; one etcdctl for each would take minutes. */
    private static void putAll(final Map<String, String> leases) throws IOException, InterruptedException {
        final HttpClient http = HttpClient.newHttpClient();
        final List<String> puts = new ArrayList<>();
        for (final Iterator<Map.Entry<String, String>> rest = leases.entrySet().iterator(); rest.hasNext(); ) {
            final Map.Entry<String, String> lease = rest.next();
            puts.add("{\"request_put\":{\"key\":\"" + encode(PREFIX + "subnets/" + lease.getKey()) + "\",\"value\":\""
                    + encode(lease.getValue()) + "\"}}");
            if (TRANSACTION_LENGTH_MAX == puts.size() || !rest.hasNext()) {
                final HttpRequest request = HttpRequest.newBuilder(URI.create(CLIENTS + "/v3/kv/txn"))
                        .POST(HttpRequest.BodyPublishers.ofString("{\"success\":[" + String.join(",", puts) + "]}"))
                        .build();
                final HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
                if (200 != response.statusCode()) {
                    throw new IOException("write leases to etcd: " + response.body());
                }
                puts.clear();
            }
        }
    }

    private static String encode(final String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
    }

    @Override
    public String option() {
        return "--etcd-endpoints=" + CLIENTS;
    }

    @Override
    public void put(final String key, final String value) {
        Command.run(etcdctl("put", PREFIX + "subnets/" + key, value));
    }

    @Override
    public double referenceSeconds(final String key) {
        return Stopwatch.seconds(etcdctl("get", PREFIX + "subnets/" + key));
    }

    @Override
    public void close() {
        Command.end(process);
    }
}
