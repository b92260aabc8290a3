/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever weft-cni waits for may never come: it ends all the same, says why, and leaves nothing that is not told. */
@RequiresRoot
class HangingPluginTest {
    private static final String POD = "pod-1";
    private static final long END_TIMEOUT_S = 300;

    /** Nobody ever writes into the pipe. */
    private static final String HANG = "read -r _ <@GATE@\n";

    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;
    private Path gate;

    @BeforeEach
    void createNode() {
        node = new Node(directory, "1.1.0");
        // The reference bridge forgets a pod's rules when its address plugin fails in DEL; so it may not masquerade
        // here.
        network = node.network().writeMasqueradedSubnetEnv();
        gate = directory.resolve("gate");
        Command.run(List.of("mkfifo", gate.toString()));
    }

    @AfterEach
    void close() {
        node.close();
    }

    private String hang() {
        return HANG.replace("@GATE@", gate.toString());
    }

    /** The plugin itself, which refuses a version that it does not speak, and is called again in one that it does. */
    private static String realInto(final Path result) {
        return "cat | $REAL >" + result + " || { code=$?; cat " + result + "; exit $code; }\n";
    }

    private TestNetwork impatient() {
        return network.with("timeoutSeconds", "3");
    }

    /** The bridge itself, before and after its work, and the address plugin that it waits for. */
    @ParameterizedTest
    @CsvSource({"bridge, before", "bridge, after", "host-local, before", "host-local, after"})
    void shouldEndAndUndoAddWhenPluginHangs(final String plugin, final String when) {
        node.replacePlugin(
                plugin,
                "[ ADD = $CNI_COMMAND ] || exec $REAL\n"
                        + ("after".equals(when) ? realInto(directory.resolve("result")) : "") + hang());
        final Outcome failed = impatient().add(POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        assertTrue(failed.message().contains("bridge has not ended ADD after 3000 ms"), failed.message());
        assertEquals(-1, failed.message().indexOf("could not be undone"), failed.message());
        node.assertNothingLeft("after the failed ADD");
    }

    @ParameterizedTest
    @CsvSource({"bridge", "host-local"})
    void shouldEndAndKeepStateWhenDeleteHangs(final String plugin) {
        network.add(POD, node.pod()).succeeded();
        node.replacePlugin(plugin, "[ DEL = $CNI_COMMAND ] || exec $REAL\n" + hang());
        final Outcome failed = impatient().delete(POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        assertEquals(List.of(POD), network.stateFiles());
        node.replacePlugin(plugin, "exec $REAL");
        network.with("timeoutSeconds", "90").delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after the second DEL");
    }

    @Test
    void shouldEndWhenStatusOrVersionHangs() {
        node.replacePlugin("bridge", hang());
        final Outcome failed = impatient().weftCni("STATUS", "", null);
        assertEquals(CniException.NOT_AVAILABLE, failed.code(), failed.toString());
        assertTrue(failed.message().contains("bridge has not ended VERSION"), failed.message());
    }

    @Test
    void shouldBeginNoFurtherDeleteWhenGarbageCollectionHasNoTimeLeft() {
        network.add("stale-1", node.pod()).succeeded();
        node.replacePlugin("bridge", "[ DEL = $CNI_COMMAND ] || exec $REAL\n" + hang());
        final Outcome failed = impatient().collectGarbage();
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        assertTrue(failed.message().startsWith("GC of " + network.stateDir().resolve("stale-1")), failed.message());
        assertTrue(failed.errors().contains("no time is left to call delegate bridge for VERSION"), failed.errors());
        assertEquals(List.of("stale-1"), network.stateFiles());
    }

    @Test
    void shouldEndWhenDelegateLeavesItsOutputToAnother() {
        node.replacePlugin(
                "bridge", "[ ADD = $CNI_COMMAND ] || exec $REAL\ncat | $REAL || exit\n(" + hang().strip() + ") &");
        final Outcome failed = impatient().add(POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        node.assertNothingLeft("after the failed ADD");
        // The other has no parent any more that would tell of it. Where there was no time left to begin it nobody
        // reads.
        Command.run(List.of("sh", "-c", "echo 1<>" + gate));
    }

    /** A shell goes on when what it waits for has ended, also by a signal. */
    @Test
    void shouldEndADelegateBeforeWhatItHasStarted() {
        final Path wentOn = directory.resolve("went-on");
        final String child = "(" + hang().strip() + ") & ";
        node.replacePlugin(
                "bridge",
                "[ ADD = $CNI_COMMAND ] || exec $REAL\n" + child + "first=$!\n" + child.repeat(50)
                        + "\nwait $first\n: >" + wentOn);
        final Outcome failed = impatient().add(POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        assertFalse(Files.exists(wentOn), failed.toString());
        Command.run(List.of("sh", "-c", "echo 1<>" + gate)); // as above
    }

    @Test
    void shouldEndWhenDelegateWritesForEver() {
        node.replacePlugin("bridge", "[ ADD = $CNI_COMMAND ] || exec $REAL\nexec cat /dev/zero");
        final Outcome failed = network.with("timeoutSeconds", "3600").add(POD, node.pod());
        assertEquals(CniException.IO_FAILURE, failed.code(), failed.toString());
        assertTrue(failed.message().contains("more than 1048576 bytes of output"), failed.message());
        node.assertNothingLeft("after the failed ADD");
    }

    @Test
    void shouldEndWhenDelegateReadsNothing() {
        // More than a pipe holds, so that writing waits as well.
        node.replacePlugin("bridge", "[ ADD = $CNI_COMMAND ] || exec $REAL\n" + hang());
        final Outcome failed = impatient()
                .with("args", "{\"long\":\"" + "x".repeat(200_000) + "\"}")
                .add(POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        node.assertNothingLeft("after the failed ADD");
    }

    /** As of a file system whose server is gone: nothing interrupts a read of it. */
    @Test
    void shouldEndWhenStateCanNotBeRead() throws IOException {
        Files.createDirectory(network.stateDir());
        Command.run(List.of("mkfifo", network.stateDir().resolve(POD).toString()));
        final Outcome failed = network.with("timeoutSeconds", "1").weftCni("DEL", POD, node.pod());
        assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
        assertTrue(failed.message().contains("the end of DEL has not come after 26000 ms"), failed.message());
        assertEquals(List.of(POD), network.stateFiles());
    }

    @Test
    void shouldEndWhenStandardInputDoesNot() throws IOException, InterruptedException {
        final ProcessBuilder builder = new ProcessBuilder(
                        InstalledPlugin.binDir().resolve("weft-cni").toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        final Map<String, String> variables = PluginProcess.variables("ADD", POD);
        builder.environment().putAll(variables);
        final Process process = builder.start();
        try (InputStream stdout = process.getInputStream()) {
            process.getOutputStream().write("{\"cniVersion\":\"1.0.0\"".getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
            assertTrue(process.waitFor(END_TIMEOUT_S, TimeUnit.SECONDS), "no end of ADD");
            final Outcome outcome =
                    new Outcome(process.exitValue(), new String(stdout.readAllBytes(), StandardCharsets.UTF_8), "");
            assertEquals(1, outcome.exitCode());
            assertEquals(CniException.TIMED_OUT, outcome.code(), outcome.toString());
            assertTrue(outcome.message().contains("the end of standard input has not come"), outcome.message());
        } finally {
            process.destroyForcibly();
        }
        assertFalse(Files.exists(network.stateDir()));
    }
}
