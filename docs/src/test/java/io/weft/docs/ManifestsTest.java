/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Command;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.json.YamlReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The manifests of {@code deploy/}, as kustomize and Helm render them. What only a cluster can say, docs/kubernetes.md says how to ask. */
class ManifestsTest {
    private static final Path ROOT =
            Path.of(System.getProperty("weft.root", "..")).toAbsolutePath().normalize();
    private static final Path DEPLOY = ROOT.resolve("deploy");
    private static final Path DAEMON_SET = DEPLOY.resolve("weft/objects/daemonset.yaml");
    private static final Pattern BETWEEN_OBJECTS = Pattern.compile("(?m)^---$");
    private static final String CONTAINERS = "containers";

    private static JsonValue read(final Path file) throws IOException {
        return YamlReader.read(Files.readAllBytes(file), file.toString());
    }

    private static boolean isThere(final String program, final String... words) {
        return 0
                == Command.tryRun(Stream.concat(Stream.of("env", program), Stream.of(words))
                                .toList())
                        .exitCode();
    }

    /** Objects by kind and name. */
    private static Map<String, String> rendered(final String... command) {
        final Map<String, String> objects = new TreeMap<>();
        for (final String text : BETWEEN_OBJECTS.split(Command.run(List.of(command)), -1)) {
            if (!text.isBlank()) {
                final JsonValue object =
                        YamlReader.read(text.getBytes(StandardCharsets.UTF_8), String.join(" ", command));
                objects.put(
                        object.required("kind").string()
                                + ' '
                                + object.required("metadata").required("name").string(),
                        sorted(object));
            }
        }
        return objects;
    }

    /** Two texts are the same if the objects are. */
    private static String sorted(final JsonValue value) {
        final String text = value.compact();
        if (text.startsWith("{")) {
            final Map<String, String> members = new TreeMap<>();
            value.members().forEach((key, member) -> members.put(key, sorted(member)));
            return members.toString();
        }
        return text.startsWith("[")
                ? value.elements().stream().map(ManifestsTest::sorted).toList().toString()
                : text;
    }

    private static Map<String, String> byKustomize(final String base) {
        assumeTrue(isThere("kubectl", "kustomize", "--help"), "needs kubectl");
        return rendered("kubectl", "kustomize", DEPLOY.resolve(base).toString());
    }

    private static JsonValue pod() throws IOException {
        return read(DAEMON_SET).required("spec").required("template").required("spec");
    }

    private static JsonValue weftd() throws IOException {
        return pod().required(CONTAINERS).elements().get(0);
    }

    private static List<String> strings(final JsonValue array) {
        return array.elements().stream().map(JsonValue::string).toList();
    }

