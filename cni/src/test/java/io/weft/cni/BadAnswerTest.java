/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tables of what may be wrong in what comes from outside while a pod is added: each gets a code, the value at fault and what
 * is allowed, and leaves neither address nor device nor state.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadAnswerTest {
    private static final String POD = "pod-1";

    private Path directory;
    private Node node;
    private TestNetwork network;

    @BeforeAll
    void createNode(@TempDir final Path temporary) {
        directory = temporary;
        node = new Node(directory, "1.0.0");
        network = node.network();
    }

    @BeforeEach
    void restorePlugins() {
        node.replacePlugin("bridge", "exec $REAL");
    }

    @AfterAll
    void close() {
        node.close();
    }

    /** Of an ADD that has done its work. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``                                      | 0 |   6 | the result of delegate bridge is empty",
                "oops                                    | 0 |   6 | the result of delegate bridge is malformed at line 1",
                "[]                                      | 0 |   6 | the result of delegate bridge is no JSON object",
                "{} {}                                   | 0 |   6 | goes on after its JSON object",
                "{\"ips\":                               | 0 |   6 | malformed",
                "{\"ips\":{}}                            | 0 |   6 | has ips {} allowed: an array of objects",
                "{\"ips\":[7]}                           | 0 |   6 | has ips [7]",
                "{\"ips\":[{\"address\":null}]}          | 0 |   6 | each with a string \"address\"",
                "{\"interfaces\":\"eth0\"}               | 0 |   6 | has interfaces \"eth0\"",
                "{\"interfaces\":[{}]}                   | 0 |   6 | each with a string \"name\"",
                "{\"routes\":[[]]}                       | 0 |   6 | has routes [[]]",
                "``                                      | 1 | 999 | delegate bridge failed ADD: exit code 1",
                "Segmentation fault                      | 139 | 999 | exit code 139 Segmentation fault",
                "{\"code\":123,\"msg\":\"m\",\"details\":\"d\"} | 1 | 123 | delegate bridge failed ADD: m d",
                "{\"code\":11,\"msg\":\"soon\"}          | 1 |  11 | delegate bridge failed ADD: soon",
                "{\"code\":0,\"msg\":\"m\"}              | 1 | 999 | delegate bridge failed ADD: m",
                "{\"code\":-1,\"msg\":\"m\"}             | 1 | 999 | delegate bridge failed ADD: m",
                "{\"code\":99999999999,\"msg\":\"m\"}    | 1 | 999 | delegate bridge failed ADD: m",
                "{\"code\":\"7\",\"msg\":\"m\"}          | 1 | 999 | delegate bridge failed ADD: m",
                "{\"code\":5}                            | 3 |   5 | delegate bridge failed ADD: exit code 3",
                "{\"code\":5,\"msg\":[1],\"details\":{}} | 3 |   5 | delegate bridge failed ADD: [1] {}",
            })
    void shouldUndoAndSayWhatDelegateAnswered(
            final String answer, final int exitCode, final int code, final String expected) throws IOException {
        Files.writeString(directory.resolve("answer"), answer);
        node.replacePlugin(
                "bridge",
                "[ ADD = $CNI_COMMAND ] || exec $REAL\n$REAL >/dev/null\ncat " + directory.resolve("answer") + "\nexit "
                        + exitCode);
        final Outcome failed = network.add(POD, node.pod());
        assertRefused(failed, code, expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[]                                 | is no JSON object",
                "{}                                 | has supportedVersions null (allowed: an array",
                "{\"supportedVersions\":\"1.0.0\"}  | has supportedVersions \"1.0.0\"",
            })
    void shouldReportRefusalWhenVersionAnswerIsBad(final String answer, final String expected) {
        node.replacePlugin(
                "bridge",
                "[ VERSION != $CNI_COMMAND ] || { echo '" + answer + "'; exit 0; }\n"
                        + "echo '{\"code\":1,\"msg\":\"refused\"}'; exit 1");
        final Outcome failed = network.add(POD, node.pod());
        node.replacePlugin("bridge", "exec $REAL");
        network.weftCni("DEL", POD, node.pod()).succeeded();
        assertRefused(failed, CniException.INCOMPATIBLE_VERSION, expected);
        assertTrue(failed.message().startsWith("delegate bridge failed ADD: refused"), failed.message());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "subnetFile     | 1                         | subnetFile is 1",
                "subnetFile     | \"run/subnet.env\"        | subnetFile is \"run/subnet.env\" allowed: an absolute path",
                "subnetFile     | \"/run/\\u0000\"          | subnetFile is \"/run/\\u0000\" allowed: an absolute path",
                "subnetFile     | \"/\"                     | subnetFile is /, which is no file",
                "subnetFile     | \"/dev/zero\"             | subnetFile is /dev/zero, which is no file",
                "dataDir        | {}                        | dataDir is {} allowed: an absolute path",
                "dataDir        | \"state\"                 | dataDir is \"state\" allowed: an absolute path",
                "runtimeConfig  | []                        | runtimeConfig is [] allowed: an object",
                "args           | \"a\"                     | args is \"a\" allowed: an object",
                "dns            | [\"10.0.0.10\"]           | dns is [\"10.0.0.10\"] allowed: an object",
                "timeoutSeconds | 0                         | timeoutSeconds is 0 allowed: a whole number from 1 to 3600",
                "timeoutSeconds | -1                        | timeoutSeconds is -1",
                "timeoutSeconds | 3601                      | timeoutSeconds is 3601",
                "timeoutSeconds | 1.5                       | timeoutSeconds is 1.5",
                "timeoutSeconds | 99999999999               | timeoutSeconds is 99999999999",
                "timeoutSeconds | \"90\"                    | timeoutSeconds is \"90\"",
                "delegate       | 5                         | delegate is 5 allowed: an object",
                "delegate       | {\"type\":null}           | delegate.type is null allowed: the name of a plugin",
                "delegate       | {\"type\":\"\"}           | delegate.type is \"\" allowed: the name of a plugin",
                "delegate       | {\"type\":\"a/b\"}        | delegate.type is \"a/b\", but no directory of CNI_PATH",
                "delegate       | {\"type\":\"\\u0000\"}    | delegate.type is \"\\u0000\", but no directory of CNI_PATH",
                "delegate       | {\"name\":\"x\"}          | delegate.name is \"x\", but it is not allowed there",
                "delegate       | {\"ipam\":{}}             | delegate.ipam is {}, but it is not allowed there",
                "ipam           | []                        | ipam is [] allowed: an object",
                "ipam           | {\"type\":7}              | ipam.type is 7 allowed: the name of a plugin",
                "ipam           | {\"type\":\"nowhere\"}    | ipam.type is \"nowhere\", but no directory of CNI_PATH",
                "ipam           | {\"routes\":\"x\"}        | ipam.routes is \"x\" allowed: an array of routes",
                "ipam           | {\"routes\":[\"x\"]}      | ipam.routes is [\"x\"] allowed: an array of {",
            })
    void shouldNameKeyAndValueOfConfiguration(final String key, final String value, final String expected) {
        final TestNetwork bad = new TestNetwork(directory, node.namespace(), "1.0.0", "{}").with(key, value);
        assertRefused(bad.add(POD, node.pod()), CniException.INVALID_CONFIGURATION, expected);
    }

    @ParameterizedTest
    @CsvSource({
        "plain, /plain/pod-1:eth0:adding: Not a directory",
        "plain/state, /plain/state/pod-1:eth0:adding: Not a directory",
        "dangling, /dangling: File exists"
    })
    void shouldSayInWordsWhyStateCanNotBeWritten(final String dataDir, final String expected) throws IOException {
        final Path place = Files.createTempDirectory(directory, "state");
        Files.createFile(place.resolve("plain"));
        Files.createSymbolicLink(place.resolve("dangling"), place.resolve("gone/state"));
        final TestNetwork bad = new TestNetwork(directory, node.namespace(), "1.0.0", "{}")
                .with("dataDir", "\"" + place.resolve(dataDir) + "\"");
        final Outcome failed = bad.add(POD, node.pod());
        assertRefused(failed, CniException.IO_FAILURE, place + expected);
        assertEquals(-1, failed.message().indexOf("Exception"), failed.message());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "CNI_ARGS        | x                | CNI_ARGS=\"x\" is malformed: KEY=VALUE;KEY=VALUE...",
                "CNI_ARGS        | IP=a=b           | CNI_ARGS=\"IP=a=b\" is malformed",
                "CNI_ARGS        | =b               | CNI_ARGS=\"=b\" is malformed",
                "CNI_ARGS        | IP=1.2.3.4;;A=b  | CNI_ARGS=\"IP=1.2.3.4;;A=b\" is malformed",
                "CNI_ARGS        | IP=1.2.3.4;      | CNI_ARGS=\"IP=1.2.3.4;\" is malformed",
                "CNI_IFNAME      | e\u0001th       | at most 15 bytes of ASCII",
                "CNI_IFNAME      | 0123456789abcdef | CNI_IFNAME=\"0123456789abcdef\" is malformed",
                "CNI_CONTAINERID | ../x             | CNI_CONTAINERID=\"../x\" is malformed",
                "CNI_CONTAINERID | @LONG@           | is longer than 232 bytes",
                "CNI_NETNS       | ``               | required variable missing for ADD: CNI_NETNS",
                "CNI_PATH        | ``               | required variable missing for ADD: CNI_PATH",
                "CNI_COMMAND     | ADD,DEL          | CNI_COMMAND=\"ADD,DEL\" is no operation",
            })
    void shouldNameVariableAndValue(final String variable, final String value, final String expected) {
        final Map<String, String> variables = network.variables("ADD", POD, node.pod());
        variables.put(variable, "@LONG@".equals(value) ? "x".repeat(233) : value);
        assertRefused(run(variables), CniException.INVALID_ENVIRONMENT, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/nowhere", ":::", "relative", "/dev/null"})
    void shouldNamePathWhenItHasNoPlugins(final String path) {
        final Map<String, String> variables = network.variables("ADD", POD, node.pod());
        variables.put(Invocation.PATH, path);
        assertRefused(
                run(variables), CniException.INVALID_CONFIGURATION, "CNI_PATH=\"" + path + "\" has such a plugin");
    }

    /** Values that only the delegate can judge, in its words. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "CNI_ARGS  | IP=nonsense    | nonsense",
                "CNI_ARGS  | UNKNOWN=x      | UNKNOWN",
            })
    void shouldLeaveNothingForGoodWhenDelegateRefuses(
            final String variable, final String value, final String expected) {
        final Map<String, String> variables = network.variables("ADD", POD, node.pod());
        variables.put(variable, value);
        final Outcome failed = run(variables);
        assertEquals(1, failed.exitCode(), failed.toString());
        assertTrue(failed.message().contains(expected), failed.message());
        // The runtime deletes with the same variables.
        variables.put(Invocation.COMMAND, "DEL");
        run(variables).succeeded();
        node.assertNothingLeft("after DEL");
    }

    private Outcome run(final Map<String, String> variables) {
        return PluginProcess.run(
                PluginProcess.inNamespace(
                        node.namespace().name(),
                        InstalledPlugin.binDir().resolve("weft-cni").toString()),
                variables,
                network.stdin());
    }

    private void assertRefused(final Outcome outcome, final int code, final String expected) {
        assertEquals(1, outcome.exitCode(), outcome.toString());
        assertEquals(code, outcome.code(), outcome.toString());
        assertTrue(outcome.message().contains(expected), outcome.message());
        node.assertNothingLeft("after " + outcome.message());
    }

    /** Without its device a garbage collector would take a second device of a container for one that nobody knows. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "{}",
                "[7]",
                "[{}]",
                "[{\"containerID\":\"pod-1\"}]",
                "[{\"containerID\":\"pod-1\",\"ifname\":1}]"
            })
    void shouldCollectNothingWhenValidAttachmentsAreBad(final String valid) {
        final TestNetwork collecting = new TestNetwork(directory, node.namespace(), "1.1.0", "{}")
                .with(NetworkConfig.VALID_ATTACHMENTS, valid);
        network.add(POD, node.pod()).succeeded();
        final Outcome failed = collecting.weftCni("GC", "", null);
        assertEquals(CniException.INVALID_CONFIGURATION, failed.code(), failed.toString());
        assertTrue(failed.message().contains(NetworkConfig.VALID_ATTACHMENTS), failed.message());
        assertEquals(List.of(POD), network.stateFiles());
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }
}
