/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A file system without room, as a tmpfs that only the process and its children see. */
@RequiresRoot
class FullDiskTest {
    private static final String POD = "pod-1";

    @TempDir
    Path directory;

    private static String fill(final Path place) {
        return "mount -t tmpfs -o size=64k none " + place + " || exit\ndd if=/dev/zero of=" + place
                + "/x bs=4k count=40 2>/dev/null\n";
    }

    @Test
    void shouldNameFileAndKeepNothingWhenDataDirIsFull() throws IOException {
        try (Node node = new Node(directory, "1.0.0")) {
            final Path dataDir = Files.createDirectory(node.network().stateDir());
            final Path config = Files.writeString(
                    directory.resolve("config"), node.network().stdin());
            final Path first = directory.resolve("first");
            final Path left = directory.resolve("left");
            final String weftCni = InstalledPlugin.binDir().resolve(InstallCni.PLUGIN) + " <" + config;
            final Outcome added = PluginProcess.run(
                    PluginProcess.inNamespace(
                            node.namespace().name(),
                            "sh",
                            "-c",
                            fill(dataDir) + weftCni + " >" + first + "\nls " + dataDir + " >" + left + "\nrm " + dataDir
                                    + "/x\n" + weftCni),
                    node.network().variables("ADD", POD, node.pod()),
                    "");
            final Outcome failed = new Outcome(1, Files.readString(first), "");
            assertEquals(CniException.IO_FAILURE, failed.code());
            assertTrue(
                    failed.message()
                            .startsWith("cannot write " + dataDir.resolve(POD + ":eth0:adding")
                                    + ": No space left on device"),
                    failed.message());
            assertEquals("x\n", Files.readString(left));
            added.succeeded();
        }
    }

    @ParameterizedTest
    @CsvSource({"bin, bin/weft-cni.d/new-1/", "conf, conf/.10-weft.conflist.new-"})
    void shouldNameFileThatHasNoRoomWhenInstalling(final String full, final String expected) throws IOException {
        Files.createDirectory(directory.resolve("bin"));
        Files.createDirectory(directory.resolve("conf"));
        final Command.Result result = Command.tryRun(List.of(
                "unshare",
                "--mount",
                "sh",
                "-c",
                fill(directory.resolve(full)) + InstalledPlugin.command() + " --bin-dir=" + directory.resolve("bin")
                        + " --conf-dir=" + directory.resolve("conf") + "; exit"));
        assertEquals(1, result.exitCode(), result.toString());
        final String errors = result.errors();
        assertTrue(
                errors.contains("weft install-cni: cannot write " + directory.resolve(expected))
                        && errors.contains(": No space left on device; name other directories"),
                errors);
    }
}