    @Test
    void shouldHandOverInARollout() throws IOException {
        assertEquals(
                "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":0}}",
                read(DAEMON_SET).required("spec").required("updateStrategy").compact());
        final List<JsonValue> containers =
                new ArrayList<>(pod().required(CONTAINERS).elements());
        containers.addAll(pod().required("initContainers").elements());
        for (final JsonValue container : containers) {
            // With the host's network a port is the node's, and the scheduler keeps the second pod away.
            assertNull(container.member("ports"));
        }
        // Two pods find each other by what is the host's, and know each other by their names.
        assertTrue(weftd().required("volumeMounts").compact().contains("\"mountPath\":\"/run/weft\""));
        assertTrue(weftd().required("env").compact().contains("metadata.name"));
        assertNull(pod().member("hostPID"), "weft-probe tells pods apart by their PID namespaces");
    }

    @ParameterizedTest
    @CsvSource({"startupProbe,forwards", "livenessProbe,live", "readinessProbe,ready"})
    void shouldAskThePodsOwnProcess(final String probe, final String question) throws IOException {
        final List<String> command =
                strings(weftd().required(probe).required("exec").required("command"));
        assertEquals(List.of("/usr/lib/weft/bin/weft-probe", question), command);
        assertTrue(Files.isExecutable(ROOT.resolve("bin/weft-probe")));
    }

    @Test
    void shouldHaveLeastRights() throws IOException {
        final JsonValue security = weftd().required("securityContext");
        assertEquals(
                "{\"drop\":[\"ALL\"],\"add\":[\"NET_ADMIN\",\"NET_RAW\",\"SYS_NICE\"]}",
                security.required("capabilities").compact());
        assertNull(security.member("privileged"));
        assertNull(weftd().required("resources").member("limits"), "packets would wait for CPU");
    }

    /** A container's own type may write nothing of the host's: flannel issues 709 and 1202. */
    @Test
    void shouldWriteHostsFilesWhereSelinuxIsEnforced() throws IOException {
        assertEquals(
                "{\"level\":\"s0\",\"type\":\"spc_t\"}",
                pod().required("securityContext").required("seLinuxOptions").compact());
        final List<JsonValue> containers =
                new ArrayList<>(pod().required(CONTAINERS).elements());
        containers.addAll(pod().required("initContainers").elements());
        for (final JsonValue container : containers) {
            assertNull(container.required("securityContext").member("seLinuxOptions"), "would take the pod's place");
        }
    }

    @Test
    void shouldGiveFlagsThatWeftdKnows() throws IOException {
        final String known = Files.readString(ROOT.resolve("docs/reference/weftd-flags.md"));
        for (final String flag : strings(weftd().required("args"))) {
            assertTrue(known.contains('`' + flag.replaceFirst("=.*", "") + '`'), flag);
        }
    }

    @Test
    void shouldNameOneImageOfThisVersion() throws IOException {
        final String version =
                read(DEPLOY.resolve("weft/Chart.yaml")).required("version").string();
        assertTrue(Files.readString(ROOT.resolve("pom.xml")).contains("<version>" + version + "</version>"), version);
        final String image = "weft:" + version;
        assertEquals(image, weftd().required("image").string());
        assertEquals(
                image,
                pod().required("initContainers")
                        .elements()
                        .get(0)
                        .required("image")
                        .string());
        assertTrue(Files.readString(DEPLOY.resolve("in-kube-flannel/daemonset.yaml"))
                .contains("image: " + image));
    }

    @Test
    void shouldRenderAWholeNewCluster() {
        assertEquals(
                List.of(
                        "ClusterRole weft",
                        "ClusterRoleBinding weft",
                        "ConfigMap weft",
                        "DaemonSet weft",
                        "Namespace weft",
                        "ServiceAccount weft"),
                List.copyOf(byKustomize("new-cluster").keySet()));
    }

    @Test
    void shouldLeaveFlannelsObjectsAlone() throws IOException {
        final Map<String, String> objects = byKustomize("from-flannel");
        assertEquals(
                List.of("ClusterRole weft", "ClusterRoleBinding weft", "DaemonSet weft", "ServiceAccount weft"),
                List.copyOf(objects.keySet()));
        final String daemons = objects.getOrDefault("DaemonSet weft", "");
        assertTrue(daemons.contains("configMap={name=\"kube-flannel-cfg\"}"), daemons);
        assertTrue(daemons.contains("nodeSelector={weft.io/network=\"weft\"}"), daemons);
        assertTrue(daemons.contains("--conflist-name=20-weft.conflist"), daemons);
        // Where weft is, kube-flannel is not, and the other way round.
        final JsonValue away = JsonReader.read(
                        Files.readAllBytes(DEPLOY.resolve("from-flannel/keep-kube-flannel-away.json")), "patch")
                .elements()
                .get(0)
                .required("value");
        assertEquals("{\"key\":\"weft.io/network\",\"operator\":\"NotIn\",\"values\":[\"weft\"]}", away.compact());
    }

    /** As k3s' or MicroK8s'. */
    @Test
    void shouldPutThePluginByHelmWhereTheRuntimeLooks() {
        assumeTrue(isThere("helm", "version"), "needs helm");
        final String daemons = rendered(
                        "helm",
                        "template",
                        "weft",
                        DEPLOY.resolve("weft").toString(),
                        "--set",
                        "cniBinDir=/var/lib/of/bin,cniConfDir=/var/lib/of/net.d")
                .getOrDefault("DaemonSet weft", "");
        assertTrue(daemons.contains("hostPath={path=\"/var/lib/of/bin\", type=\"DirectoryOrCreate\"}"), daemons);
        assertTrue(daemons.contains("hostPath={path=\"/var/lib/of/net.d\", type=\"DirectoryOrCreate\"}"), daemons);
        assertFalse(daemons.contains("path=\"/opt/cni/bin\""), daemons);
    }

    @ParameterizedTest
    @ValueSource(strings = {"new-cluster", "from-flannel"})
    void shouldRenderTheSameByHelm(final String base) {
        assumeTrue(isThere("helm", "version"), "needs helm");
        final boolean isNew = "new-cluster".equals(base);
        final List<String> command = new ArrayList<>(List.of(
                "helm", "template", "weft", DEPLOY.resolve("weft").toString(), "-n", isNew ? "weft" : "kube-flannel"));
        if (!isNew) {
            command.addAll(
                    List.of("-f", DEPLOY.resolve("from-flannel/values.yaml").toString()));
        }
        final Map<String, String> byHelm = rendered(command.toArray(String[]::new));
        final Map<String, String> expected = byKustomize(base);
        expected.remove("Namespace weft"); // which Helm makes by --create-namespace
        expected.replaceAll((name, object) -> withoutSpaces(object));
        byHelm.replaceAll((name, object) -> withoutSpaces(object));
        assertFalse(byHelm.isEmpty());
        assertEquals(expected, byHelm);
    }

    /** net-conf.json is a text, in which spaces mean nothing. */
    private static String withoutSpaces(final String object) {
        return object.replace(" ", "").replace("\\n", "");
    }
}
