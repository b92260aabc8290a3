/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A meta plugin such as multus calls weft-cni. Its processes have the variables of the ADD that it was called for in their own
 * environment, for as long as they run, and are no part of weft-cni's ADD.
 */
@RequiresRoot
class MetaPluginTest {
    private static final String POD = "pod-1";

    @TempDir
    Path directory;

    private Node node;
    private Path weftCni;
    private Path config;
    private Path fault;

    /** A bridge that fails, so that ADD cannot be undone, until the fault is taken away. */
    @BeforeEach
    void createNode() throws IOException {
        node = new Node(directory, "1.0.0");
        weftCni = InstalledPlugin.binDir().resolve(InstallCni.PLUGIN);
        config = Files.writeString(directory.resolve("config"), node.network().stdin());
        fault = Files.createFile(directory.resolve("fault"));
        node.replacePlugin("bridge", "[ ! -e " + fault + " ] || exit 3\nexec $REAL");
    }

    @AfterEach
    void close() {
        node.close();
    }

    /** As multus does: its own process still says ADD when it has weft-cni's failed ADD rolled back. */
    @Test
    void shouldLeaveCallerAloneWhenItRollsBack() {
        final String script = weftCni + " <" + config + " && exit 99\nrm " + fault + "\nCNI_COMMAND=DEL " + weftCni
                + " <" + config + " || exit\necho rolled back";
        final Outcome outcome = PluginProcess.run(
                PluginProcess.inNamespace(node.namespace().name(), "sh", "-c", script),
                node.network().variables("ADD", POD, node.pod()),
                "");
        assertEquals(0, outcome.exitCode(), outcome.toString());
        assertTrue(outcome.output().endsWith("rolled back\n"), outcome.output());
        assertEquals("", outcome.errors());
        node.assertNothingLeft("after the rollback");
    }

    /** As the shim of multus-thick, which is no ancestor: its daemon has called weft-cni. */
    @Test
    void shouldNotWaitForProcessThatOnlyHasItsVariables() throws IOException, InterruptedException {
        final ProcessBuilder builder = new ProcessBuilder("cat");
        builder.environment().putAll(node.network().variables("ADD", POD, node.pod()));
        final Process shim = builder.start();
        try {
            final Outcome failed = node.network().weftCni("ADD", POD, node.pod());
            assertTrue(failed.message().contains("a DEL must follow"), failed.message());
            Files.delete(fault);
            final Outcome deleted = node.network().weftCni("DEL", POD, node.pod());
            assertEquals(new Outcome(0, "", ""), deleted);
            assertTrue(shim.isAlive());
            node.assertNothingLeft("after DEL");
        } finally {
            shim.destroyForcibly().waitFor();
        }
    }

    /** A delegate that is a meta plugin itself: those that wait for this DEL are of the ADD, and it may not wait for them. */
    @Test
    void shouldLeaveAncestorsAloneWhenDelegateRollsBack() throws IOException {
        Files.delete(fault);
        node.replacePlugin(
                "bridge",
                "[ ADD = $CNI_COMMAND ] || exec $REAL\nCNI_COMMAND=DEL " + weftCni + " <" + config
                        + " >&2\necho '{\"code\":123,\"msg\":\"rolled back\"}'\nexit 1");
        final Outcome failed = node.network().weftCni("ADD", POD, node.pod());
        assertEquals(123, failed.code(), failed.toString());
        assertEquals("", failed.errors());
        node.assertNothingLeft("after the failed ADD");
    }
}
