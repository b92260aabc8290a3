/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.CloseAll;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kubeconfigs as kubectl, kubeadm, the kubelet and k3s write them, against a server of HTTPS. */
class KubeAccessTest {
    private static final String NODE = "/api/v1/nodes/one";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private NodeApiServer serve(final Certificates certificates, final boolean needsCertificate) throws IOException {
        final NodeApiServer api =
                resources.add(new NodeApiServer(certificates.tls("server").context(), needsCertificate));
        api.put("one", "10.244.1.0/24", Map.of());
        return api;
    }

    private NodeApiServer serve() throws IOException {
        return serve(certificates(), false);
    }

    private NodeApiServer serveInClear() throws IOException {
        final NodeApiServer api = resources.add(new NodeApiServer());
        api.put("one", "10.244.1.0/24", Map.of());
        return api;
    }

    private static String unchecked(final NodeApiServer api) {
        return "insecure-skip-tls-verify: true\nserver: " + api.uri();
    }

    private Certificates certificates() {
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        return certificates;
    }

    /** As kubectl writes it: keys in the order of the alphabet, a list's hyphen not indented. */
    private static String yaml(final String cluster, final String user) {
        return """
                apiVersion: v1
                clusters:
                - cluster:
                    server: https://192.0.2.1:6443
                  name: other
                - cluster:
                %s
                  name: kubernetes
                contexts:
                - context:
                    cluster: kubernetes
                    namespace: kube-system
                    user: weft
                  name: weft@kubernetes
                current-context: weft@kubernetes
                kind: Config
                preferences: {}
                users:
                - name: weft
                  user:
                %s
                """.formatted(cluster.indent(4).stripTrailing(), user.indent(4).stripTrailing());
    }

