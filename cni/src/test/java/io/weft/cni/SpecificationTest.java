/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The specification's rules for what a runtime may get wrong, on the installed plugin as a process. */
class SpecificationTest {
    @TempDir
    Path directory;

    private Path subnetFile;

    @BeforeEach
    void writeSubnetEnv() throws IOException {
        subnetFile = directory.resolve("subnet.env");
        Files.writeString(subnetFile, """
                FLANNEL_NETWORK=10.42.0.0/16
                FLANNEL_SUBNET=10.42.1.1/24
                FLANNEL_MTU=1450
                FLANNEL_IPMASQ=true
                """);
    }

    static Stream<Arguments> commandsAndVersions() {
        final List<Arguments> all = new ArrayList<>();
        for (final Command command : Command.values()) {
            for (final SpecVersion version : SpecVersion.values()) {
                all.add(Arguments.of(command, version));
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("commandsAndVersions")
    @RequiresRoot
    void shouldAnswerByVersionWhenNothingIsAttached(final Command command, final SpecVersion version) {
        final Outcome outcome;
        try (NetworkNamespace node = NetworkNamespace.create("node")) {
            outcome = PluginProcess.weftCni(node, PluginProcess.variables(command.name(), "pod"), config(version, ""));
        }
        if (command != Command.VERSION && version.isBefore(command.since())) {
            assertError(outcome, version, CniException.INCOMPATIBLE_VERSION, version.text(), command.name());
            return;
        }
        switch (command) {
            case ADD ->
                assertError(outcome, version, CniException.INVALID_ENVIRONMENT, "CNI_NETNS=\"/run/netns/none\"");
            case CHECK -> assertError(outcome, version, CniException.UNKNOWN_CONTAINER, "CNI_CONTAINERID=\"pod\"");
            case GC ->
                assertError(outcome, version, CniException.INVALID_CONFIGURATION, NetworkConfig.VALID_ATTACHMENTS);
            case DEL, STATUS -> assertEquals(new Outcome(0, "", ""), outcome);
            case VERSION -> {
                assertEquals(0, outcome.exitCode());
                assertEquals(
                        "{\"cniVersion\":\"" + version.text()
                                + "\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}",
                        outcome.output());
            }
        }
        assertEquals(List.of(), stateFiles());
    }

    @ParameterizedTest
    @CsvSource({
        "ADD, CNI_CONTAINERID",
        "ADD, CNI_NETNS",
        "ADD, CNI_IFNAME",
        "ADD, CNI_PATH",
        "DEL, CNI_CONTAINERID",
        "DEL, CNI_IFNAME",
        "DEL, CNI_PATH",
        "CHECK, CNI_CONTAINERID",
        "CHECK, CNI_NETNS",
        "CHECK, CNI_IFNAME",
        "CHECK, CNI_PATH",
        "GC, CNI_PATH",
        "STATUS, CNI_PATH",
        "ADD, CNI_COMMAND"
    })
    void shouldNameVariableWhenItIsMissing(final String command, final String variable) {
        final Map<String, String> variables = PluginProcess.variables(command, "pod");
        variables.remove(variable);
        final Outcome missing = PluginProcess.weftCni(variables, config(SpecVersion.V1_1_0, ""));
        assertError(missing, SpecVersion.V1_1_0, CniException.INVALID_ENVIRONMENT, variable);
    }

    @Test
    void shouldNameAllVariablesWhenSeveralAreMissing() {
        final Map<String, String> variables = Map.of(Invocation.COMMAND, "ADD", Invocation.IFNAME, "eth0");
        final Outcome outcome = PluginProcess.weftCni(variables, config(SpecVersion.V1_1_0, ""));
        assertError(
                outcome, SpecVersion.V1_1_0, CniException.INVALID_ENVIRONMENT, "CNI_CONTAINERID, CNI_NETNS, CNI_PATH");
    }

    @ParameterizedTest
    @CsvSource({
        "CNI_COMMAND, add",
        "CNI_COMMAND, UPDATE",
        "CNI_CONTAINERID, ../etc/passwd",
        "CNI_CONTAINERID, .hidden",
        "CNI_CONTAINERID, a b",
        "CNI_CONTAINERID, a:eth0",
        "CNI_IFNAME, sixteen-bytes-xx",
        "CNI_IFNAME, a/b",
        "CNI_IFNAME, a:b",
        "CNI_IFNAME, 'a b'",
        "CNI_IFNAME, .",
        "CNI_IFNAME, .."
    })
    void shouldNameVariableAndValueWhenItIsMalformed(final String variable, final String value) {
        final Map<String, String> variables = PluginProcess.variables("ADD", "pod");
        variables.put(variable, value);
        final Outcome outcome = PluginProcess.weftCni(variables, config(SpecVersion.V1_0_0, ""));
        assertError(outcome, SpecVersion.V1_0_0, CniException.INVALID_ENVIRONMENT, variable + "=\"" + value + "\"");
    }

    static Stream<Arguments> undecodable() {
        return Stream.of(
                Arguments.of("", "empty"),
                Arguments.of("[]", "no JSON object"),
                Arguments.of("nonsense", "line 1"),
                Arguments.of("{\"cniVersion\":\"1.0.0\",", "malformed"),
                Arguments.of("{\"cniVersion\":\"1.0.0\"} {}", "goes on"),
                Arguments.of("{\"a\":\"\u0001\"}", "malformed"),
                Arguments.of("{\"a\":1e99999999999}", "a number is too large"),
                Arguments.of("{\"a\":" + "[".repeat(2000), "malformed"));
    }

    @ParameterizedTest
    @MethodSource("undecodable")
    void shouldSayWhereWhenConfigurationIsNoJson(final String stdin, final String expected) {
        for (final String command : List.of("ADD", "DEL")) {
            final Outcome outcome = run(command, stdin);
            assertError(outcome, SpecVersion.NEWEST, CniException.DECODING_FAILURE, expected);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{`name`:`n`,`cniVersion`:`0.2.1`}          | 1 | cniVersion is `0.2.1` allowed: 0.1.0, 0.2.0, 0.3.0",
                "{`name`:`n`,`cniVersion`:`2.0.0`}          | 1 | cniVersion is `2.0.0`",
                "{`name`:`n`,`cniVersion`:1}                | 1 | cniVersion is 1",
                "{`cniVersion`:`1.0.0`}                     | 7 | name is missing",
                "{`cniVersion`:`1.0.0`,`name`:``}           | 7 | name is ``",
                "{`cniVersion`:`1.0.0`,`name`:`a/b`}        | 7 | name is `a/b`",
                "{`cniVersion`:`1.0.0`,`name`:5}            | 7 | name is 5",
            })
    void shouldNameKeyAndValueWhenEveryPluginWouldRefuseIt(final String config, final int code, final String expected) {
        assertRefused(config, code, expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "\"subnetFile\":1                       | 7 | subnetFile is 1",
                "\"dataDir\":[]                         | 7 | dataDir is []",
                "\"runtimeConfig\":\"x\"                | 7 | runtimeConfig is \"x\"",
                "\"ipam\":true                          | 7 | ipam is true",
                "\"ipam\":{\"routes\":{}}               | 7 | ipam.routes is {}",
                "\"delegate\":[1.5]                     | 7 | delegate is [1.5]",
                "\"delegate\":{\"name\":\"x\"}          | 7 | delegate.name is \"x\"",
                "\"delegate\":{\"ipam\":{\"a\":null}}   | 7 | delegate.ipam is {\"a\":null}",
                "\"delegate\":{\"type\":7}              | 7 | delegate.type is 7",
                "\"delegate\":{\"type\":\"nowhere\"}    | 7 | delegate.type is \"nowhere\"",
                "\"delegate\":{\"type\":\"../bridge\"}  | 7 | delegate.type is \"../bridge\"",
            })
    void shouldNameKeyAndValueWhenNotAllowed(final String members, final int code, final String expected) {
        assertRefused(config(SpecVersion.V1_0_0, members), code, expected);
    }

    private void assertRefused(final String config, final int code, final String expected) {
        final Outcome outcome = run("ADD", config.replace('`', '"'));
        assertEquals(code, outcome.code(), outcome.toString());
        assertTrue(outcome.message().contains(expected.replace('`', '"')), outcome.message());
        assertEquals(1, outcome.exitCode());
        assertEquals(List.of(), stateFiles());
    }

    @ParameterizedTest
    @EnumSource(SpecVersion.class)
    void shouldAskToTryAgainWhenOverlayIsNotReady(final SpecVersion version) throws IOException {
        Files.delete(subnetFile);
        assertError(
                run("ADD", config(version, "")), version, CniException.TRY_AGAIN_LATER, "there is no " + subnetFile);
        Files.writeString(subnetFile, "");
        assertError(run("ADD", config(version, "")), version, CniException.TRY_AGAIN_LATER, subnetFile + " is empty");
        assertEquals(0, run("DEL", config(version, "")).exitCode());
    }

    @Test
    void shouldSayNotAvailableWhenOverlayIsNotReady() throws IOException {
        Files.delete(subnetFile);
        assertError(
                run("STATUS", config(SpecVersion.V1_1_0, "")),
                SpecVersion.V1_1_0,
                CniException.NOT_AVAILABLE,
                subnetFile.toString());
    }

    @Test
    void shouldSayNotAvailableWhenDelegateIsMissing() {
        assertError(
                run("STATUS", config(SpecVersion.V1_1_0, "\"delegate\":{\"type\":\"nowhere\"}")),
                SpecVersion.V1_1_0,
                CniException.NOT_AVAILABLE,
                "delegate.type is \"nowhere\"");
    }

    @Test
    void shouldAnswerWhenRuntimeSendsNothingForVersion() {
        final Outcome outcome = PluginProcess.weftCni(Map.of(Invocation.COMMAND, "VERSION"), "");
        assertEquals(0, outcome.exitCode());
        assertEquals("1.1.0", outcome.json().get("cniVersion"));
    }

    private static Outcome run(final String command, final String config) {
        return PluginProcess.weftCni(PluginProcess.variables(command, "pod"), config);
    }

    /** With all that plugins write below the test's directory, the addresses that host-local locks even to release included. */
    private String config(final SpecVersion version, final String members) {
        return "{\"cniVersion\":\"" + version.text() + "\",\"name\":\"n\",\"type\":\"weft-cni\""
                + (members.contains("subnetFile") ? "" : ",\"subnetFile\":\"" + subnetFile + "\"")
                + (members.contains("dataDir") ? "" : ",\"dataDir\":\"" + directory.resolve("state") + "\"")
                + (members.contains("\"ipam\":")
                        ? ""
                        : ",\"ipam\":{\"dataDir\":\"" + directory.resolve("addresses") + "\"}")
                + (members.isEmpty() ? "" : ",") + members + "}";
    }

    private List<String> stateFiles() {
        final String[] names = directory.resolve("state").toFile().list();
        return null == names ? List.of() : List.of(names);
    }

    private static void assertError(
            final Outcome outcome, final SpecVersion version, final int code, final String... expected) {
        assertAll(
                () -> assertEquals(1, outcome.exitCode(), outcome.toString()),
                () -> assertEquals(code, outcome.code(), outcome.toString()),
                () -> assertEquals(version.text(), outcome.json().get("cniVersion"), outcome.toString()),
                () -> {
                    for (final String each : expected) {
                        assertTrue(outcome.message().contains(each), each + " not in " + outcome);
                    }
                });
    }
}
