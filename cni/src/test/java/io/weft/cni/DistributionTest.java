/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.cli.WeftCommand;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code weft install-cni} as an operator runs it: the scripts of the distribution beside the runtime that it brings, on
 * hosts that are made odd in a mount namespace of the command's own.
 */
@RequiresRoot
class DistributionTest {
    /** Where a Debian host has its Java. The scripts are given no other way to one. */
    private static final String HIDE_JAVA = "mount -t tmpfs none /usr/lib/jvm && ! java -version 2>/dev/null && ";

    @TempDir
    Path directory;

    private Path weft;
    private Path binDir;
    private Path confDir;

    @BeforeEach
    void layOutDistribution() throws IOException {
        final Path home = Files.createDirectory(directory.resolve("weft"));
        FileTrees.copy(Path.of("../bin").toRealPath(), home.resolve("bin"));
        Files.createDirectory(home.resolve("lib"));
        try (DirectoryStream<Path> runtimes =
                Files.newDirectoryStream(InstalledPlugin.binDir().resolve("weft-cni.d"), "[0-9]*")) {
            FileTrees.copy(runtimes.iterator().next(), home.resolve("cni-runtime"));
        }
        weft = home.resolve("bin/weft");
        binDir = directory.resolve("host/opt/cni/bin");
        confDir = directory.resolve("host/etc/cni/net.d");
        Files.createDirectory(directory.resolve("host"));
    }

    private Command.Result onHost(final String preparation) {
        return Command.tryRun(List.of(
                "unshare",
                "--mount",
                "--propagation=private",
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "sh",
                "-ec",
                preparation + weft + " install-cni --bin-dir=" + binDir + " --conf-dir " + confDir
                        + " && CNI_COMMAND=VERSION " + binDir + "/weft-cni </dev/null"));
    }

    @Test
    void shouldInstallAndAnswerWhenHostHasNoJava() throws IOException {
        Files.createDirectories(binDir);
        for (final String plugin : List.of("bridge", "host-local", "portmap")) {
            Files.createFile(binDir.resolve(plugin)); // That none is missing.
        }
        final Command.Result result = onHost(HIDE_JAVA);
        assertEquals(0, result.exitCode(), result.toString());
        assertTrue(result.output().startsWith("installed " + confDir + "/10-weft.conflist\n{\"cniVersion\""));
        assertEquals("", result.errors());
        // A second time, from another place, with the first one's files in the way.
        Files.move(directory.resolve("weft"), directory.resolve("elsewhere"));
        weft = directory.resolve("elsewhere/bin/weft");
        assertEquals(0, onHost(HIDE_JAVA).exitCode());
    }

    @Test
    void shouldInstallWhenTmpForbidsExecution() {
        final Command.Result result = onHost(HIDE_JAVA + tmpfsWithTestInIt("noexec"));
        assertEquals(0, result.exitCode(), result.toString());
    }

    @Test
    void shouldInstallWhenRootIsReadOnly() {
        final Command.Result result = onHost(HIDE_JAVA + tmpfsWithTestInIt("ro"));
        assertEquals(0, result.exitCode(), result.toString());
    }

    /** An empty /tmp with the test's own directory in it, which alone keeps its properties; and, if it is to be read-only, all of /. */
    private String tmpfsWithTestInIt(final String option) {
        return "mkdir /dev/shm/keep.$$ && mount --bind " + directory
                + " /dev/shm/keep.$$ && mount -t tmpfs none /tmp && mkdir -p "
                + directory + " && mount --move /dev/shm/keep.$$ " + directory + " && rmdir /dev/shm/keep.$$ && "
                + "mount -o remount," + option + " /tmp && "
                + ("ro".equals(option)
                        ? "mount --bind / / && mount -o remount,bind,ro / && ! touch /root/x 2>/dev/null && "
                        : "");
    }

    @Test
    void shouldSayWhyWhenPlaceIsReadOnly() {
        final String host = directory.resolve("host").toString();
        final Command.Result result =
                onHost("mount --bind " + host + " " + host + " && mount -o remount,bind,ro " + host + " && ");
        assertEquals(1, result.exitCode(), result.toString());
        assertTrue(
                result.errors().startsWith("weft install-cni: cannot write " + host)
                        && result.errors().contains("Read-only file system; name other directories by --bin-dir"),
                result.errors());
    }

    @Test
    void shouldSayWhyAndPublishNothingWhenPlaceForbidsExecution() {
        final String host = directory.resolve("host").toString();
        final Command.Result result = onHost("mount -t tmpfs -o noexec none " + host + " && trap 'find " + host
                + " -name weft-cni -o -name \"*.conflist\" -o -name \"new-*\"' EXIT && ");
        assertEquals(1, result.exitCode(), result.toString());
        assertTrue(result.errors().contains("is its file system mounted noexec"), result.errors());
        assertEquals("", result.output());
    }

