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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A network at 1.1.0 in front of plugins that speak less, whatever the operation. */
@RequiresRoot
class VersionNegotiationTest {
    private static final String POD = "pod-1";

    /** Refuses 1.1.0 as the reference plugins before 1.5 do, whatever those that are installed speak. */
    private static final String REFUSE_NEWEST = """
            input=$(cat)
            case $CNI_COMMAND,$input in
              VERSION,*) echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}'; exit 0;;
              *,*'"cniVersion":"1.1.0"'*) echo '{"code":1,"msg":"incompatible CNI versions","details":"old"}'; exit 1;;
            esac
            """;

    private static final String GO_ON = "printf %s \"$input\" | $REAL";

    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;

    @BeforeEach
    void createNode() {
        node = new Node(directory, "1.1.0");
        network = node.network();
    }

    @AfterEach
    void close() {
        node.close();
    }

    /** Of the bridge, or of the address plugin that it calls in its own configuration's version. */
    @ParameterizedTest
    @ValueSource(strings = {"bridge", "host-local"})
    void shouldDoEverythingWhenOnePluginIsOlder(final String plugin) {
        node.replacePlugin(plugin, REFUSE_NEWEST + GO_ON);
        if (!"bridge".equals(plugin)) {
            bridgeThatSpeaksNewest();
        }
        network.weftCni("STATUS", "", null).succeeded();
        final Outcome added = network.add(POD, node.pod()).succeeded();
        assertEquals("1.1.0", added.json().get("cniVersion"));
        network.weftCni("CHECK", POD, node.pod()).succeeded();
        network.collectGarbage(POD).succeeded();
        assertEquals(List.of(POD), network.stateFiles());
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
        network.add(POD, node.pod()).succeeded();
        network.collectGarbage().succeeded();
        assertEquals(List.of(), network.stateFiles());
        assertEquals(List.of(), network.reservedAddresses());
    }

    /** Debian's bridge behind a door that takes 1.1.0 and hands on what its host-local is asked in. */
    private void bridgeThatSpeaksNewest() {
        node.replacePlugin(
                "bridge", """
                input=$(cat)
                [ VERSION != $CNI_COMMAND ] || { echo '{"supportedVersions":["1.0.0","1.1.0"]}'; exit 0; }
                case $input in *'"cniVersion":"1.1.0"'*)
                  printf %s "$input" | host-local || exit 1
                  echo '{"code":90,"msg":"host-local takes 1.1.0"}'; exit 1;;
                esac
                """.replace("| host-local", "| " + directory.resolve("plugins/host-local")) + GO_ON);
    }

    @ParameterizedTest
    @EnumSource(
            value = Command.class,
            names = {"ADD", "DEL"})
    void shouldUndoWhenAddFailed(final Command failing) throws IOException {
        final Path fault = Files.createFile(directory.resolve("fault"));
        final String late = "[ ! -e " + fault + " ] || { echo '{\"code\":124,\"msg\":\"late\"}'; exit 1; }\n";
        node.replacePlugin(
                "bridge",
                REFUSE_NEWEST
                        + (Command.DEL == failing
                                ? late
                                : "[ ADD != $CNI_COMMAND ] || { " + GO_ON + " >/dev/null; " + late + "}\n")
                        + GO_ON);
        final Outcome failed = network.add(POD, node.pod());
        assertEquals(124, failed.code(), failed.toString());
        if (Command.ADD == failing) {
            node.assertNothingLeft("after the failed ADD");
            return;
        }
        // As it was kept before the version was known.
        assertEquals(List.of(POD + ":eth0:adding"), network.stateFiles());
        final Path state = network.stateDir().resolve(network.stateFiles().get(0));
        assertTrue(Files.readString(state).contains("\"cniVersion\":\"1.1.0\""), Files.readString(state));
        Files.delete(fault);
        network.weftCni("DEL", POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }

    @Test
    void shouldKeepNegotiatedVersionForFlannelsPluginWhenAdded() throws IOException {
        node.replacePlugin("bridge", REFUSE_NEWEST + GO_ON);
        network.add(POD, node.pod()).succeeded();
        final String state = Files.readString(network.stateDir().resolve(POD));
        assertTrue(state.contains("\"cniVersion\":\"1.0.0\""), state);
    }

    @Test
    void shouldReportRefusalWhenNoVersionIsInCommon() {
        node.replacePlugin("bridge", REFUSE_NEWEST.replace("\"0.3.1\",\"0.4.0\",\"1.0.0\"", "\"0.2.0\""));
        final Outcome failed = network.add(POD, node.pod());
        assertEquals(CniException.INCOMPATIBLE_VERSION, failed.code());
        assertTrue(failed.message().contains("incompatible CNI versions old"), failed.message());
    }

    @Test
    void shouldReportRefusalFirstWhenVersionIsNotAnswered() {
        node.replacePlugin("bridge", "echo '{\"code\":1,\"msg\":\"no such version\"}'; exit 1");
        final Outcome failed = network.add(POD, node.pod());
        assertEquals(CniException.INCOMPATIBLE_VERSION, failed.code());
        assertTrue(failed.message().startsWith("delegate bridge failed ADD: no such version"), failed.message());
        assertTrue(failed.message().contains("its VERSION could not be found out either"), failed.message());
    }

    @Test
    void shouldNotCheckWhenDelegateSpeaksNoVersionWithCheck() {
        node.replacePlugin(
                "bridge",
                REFUSE_NEWEST.replace("\"0.3.1\",\"0.4.0\",\"1.0.0\"", "\"0.3.1\"")
                        + "[ CHECK != $CNI_COMMAND ] || exit 9\n" + GO_ON);
        network.add(POD, node.pod()).succeeded();
        final Outcome checked = network.weftCni("CHECK", POD, node.pod()).succeeded();
        assertTrue(checked.errors().contains("which has no CHECK"), checked.errors());
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }
}
