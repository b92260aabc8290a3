/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.host.ReadinessLock;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rule of docs/decisions/0040-overlay-readiness.md, with a process that holds weftd's lock. */
class ReadinessTest {
    @TempDir
    Path directory;

    private Path subnetFile;
    private Path lockFile;

    @BeforeEach
    void writeSubnetEnv() throws IOException {
        subnetFile = directory.resolve("subnet.env");
        lockFile = directory.resolve("subnet.env.weftd");
        Files.writeString(
                subnetFile,
                "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
    }

    /** What weftd does once it forwards, as a process of its own. */
    static final class LockHolder {
        private LockHolder() {}

        public static void main(final String[] arguments) throws IOException {
            try (ReadinessLock lock = ReadinessLock.take(Path.of(arguments[0]))) {
                System.out.println("holds " + lock.getClass().getSimpleName());
                System.out.println(System.in.read());
            }
        }
    }

    private Process weftd() throws IOException {
        final Process process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        subnetFile.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        final BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        assertEquals("holds ReadinessLock", output.readLine());
        return process;
    }

    private PluginProcess.Outcome status() {
        return PluginProcess.weftCni(
                PluginProcess.variables("STATUS", "pod"),
                "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"subnetFile\":\"" + subnetFile + "\"}");
    }

    @Test
    void shouldBeReadyWhenFlanneldHasWrittenSubnetEnv() {
        assertEquals(new PluginProcess.Outcome(0, "", ""), status());
    }

    @Test
    void shouldBeReadyAsLongAsWeftdHoldsItsLock() throws IOException, InterruptedException {
        final Process weftd = weftd();
        try {
            assertEquals(0, status().exitCode(), status().toString());
        } finally {
            weftd.destroyForcibly().waitFor();
        }
        final PluginProcess.Outcome outcome = status();
        assertEquals(CniException.NOT_AVAILABLE, outcome.code());
        assertTrue(outcome.message().contains("no weftd holds the lock on " + lockFile), outcome.message());
    }

    @Test
    void shouldBeReadyWhenFlanneldHasTakenOver() throws IOException, InterruptedException {
        weftd().destroyForcibly().waitFor();
        assertEquals(CniException.NOT_AVAILABLE, status().code());
        Files.setLastModifiedTime(
                subnetFile,
                FileTime.from(Files.getLastModifiedTime(lockFile).toInstant().plusMillis(1)));
        assertEquals(0, status().exitCode());
    }

    @Test
    void shouldRefuseAddAndCheckButDeleteWhenNotReady() throws IOException, InterruptedException {
        weftd().destroyForcibly().waitFor();
        final String config = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"subnetFile\":\"" + subnetFile
                + "\",\"dataDir\":\"" + directory + "\",\"prevResult\":{}}";
        final PluginProcess.Outcome add = PluginProcess.weftCni(PluginProcess.variables("ADD", "pod"), config);
        assertEquals(CniException.TRY_AGAIN_LATER, add.code(), add.toString());
        Files.writeString(directory.resolve("pod"), "{\"type\":\"bridge\"}");
        final PluginProcess.Outcome check = PluginProcess.weftCni(PluginProcess.variables("CHECK", "pod"), config);
        assertEquals(CniException.TRY_AGAIN_LATER, check.code(), check.toString());
        Files.delete(directory.resolve("pod"));
        assertEquals(
                0,
                PluginProcess.weftCni(PluginProcess.variables("DEL", "pod"), config)
                        .exitCode());
    }
}
