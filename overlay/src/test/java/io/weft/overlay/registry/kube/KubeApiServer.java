/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A real kube-apiserver with an etcd of its own, on the loopback. It knows the user {@code weft} by certificate, and another who calls by
 * {@link #connect}, with the rights of deploy/weft, and writes each of the former's requests to an audit log.
 */
final class KubeApiServer implements AutoCloseable {
    private static final Path PROGRAMS =
            Path.of(Objects.requireNonNullElse(System.getenv("KUBEBUILDER_ASSETS"), "/nonexistent"));
    private static final Path RIGHTS = Path.of("../deploy/weft/objects/clusterrole.yaml");

    private final Path directory;
    private final int etcdPort;
    private final int port;
    private final Process etcd;
    private @Nullable Process server;

    /**
     * Starts its etcd.
     *
     * @param directory of its files, and of {@code ca.crt}, {@code weft.crt} and {@code weft.key}.
     */
    KubeApiServer(final Path directory) throws IOException {
        this.directory = directory;
        final int peerPort;
        try (ServerSocket first = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerSocket second = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerSocket third = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            etcdPort = first.getLocalPort();
            port = second.getLocalPort();
            peerPort = third.getLocalPort();
        }
        renewCertificates().issue("accounts");
        Files.writeString(directory.resolve("tokens"), "admin,admin,admin,system:masters\nother,other,other\n");
        Files.writeString(
                directory.resolve("audit.yaml"),
                "{\"apiVersion\":\"audit.k8s.io/v1\",\"kind\":\"Policy\",\"rules\":["
                        + "{\"level\":\"Metadata\",\"users\":[\"weft\"]},{\"level\":\"None\"}]}");
        etcd = run(
                "etcd",
                "--unsafe-no-fsync",
                "--data-dir=" + directory.resolve("etcd-data"),
                "--listen-client-urls=" + etcdUrl(),
                "--advertise-client-urls=" + etcdUrl(),
                "--listen-peer-urls=http://127.0.0.1:" + peerPort);
    }

    /** Gives both users what deploy/weft gives. */
    void admitWeft() {
        kubectl("create", "-f", RIGHTS.toString());
        kubectl("create", "clusterrolebinding", "weft", "--clusterrole=weft", "--user=weft", "--user=other");
    }

    /**
     * Connects as the other user.
     *
     * @param request its first line, without the version.
     * @param rest further heads, each with its end of line, an empty line, and of the body as much as is to come.
     */
    Socket connect(final String request, final String rest) throws IOException {
        final TlsFiles tls = new TlsFiles(PemSource.ofFile("authority", directory.resolve("ca.crt")), null, null);
        final Socket socket = tls.context().getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
        socket.getOutputStream()
                .write((request + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer other\r\n" + rest)
                        .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    static boolean isInstalled() {
        return List.of("etcd", "kube-apiserver", "kubectl").stream()
                .allMatch(program -> Files.isExecutable(PROGRAMS.resolve(program)));
    }

    private String etcdUrl() {
        return "http://127.0.0.1:" + etcdPort;
    }

    int port() {
        return port;
    }

    String url() {
        return "https://127.0.0.1:" + port;
    }

    /** Makes another authority and what it signs, in the place of those that are there; the server takes them when it is started. */
    Certificates renewCertificates() {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        certificates.issueElliptic("weft");
        return certificates;
    }

    /** Starts it with the nodes that it had, and waits until it answers. */
    void start() {
        server = run(
                "kube-apiserver",
                "--etcd-servers=" + etcdUrl(),
                "--bind-address=127.0.0.1",
                "--advertise-address=192.0.2.1", // a loopback is refused, and there may be no other
                "--secure-port=" + port,
                "--service-cluster-ip-range=10.96.0.0/24",
                "--authorization-mode=RBAC",
                "--token-auth-file=" + directory.resolve("tokens"),
                "--client-ca-file=" + directory.resolve("ca.crt"),
                "--tls-cert-file=" + directory.resolve("server.crt"),
                "--tls-private-key-file=" + directory.resolve("server.key"),
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + directory.resolve("accounts.crt"),
                "--service-account-signing-key-file=" + directory.resolve("accounts.key"),
                "--audit-policy-file=" + directory.resolve("audit.yaml"),
                "--audit-log-path=" + directory.resolve("audit.log"),
                "--cert-dir=" + directory);
        Await.until(
                "kube-apiserver is ready",
                Await.TIMEOUT_MS,
                () -> 0
                        == Command.tryRun(kubectlCommand("get", "--raw", "/readyz"))
                                .exitCode());
    }

    private Process run(final String program, final String... options) {
        final List<String> command =
                new ArrayList<>(List.of(PROGRAMS.resolve(program).toString()));
        command.addAll(List.of(options));
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            directory.resolve(program + ".log").toFile()))
                    .start();
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Ends it, by which its watches end in an orderly way; takes it some seconds. */
    void stop() {
        running().destroy();
        running().onExit().join();
    }

    void kill() {
        running().destroyForcibly().onExit().join();
    }

    void freeze() {
        Command.run(List.of("kill", "-STOP", String.valueOf(running().pid())));
    }

    void thaw() {
        Command.run(List.of("kill", "-CONT", String.valueOf(running().pid())));
    }

    private Process running() {
        return Objects.requireNonNull(server);
    }

    /** Runs kubectl as one who may do all; what it wrote. */
    String kubectl(final String... words) {
        return Command.run(kubectlCommand(words)).trim();
    }

    private List<String> kubectlCommand(final String... words) {
        final List<String> command = new ArrayList<>(List.of(
                PROGRAMS.resolve("kubectl").toString(),
                "--kubeconfig=/dev/null",
                "--cache-dir=" + directory.resolve("kubectl"),
                "--server=" + url(),
                "--certificate-authority=" + directory.resolve("ca.crt"),
                "--token=admin"));
        command.addAll(List.of(words));
        return command;
    }

    /** Makes an object of this JSON. */
    void create(final String json) throws IOException {
        kubectl(
                "create",
                "-f",
                Files.writeString(directory.resolve("object.json"), json).toString());
    }

    /** The requests of {@code weft} so far, one a line. */
    List<String> requests() throws IOException {
        return Files.readAllLines(directory.resolve("audit.log"));
    }

    @Override
    public void close() {
        final Process last = server;
        if (null != last) {
            last.destroyForcibly().onExit().join();
        }
        etcd.destroyForcibly().onExit().join();
    }
}