    /** A user's read-only root: the state cannot be kept, so the pod is not begun. */
    @Test
    void shouldRefuseAddWhenStateCanNotBeWritten() throws IOException {
        final Path subnetFile = Files.writeString(
                directory.resolve("subnet.env"),
                "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        final String host = directory.resolve("host").toString();
        final PluginProcess.Outcome outcome = PluginProcess.run(
                List.of(
                        "unshare",
                        "--mount",
                        "--net",
                        "--propagation=private",
                        "sh",
                        "-ec",
                        "mount --bind " + host + " " + host + " && mount -o remount,bind,ro " + host + " && exec "
                                + InstalledPlugin.binDir().resolve("weft-cni")),
                inOwnNamespace(),
                "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"subnetFile\":\"" + subnetFile + "\",\"dataDir\":\"" + host
                        + "/state\"}");
        assertEquals(CniException.IO_FAILURE, outcome.code(), outcome.toString());
        assertTrue(outcome.message().contains(host + "/state: Read-only file system"), outcome.message());
    }

    @Test
    void shouldTellWhatItInstalledAsJsonAndWhatIsAllowedWithTheUsage() {
        final List<String> command = List.of(weft.toString(), "install-cni", "--bin-dir=" + binDir);
        final Command.Result installed =
                Command.tryRun(Stream.concat(command.stream(), Stream.of("--conf-dir=" + confDir, "-o", "json"))
                        .toList());
        assertEquals("{\"installed\":\"" + confDir + "/10-weft.conflist\"}\n", installed.output());
        assertEquals(0, installed.exitCode(), installed.toString());
        final Command.Result refused = Command.tryRun(
                Stream.concat(command.stream(), Stream.of("--output=yaml")).toList());
        assertEquals(2, refused.exitCode(), refused.toString());
        assertEquals("", refused.output());
        assertEquals("weft install-cni: --output=yaml; allowed: text, json\n" + InstallOptions.USAGE, refused.errors());
    }

    @Test
    void shouldListOptionsOnEveryHostAsTheOtherCommandsDo() {
        final Command.Result result = Command.tryRun(List.of(weft.toString(), "install-cni", "--help"));
        assertEquals(InstallOptions.USAGE, result.output());
        final String usage = WeftCommand.commandLine().getUsageMessage();
        final String description =
                InstallOptions.USAGE.lines().skip(4).findFirst().orElseThrow();
        final String listed = usage.substring(usage.indexOf("install-cni")).replaceAll("\\s+", " ");
        assertTrue(listed.startsWith("install-cni " + description), usage);
        assertFalse(result.output().isEmpty());
    }

    private static Map<String, String> inOwnNamespace() {
        final Map<String, String> variables = PluginProcess.variables("ADD", "pod");
        variables.put(Invocation.NETNS, "/proc/self/ns/net");
        variables.put(Netns.OVERRIDE, "1");
        return variables;
    }

    /** By an address space that holds no JVM: what that says would be taken for a result. */
    @Test
    void shouldSayNothingOnStandardOutputWhenJvmCannotStart() throws IOException {
        final Path empty = Files.createDirectory(directory.resolve("empty"));
        final String limited = "cd " + empty + " && ulimit -v 300000 && CNI_COMMAND=VERSION exec ";
        for (final Path plugin : List.of(
                weft.resolveSibling("weft-cni"), InstalledPlugin.binDir().resolve("weft-cni"))) {
            final PluginProcess.Outcome outcome =
                    PluginProcess.run(List.of("sh", "-c", limited + plugin), Map.of(), "{}");
            assertNotEquals(0, outcome.exitCode(), outcome.toString());
            assertEquals("", outcome.output());
            assertTrue(outcome.errors().contains("Error occurred during initialization of VM"), outcome.errors());
        }
        try (Stream<Path> left = Files.list(empty)) {
            assertEquals(List.of(), left.toList());
        }
    }

    /** With one thread more at each try. Whatever the JVM and the plugin can do with so few, standard output is JSON or empty. */
    @Test
    void shouldAnswerInJsonOrNotAtAllWhenThreadsAreFew() {
        final List<Integer> codes = new ArrayList<>();
        for (int limit = 1; codes.isEmpty() || 0 != codes.get(codes.size() - 1); limit++) {
            final PluginProcess.Outcome outcome = PluginProcess.run(
                    List.of(
                            "prlimit",
                            "--nproc=" + limit,
                            "setpriv",
                            "--reuid=64924", // nobody's on any machine
                            "--clear-groups",
                            "--inh-caps=+dac_override",
                            "--ambient-caps=+dac_override",
                            InstalledPlugin.binDir().resolve("weft-cni").toString()),
                    Map.of(Invocation.COMMAND, "VERSION"),
                    "{}");
            if (!outcome.output().isEmpty()) {
                codes.add(0 == outcome.exitCode() ? 0 : outcome.code());
                assertTrue(
                        0 == outcome.exitCode() || outcome.message().contains("no further thread can be started"),
                        outcome.toString());
            }
        }
        assertTrue(codes.contains(CniException.INTERNAL), codes.toString());
    }
}
