/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.overlay.registry.Certificates;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A real etcd of one member, with its data in a directory of the test. */
public final class EtcdServer implements AutoCloseable {
    private static final long START_TIMEOUT_MS = Await.TIMEOUT_MS;
    /** etcd --max-txn-ops. */
    private static final int TRANSACTION_LENGTH_MAX = 128;

    private final Path directory;
    private final String host;
    private final @Nullable Certificates certificates;
    private final List<String> options;
    private final int clientPort;
    private final int peerPort;
    private String user = "";
    private @Nullable Process process;

    /**
     * Starts it on the loopback.
     *
     * @param directory of its data and its log.
     */
    public EtcdServer(final Path directory) throws IOException {
        this(directory, "127.0.0.1", null, List.of());
    }

    /**
     * Starts it for clients that reach an address of this host.
     *
     * @param directory of its data and its log.
     * @param host an IPv4 address.
     */
    public EtcdServer(final Path directory, final String host) throws IOException {
        this(directory, host, null, List.of());
    }

    /**
     * Starts it on the loopback with TLS.
     *
     * @param directory of its data and its log.
     * @param certificates with {@code server} for itself and {@code client} for etcdctl.
     */
    public EtcdServer(final Path directory, final Certificates certificates) throws IOException {
        this(directory, "127.0.0.1", certificates, List.of());
    }

    /**
     * Starts it on the loopback with further options.
     *
     * @param directory of its data and its log.
     * @param options of its command line.
     */
    public EtcdServer(final Path directory, final List<String> options) throws IOException {
        this(directory, "127.0.0.1", null, options);
    }

    private EtcdServer(
            final Path directory,
            final String host,
            final @Nullable Certificates certificates,
            final List<String> options)
            throws IOException {
        this.options = List.copyOf(options);
        this.directory = directory;
        this.host = host;
        this.certificates = certificates;
        try (ServerSocket client = new ServerSocket(0, 1, InetAddress.getByName(host));
                ServerSocket peer = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            clientPort = client.getLocalPort();
            peerPort = peer.getLocalPort();
        }
        start();
    }

    /** True where Debian's etcd is installed. */
    public static boolean isInstalled() {
        return Files.isExecutable(Path.of("/usr/bin/etcd")) && Files.isExecutable(Path.of("/usr/bin/etcdctl"));
    }

    /** The URL of its clients. */
    public String endpoint() {
        return (null == certificates ? "http" : "https") + "://" + host + ":" + clientPort;
    }

    /** Starts it with the data that is there. */
    public void start() {
        final String peer = "http://127.0.0.1:" + peerPort;
        final List<String> command = new ArrayList<>(List.of(
                "/usr/bin/etcd",
                "--name=one",
                "--data-dir=" + directory.resolve("data"),
                "--listen-client-urls=" + endpoint(),
                "--advertise-client-urls=" + endpoint(),
                "--listen-peer-urls=" + peer,
                "--initial-advertise-peer-urls=" + peer,
                "--initial-cluster=one=" + peer));
        command.addAll(options);
        if (null != certificates) {
            command.addAll(List.of(
                    "--client-cert-auth",
                    "--trusted-ca-file=" + certificates.file("ca.crt"),
                    "--cert-file=" + certificates.file("server.crt"),
                    "--key-file=" + certificates.file("server.key")));
        }
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            directory.resolve("etcd.log").toFile()))
                    .start();
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
        Await.until(
                "etcd answers",
                START_TIMEOUT_MS,
                () -> 0 == Command.tryRun(command("endpoint", "health")).exitCode());
    }

    /** An etcdctl command for this server. */
    public List<String> command(final String... words) {
        final List<String> command =
                new ArrayList<>(List.of("env", "ETCDCTL_API=3", "/usr/bin/etcdctl", "--endpoints=" + endpoint()));
        if (null != certificates) {
            command.addAll(List.of(
                    "--cacert=" + certificates.file("ca.crt"),
                    "--cert=" + certificates.file("client.crt"),
                    "--key=" + certificates.file("client.key")));
        }
        if (!user.isEmpty()) {
            command.add("--user=" + user);
        }
        command.addAll(List.of(words));
        return command;
    }

    /** Has etcdctl say from now on who it is. */
    public void signIn(final String nameAndPassword) {
        user = nameAndPassword;
    }

    /** Runs etcdctl, which by itself gives up after 5 s. */
    public String ctl(final String... words) {
        final List<String> patient = command(words);
        patient.addAll(List.of("--dial-timeout=60s", "--command-timeout=60s"));
        return Command.run(patient).trim();
    }

    /** Puts many keys, in transactions over the JSON gateway. To be called in the server's network namespace. */
    public void putAll(final Map<String, String> values) throws IOException, InterruptedException {
        final HttpClient http = HttpClient.newHttpClient();
        final List<String> puts = new ArrayList<>();
        for (final Iterator<Map.Entry<String, String>> rest = values.entrySet().iterator(); rest.hasNext(); ) {
            final Map.Entry<String, String> entry = rest.next();
            puts.add("{\"request_put\":{\"key\":\"" + EtcdClient.encode(entry.getKey()) + "\",\"value\":\""
                    + EtcdClient.encode(entry.getValue()) + "\"}}");
            if (TRANSACTION_LENGTH_MAX == puts.size() || !rest.hasNext()) {
                final HttpResponse<String> response = http.send(
                        HttpRequest.newBuilder(URI.create(endpoint() + "/v3/kv/txn"))
                                .POST(HttpRequest.BodyPublishers.ofString(
                                        "{\"success\":[" + String.join(",", puts) + "]}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                if (200 != response.statusCode()) {
                    throw new IOException(response.body());
                }
                puts.clear();
            }
        }
    }

    /** Sends it a signal. */
    public void signal(final String name) {
        final Process running = process;
        if (null != running) {
            Command.run(List.of("kill", "-" + name, String.valueOf(running.pid())));
        }
    }

    /** Kills it without notice. */
    public void kill() {
        final Process running = process;
        if (null != running) {
            running.destroyForcibly().onExit().join();
        }
    }

    /** Kills it and takes its data away. */
    public void wipe() {
        kill();
        Command.run(List.of("rm", "-r", directory.resolve("data").toString()));
    }

    @Override
    public void close() {
        final Process running = process;
        if (null != running) {
            running.destroyForcibly().onExit().join();
        }
    }
}