    private Path write(final String name, final String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static KubeClient client(final Path kubeconfig, final Map<String, String> environment) {
        return new KubeClient(KubeAccess.of(kubeconfig, "", environment));
    }

    private static KubeClient client(final Path kubeconfig) {
        return client(kubeconfig, Map.of());
    }

    private Path program(final String name, final String text) throws IOException {
        final Path file = write(name, "#!/bin/sh\n" + text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    }

    private static String base64(final byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    @Test
    void shouldFindFilesBesideTheKubeconfigThatNamesThem() throws Exception {
        final Certificates certificates = certificates();
        certificates.issueElliptic("client");
        final NodeApiServer api = serve(certificates, true);
        final Path file = write(
                "kubelet.conf",
                yaml(
                        "certificate-authority: ca.crt\nserver: " + api.uri(),
                        "client-certificate: client.crt\nclient-key: client.key"));
        assertNotNull(client(file).get(NODE));
    }

    @Test
    void shouldMergeFilesAndTakeWhatComesFirst() throws Exception {
        final Certificates certificates = certificates();
        final NodeApiServer api = serve(certificates, false);
        final Path sub = Files.createDirectory(directory.resolve("sub"));
        Files.writeString(sub.resolve("token"), "second\n");
        write("first", """
                current-context: c
                contexts: [{name: c, context: {cluster: k, user: u}}]
                clusters:
                - name: k
                  cluster: {certificate-authority: ca.crt, server: '%s'}
                """.formatted(api.uri()));
        Files.writeString(sub.resolve("second"), """
                current-context: wrong
                clusters:
                - name: k
                  cluster: {server: 'http://192.0.2.1'}
                users:
                - name: u
                  user: {tokenFile: token}
                """);
        final String list =
                directory.resolve("first") + ":" + directory.resolve("missing") + ":" + sub.resolve("second");
        new KubeClient(KubeAccess.of(null, "", Map.of("KUBECONFIG", list))).get(NODE);
        assertEquals("Bearer second", api.lastHeaders().getFirst("Authorization"));
    }

    @Test
    void shouldReachAServerByTheNameThatItsCertificateHas() throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issueFor("server", "DNS:api.internal");
        final NodeApiServer api = serve(certificates, false);
        final String cluster = "certificate-authority: ca.crt\nserver: " + api.uri();
        assertThrows(
                UnavailableException.class,
                () -> client(write("without", yaml(cluster, "token: t"))).get(NODE));
        assertNotNull(client(write("with", yaml(cluster + "\ntls-server-name: api.internal", "token: t")))
                .get(NODE));
        assertThrows(
                UnavailableException.class,
                () -> client(write("other", yaml(cluster + "\ntls-server-name: other.internal", "token: t")))
                        .get(NODE));
    }

    @Test
    void shouldBelieveAnyServerOnlyWhenItIsToldTo() throws Exception {
        final NodeApiServer api = serve(certificates(), false);
        final String cluster = "server: " + api.uri();
        assertThrows(
                UnavailableException.class,
                () -> client(write("without", yaml(cluster, "token: t"))).get(NODE));
        assertNotNull(client(write("with", yaml(cluster + "\ninsecure-skip-tls-verify: true", "token: t")))
                .get(NODE));
    }

    @Test
    void shouldAskAPluginAnewWhenItsTokenHasExpiredOrIsNotKnownAnyMore() throws Exception {
        final NodeApiServer api = serve();
        program("plugin", """
                echo run >> "$WEFT_RUNS"; n=$(wc -l < "$WEFT_RUNS"); printf '%s' "$KUBERNETES_EXEC_INFO" > "$WEFT_RUNS.info"
                [ "$1" = get-token ] && expiry=2999-01-01T00:00:00Z; [ $n = 3 ] && expiry=2001-01-01T00:00:00.5+02:00
                echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t'$n'","expirationTimestamp":"'$expiry'"}}'
                """);
        final Path runs = directory.resolve("runs");
        final KubeClient client = client(write("config", yaml(unchecked(api), """
                        exec:
                          apiVersion: client.authentication.k8s.io/v1
                          args: [get-token]
                          command: ./plugin
                          env:
                          - name: WEFT_RUNS
                            value: %s
                          installHint: install it
                          interactiveMode: IfAvailable
                          provideClusterInfo: true""".formatted(runs))));
        api.requireToken("t1");
        client.get(NODE);
        client.get(NODE);
        assertEquals(1, Files.readAllLines(runs).size(), "it is kept");
        assertEquals(
                "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"cluster\":"
                        + "{\"server\":\"" + api.uri()
                        + "\",\"insecure-skip-tls-verify\":true},\"interactive\":false}}",
                Files.readString(directory.resolve("runs.info")));
        api.requireToken("t2");
        client.get(NODE);
        api.requireToken("t3");
        client.get(NODE);
        api.requireToken("t4");
        client.get(NODE);
        assertEquals(4, Files.readAllLines(runs).size(), "t3 was expired already");
    }

    @Test
    void shouldShowTheCertificateThatAPluginMakes() throws Exception {
        final Certificates certificates = certificates();
        certificates.issueElliptic("client");
        final NodeApiServer api = serve(certificates, true);
        final String json =
                "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{"
                        + "\"clientCertificateData\":" + quoted(certificates, "client.crt") + ",\"clientKeyData\":"
                        + quoted(certificates, "client.key") + "}}";
        program("plugin", "cat <<'END'\n" + json + "\nEND\n");
        assertNotNull(client(write(
                        "config",
                        yaml(
                                "certificate-authority-data: " + base64(certificates.bytes("ca.crt")) + "\nserver: "
                                        + api.uri(),
                                "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: " + directory
                                        + "/plugin}")))
                .get(NODE));
    }

    private static String quoted(final Certificates certificates, final String file) {
        return '"' + new String(certificates.bytes(file), StandardCharsets.US_ASCII).replace("\n", "\\n") + '"';
    }

    /** As a block of YAML ends, and as most programs end what they print. */
    @Test
    void shouldShowATokenWithoutTheSpaceAroundIt() throws Exception {
        final NodeApiServer api = serve();
        client(write("config", yaml(unchecked(api), "token: |\n  abc"))).get(NODE);
        assertEquals("Bearer abc", api.lastHeaders().getFirst("Authorization"));
    }

    @Test
    void shouldSayThatATokenHasALineBreakAndNotTellIt() throws Exception {
        final NodeApiServer api = serve();
        write("token", "first-secret\nsecond-secret\n");
        final KubeClient client = client(write("config", yaml(unchecked(api), "tokenFile: token")));
        final UnavailableException failure = assertThrows(UnavailableException.class, () -> client.get(NODE));
        final String words = String.valueOf(failure.getMessage());
        assertTrue(words.contains("Authorization") && words.contains("a line break"), words);
        assertFalse(words.contains("secret"), words);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "exit 3                                        | ends with 3: no cloud. Install it from there",
                "echo '{\"kind\":\"ExecCredential\"}'; exit 0   | has no \"apiVersion\"",
                "exit 0                                        | is empty",
            })
    void shouldTellWhatAPluginSays(final String end, final String cause) throws Exception {
        final NodeApiServer api = serve();
        program("plugin", "echo no cloud >&2\n" + end + "\n");
        final KubeClient client = client(
                write(
                        "config",
                        yaml(
                                unchecked(api),
                                "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, installHint: Install it from there}")));
        final UnavailableException failure = assertThrows(UnavailableException.class, () -> client.get(NODE));
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
    }

    @Test
    void shouldSayWhoCallsInTheHead() throws Exception {
        final NodeApiServer api = serve();
        client(write("config", yaml(unchecked(api), """
                                username: one
                                password: "two"
                                as: three
                                as-groups: [four, five]
                                as-uid: "6"
                                as-user-extra: {acme.io/key: [seven]}"""))).get(NODE);
        assertEquals("Basic b25lOnR3bw==", api.lastHeaders().getFirst("Authorization"));
        assertEquals("three", api.lastHeaders().getFirst("Impersonate-User"));
        assertEquals("[four, five]", String.valueOf(api.lastHeaders().get("Impersonate-Group")));
        assertEquals("6", api.lastHeaders().getFirst("Impersonate-Uid"));
        assertEquals("seven", api.lastHeaders().getFirst("Impersonate-Extra-acme.io%2Fkey"));
        assertTrue(String.valueOf(api.lastHeaders().getFirst("User-Agent")).startsWith("weftd/"));
    }

    @Test
    void shouldCallAsAKubeconfigSaysNowAndAsItSaidWhileThatIsBroken() throws Exception {
        final NodeApiServer api = serve();
        final Path file = write("config", yaml(unchecked(api), "token: first"));
        final KubeClient client = client(file);
        client.get(NODE);
        Files.writeString(file, "clusters: [");
        client.get(NODE);
        assertEquals("Bearer first", api.lastHeaders().getFirst("Authorization"));
        Files.writeString(file, yaml(unchecked(api), "token: second"));
        client.get(NODE);
        assertEquals("Bearer second", api.lastHeaders().getFirst("Authorization"));
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void shouldGoByTheProxy(final boolean isNamedInTheFile) throws Exception {
        final Certificates certificates = new Certificates(directory);
        certificates.issueFor("server", "DNS:api.internal");
        final NodeApiServer api = serve(certificates, false);
        final TunnelProxy proxy = resources.add(new TunnelProxy(api.uri().getPort()));
        final String url = "http://me:secret@" + proxy.address();
        final String cluster = "certificate-authority: ca.crt\nserver: https://api.internal:6443";
        final KubeClient client = isNamedInTheFile
                ? client(write("config", yaml(cluster + "\nproxy-url: " + url, "token: t")))
                : client(write("config", yaml(cluster, "token: t")), Map.of("HTTPS_PROXY", url));
        assertNotNull(client.get(NODE));
        final String head = proxy.heads().get(0);
        assertTrue(head.startsWith("CONNECT api.internal:6443 HTTP/1.1\r\n"), head);
        assertTrue(
                head.contains("Proxy-Authorization: Basic " + base64("me:secret".getBytes(StandardCharsets.UTF_8))),
                head);
        assertFalse(head.contains("Bearer"), head);
        assertNull(api.lastHeaders().getFirst("Proxy-Authorization"), "the server's business it is not");
    }

    /** As a kubectl proxy is called: it tells the server itself who calls. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "contexts: [{name: c, context: {cluster: k}}]          | users: null",
                "contexts: [{name: c, context: {cluster: k, user: ''}}] | users: []",
                "contexts: [{name: c, context: {cluster: k, user: u}}] | users: [{name: u, user: null}]",
                "contexts: [{name: c, context: {cluster: k, user: u}}] | users: [{name: u}]",
                "contexts: [{name: c, context: {cluster: k, user: u}}] | users: [{name: another}]",
            })
    void shouldCallAsNobodyWhoIsNotNamed(final String contexts, final String users) throws Exception {
        final NodeApiServer api = serveInClear();
        final String clusters = "clusters: [{name: k, cluster: {server: '" + api.uri() + "'}}]";
        assertNotNull(client(write("config", String.join("\n", "current-context: c", contexts, clusters, users)))
                .get(NODE));
        assertNull(api.lastHeaders().getFirst("Authorization"));
    }

    @Test
    void shouldNameAUserWhoIsNotThereWhenTheServerAsksForOne() throws Exception {
        final Path file = write("config", """
                current-context: c
                contexts: [{name: c, context: {cluster: k, user: u}}]
                clusters: [{name: k, cluster: {server: 'https://h'}}]
                """);
        final RegistryException failure =
                assertThrows(RegistryException.class, () -> KubeAccess.of(file, "", Map.of()));
        assertTrue(String.valueOf(failure.getMessage()).contains("has no \"u\" in its users"), failure::getMessage);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "apiVersion: v1",
                "current-context: ''",
                "{current-context: c, contexts: [{name: c, context: {user: u}}], users: [{name: u}]}",
                "{current-context: c, contexts: [{name: c, context: {cluster: k}}], clusters: [{name: k, cluster: null}]}",
                "{current-context: c, contexts: [{name: c, context: null}]}",
            })
    void shouldCallTheUrlThatIsGivenWhenTheFileNamesNoServer(final String text) throws Exception {
        final NodeApiServer api = serveInClear();
        final Path file = write("config", text);
        final String url = String.valueOf(api.uri());
        assertNotNull(new KubeClient(KubeAccess.of(file, url, Map.of())).get(NODE));
        assertNotNull(new KubeClient(KubeAccess.of(file, url.replace("http://", ""), Map.of())).get(NODE));
    }

    /** The name in a kubeconfig is that of the server there, as client-go has it (tools/clientcmd/client_config.go, getCluster). */
    @Test
    void shouldCheckTheServerThatIsGivenByItsOwnName() throws Exception {
        final NodeApiServer api = serve();
        final Path file = write(
                "config", yaml("certificate-authority: ca.crt\nserver: https://h\ntls-server-name: h", "token: t"));
        assertNotNull(new KubeClient(KubeAccess.of(file, String.valueOf(api.uri()), Map.of())).get(NODE));
    }

    /** As Go's MarshalIndent writes it; JSON is YAML, and tabs between its tokens are as good as spaces. */
    @Test
    void shouldTakeJsonThatIsIndentedByTabs() throws Exception {
        final NodeApiServer api = serveInClear();
        client(write("config", """
                {
                \t"current-context":\t"c",
                \t"contexts": [{"name": "c", "context": {"cluster": "k"}}],
                \t"clusters": [
                \t\t{"name": "k", "cluster": {"server": "%s"}}
                \t]
                }
                """.formatted(api.uri()))).get(NODE);
        assertNull(api.lastHeaders().getFirst("Authorization"));
    }

    /** client-go's decoder does not look at it, and what else there is may be all that is needed. */
    @Test
    void shouldPassOverAKeyThatIsNotKnown() throws Exception {
        final NodeApiServer api = serve();
        program("plugin", """
                echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}'
                """);
        final String user =
                "{later: 1, exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1, timeout: 1}}";
        client(write("config", "later: {}\n" + yaml(unchecked(api) + "\nlater: []", user)))
                .get(NODE);
        assertEquals("Bearer t", api.lastHeaders().getFirst("Authorization"));
    }

    /** A host and its port are called by http, and nothing that is a secret is sent in clear, as client-go has it. */
    @Test
    void shouldShowNoCredentialsInClear() throws Exception {
        final NodeApiServer api = serveInClear();
        final String server = api.uri().getHost() + ':' + api.uri().getPort();
        client(write("config", yaml("server: " + server, "{token: secret, as: three}")))
                .get(NODE);
        assertNull(api.lastHeaders().getFirst("Authorization"));
        assertEquals("three", api.lastHeaders().getFirst("Impersonate-User"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "server: http://h          | auth-provider: {name: gcp}      | users[0].user.auth-provider is not supported",
                "server: http://h          | as-groups: [x]                  | users[0].user.as-groups says whom to act as in part",
                "server: http://h          | {token: t, username: u}         | users[0].user has both a token and a username",
                "server: http://h          | exec: {command: x}              | users[0].user.exec has no \"apiVersion\"",
                "server: http://h          | exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1} | is not known, must be one of",
                "server: http://h          | exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always} | nobody sits before",
                "server: h                 | token: t                        | server: \"h\" is no URL",
                "server: h:80/api          | token: t                        | server: \"h:80/api\" is no URL",
                "server: http://net_api:80 | token: t                        | server: \"http://net_api:80\" has a name with an underscore",
                "{server: http://h, proxy-url: 'socks5://p:1'} | token: t    | proxy-url: the proxy is of the kind socks5",
                "{server: https://h, insecure-skip-tls-verify: true, certificate-authority-data: aGk=} | token: t | leave one of the two away",
                "{server: https://h, insecure-skip-tls-verify: sure} | token: t | insecure-skip-tls-verify must be true or false",
                "{server: https://h, certificate-authority: missing.crt} | token: t | there is no such file",
                "server: https://h         | client-key-data: aGk=           | is of no use alone",
            })
    void shouldNameWhatItDoesNotUnderstand(final String cluster, final String user, final String cause)
            throws Exception {
        final Path file = write("config", yaml(cluster, user));
        final RegistryException failure =
                assertThrows(RegistryException.class, () -> KubeAccess.of(file, "", Map.of()));
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "a: [ | config:1:5: ",
                "a: 1 | no current-context",
                "current-context: '' | no current-context",
                "{current-context: x} | has no \"x\" in its contexts",
                "{current-context: x, current-context: y} | has no \"y\" in its contexts",
                "a: &x [*x] | nested deeper",
                "--- {}~--- {} | but found another document",
            })
    void shouldNameTheFileThatIsNoKubeconfig(final String text, final String cause) throws Exception {
        final Path file = write("config", text.replace('~', '\n'));
        final RegistryException failure =
                assertThrows(RegistryException.class, () -> KubeAccess.of(file, "", Map.of()));
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
        assertTrue(String.valueOf(failure.getMessage()).contains(file.toString()), failure::getMessage);
    }
}
