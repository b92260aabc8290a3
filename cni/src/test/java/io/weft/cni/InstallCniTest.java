/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InstallCniTest {
    @TempDir
    Path directory;

    @Test
    void shouldRunWithoutJavaOrPathWhenMovedElsewhere() throws IOException {
        // As an init container does: installed under one path, run under another.
        final Path container = directory.resolve("host");
        install(
                "--bin-dir",
                container.resolve("bin").toString(),
                "--conf-dir",
                container.resolve("net.d").toString());
        final Path host = Files.move(container, directory.resolve("elsewhere"));
        final Command.Result result = Command.tryRun(List.of(
                "env",
                "-i",
                "CNI_COMMAND=VERSION",
                "JAVA_TOOL_OPTIONS=-Xlog",
                host.resolve("bin/weft-cni").toString()));
        assertEquals(0, result.exitCode(), result.errors());
        assertTrue(result.output().startsWith("{\"cniVersion\":\"1.1.0\""), result.output());
        assertEquals("", result.errors());
        final Map<String, ?> conflist = TestNetwork.parse(Files.readString(host.resolve("net.d/10-weft.conflist")));
        assertEquals("1.0.0", conflist.get("cniVersion"));
        assertEquals("cbr0", conflist.get("name"));
    }

    /** The runtime lies beside the launcher, and not beside a link to it. */
    @ParameterizedTest
    @CsvSource({
        "elsewhere/plugin, BIN/weft-cni",
        "elsewhere/relative, ../BIN/weft-cni",
        "elsewhere/chain, ../further/link",
        "BIN/same, weft-cni",
        "linked, BIN"
    })
    void shouldRunWhenCalledByLink(final String link, final String target) throws IOException {
        final Path bin = Files.createDirectories(directory.resolve("BIN"));
        Files.copy(InstalledPlugin.binDir().resolve("weft-cni"), bin.resolve("weft-cni"));
        Files.createSymbolicLink(
                bin.resolve("weft-cni.d"), InstalledPlugin.binDir().resolve("weft-cni.d"));
        Files.createDirectories(directory.resolve("elsewhere"));
        Files.createSymbolicLink(
                Files.createDirectories(directory.resolve("further")).resolve("link"), Path.of("../BIN/weft-cni"));
        final Path created = Files.createSymbolicLink(
                directory.resolve(link), target.startsWith("BIN") ? directory.resolve(target) : Path.of(target));
        assertAnswers(Files.isDirectory(created) ? created.resolve("weft-cni") : created);
    }

    /** A host's sh may be one or the other. */
    @ParameterizedTest
    @CsvSource({"/bin/dash, false, 127", "/bin/bash, false, 127", "/bin/dash, true, 126", "/bin/bash, true, 126"})
    void shouldAnswerInJsonWhenItsJavaCannotBeRun(final String shell, final boolean isThere, final int exitCode)
            throws IOException {
        final Path plugin = Files.copy(InstalledPlugin.binDir().resolve("weft-cni"), directory.resolve("weft-cni"));
        try (DirectoryStream<Path> runtimes =
                Files.newDirectoryStream(InstalledPlugin.binDir().resolve("weft-cni.d"), "[0-9]*")) {
            final Path bin = directory
                    .resolve("weft-cni.d")
                    .resolve(runtimes.iterator().next().getFileName())
                    .resolve("bin");
            if (isThere) {
                Files.createFile(Files.createDirectories(bin).resolve("java")); // without the right to be executed
            }
        }
        final PluginProcess.Outcome outcome =
                PluginProcess.run(List.of(shell, plugin.toString()), PluginProcess.variables("ADD", "pod"), "");
        assertEquals(exitCode, outcome.exitCode(), outcome.toString());
        assertEquals(CniException.IO_FAILURE, outcome.code(), outcome.toString());
        assertTrue(
                outcome.message().contains("/bin/java, beside weft-cni, cannot be run: exit code " + exitCode),
                outcome.message());
        assertTrue(outcome.message().contains("weft install-cni"), outcome.message());
    }

    /** A program more for each pod would cost more than all that the launcher does. */
    @Test
    void shouldRunNoOtherProgramWhenCalledByItsName() throws IOException {
        final Path none = Files.createDirectory(directory.resolve("none"));
        final Path plugin = InstalledPlugin.binDir().resolve("weft-cni");
        final Command.Result traced = Command.tryRun(
                List.of("env", "-i", "PATH=" + none, "CNI_COMMAND=VERSION", "/bin/sh", "-x", plugin.toString()));
        assertEquals(0, traced.exitCode(), traced.toString());
        assertFalse(traced.errors().contains("readlink"), traced.errors());
        // Nor is one needed where the runtime is beside the link as well.
        final Path link = Files.createSymbolicLink(none.resolve("weft-cni"), plugin);
        Files.createSymbolicLink(none.resolve("weft-cni.d"), plugin.resolveSibling("weft-cni.d"));
        final Command.Result linked =
                Command.tryRun(List.of("/usr/bin/env", "-i", "PATH=" + none, "CNI_COMMAND=VERSION", link.toString()));
        assertEquals(0, linked.exitCode(), linked.toString());
    }

    @Test
    void shouldFindItsClassesInArchiveWhenInstalled() throws IOException {
        assertFindsItsClassesInArchive(runtimes(InstalledPlugin.binDir()).get(0));
    }

    @Test
    void shouldMakeTheArchiveWhenARuntimeComesWithoutOne() throws IOException {
        // As jlink leaves one for another machine, in a package.
        final Path packed = directory.resolve("packed");
        FileTrees.copy(runtimes(InstalledPlugin.binDir()).get(0), packed);
        Files.deleteIfExists(packed.resolve("lib/server/classes.jsa"));
        Files.deleteIfExists(packed.resolve("lib/server/weft-cni.aot"));
        final Path installed = directory.resolve("installed");
        PluginRuntime.copy(packed, installed);
        assertFindsItsClassesInArchive(installed);
    }

    private static void assertFindsItsClassesInArchive(final Path runtime) {
        final Command.Result result = Command.tryRun(List.of(
                "env",
                "CNI_COMMAND=VERSION",
                runtime.resolve("bin/java").toString(),
                "-XX:+UseSerialGC",
                "-Xlog:class+load",
                PluginRuntime.flags(runtime, runtime.toString()).contains("AOTCache")
                        ? "-XX:AOTCache=" + runtime.resolve("lib/server/weft-cni.aot")
                        : "-Xshare:on",
                WeftCni.class.getName()));
        final String log = result.output();
        assertTrue(log.contains("io.weft.cni.Json source: shared objects file"), log + result.errors());
    }

    @Test
    void shouldKeepOnePreviousRuntimeWhenInstalledAgain() throws IOException {
        final Path linked = directory.resolve("linked");
        PluginRuntime.link(linked);
        final String binDir = directory.resolve("bin").toString();
        for (int i = 0; i < 4; i++) {
            final Path conflist = install(
                    "--bin-dir",
                    binDir,
                    "--conf-dir",
                    directory.resolve("conf").toString(),
                    "--runtime",
                    linked.toString(),
                    "--cni-version",
                    "0.4.0",
                    "--conflist-name",
                    "05-weft.conflist");
            assertEquals(directory.resolve("conf/05-weft.conflist"), conflist);
            assertTrue(Files.readString(conflist).contains("\"cniVersion\": \"0.4.0\""));
            assertEquals(Math.min(i + 1, 2), runtimes(directory.resolve("bin")).size());
            assertEquals(
                    0,
                    Command.tryRun(List.of("env", "CNI_COMMAND=VERSION", binDir + "/weft-cni"))
                            .exitCode());
        }
        try (Stream<Path> files = Files.list(directory.resolve("conf"))) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void shouldWriteNoConflistWhenRuntimeCanNotBeInstalled() {
        assertThrows(
                IOException.class,
                () -> install(
                        "--bin-dir", directory.resolve("bin").toString(),
                        "--conf-dir", directory.resolve("conf").toString(),
                        "--runtime", directory.resolve("missing").toString()));
        assertFalse(Files.exists(directory.resolve("conf")));
        assertFalse(Files.exists(directory.resolve("bin/weft-cni")));
    }

    @Test
    void shouldInstallGivenConflistWhenOneIsGiven() throws IOException {
        final String configuration = """
                {"name":"mine","cniVersion":"0.4.0","plugins":[{"type":"weft-cni","ipam":{}},{"type":"portmap"}]}""";
        final Path own = Files.writeString(directory.resolve("own"), configuration);
        final Path linked = runtimes(InstalledPlugin.binDir()).get(0);
        final Path conflist = install(
                "--bin-dir",
                directory.resolve("bin").toString(),
                "--conf-dir",
                directory.resolve("conf").toString(),
                "--runtime",
                linked.toString(),
                "--conflist",
                own.toString());
        assertEquals(configuration, Files.readString(conflist));
    }

    @ParameterizedTest
    @CsvSource({
        "--cni-version, 0.5.0, '--cni-version=0.5.0; allowed: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0'",
        "--conflist-name, a/b.conflist, --conflist-name=a/b.conflist; allowed: a file name",
        "--conflist-name, weft.json, --conflist-name=weft.json; allowed: a file name that ends in .conflist",
        "--conflist-name, .conflist, --conflist-name=.conflist; allowed: a file name that ends in .conflist",
        "--conflist-name, '', --conflist-name=; allowed: a file name",
        "--bin-dir, '', --bin-dir=; allowed: a path",
        "--conf-dir, '', --conf-dir=; allowed: a path",
        "--conflist, '', --conflist=; allowed: a path",
        "--runtime, '', --runtime=; allowed: a path",
        "--link, '', --link=; allowed: a path",
        "--bindir, /x, --bindir is no option",
        "bin-dir, /x, bin-dir is no option",
    })
    void shouldNameOptionAndValueWhenNotAllowed(final String option, final String value, final String expected) {
        final IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> InstallOptions.parse(option, value));
        assertTrue(String.valueOf(e.getMessage()).startsWith(expected), e.getMessage());
        final IllegalArgumentException other =
                assertThrows(IllegalArgumentException.class, () -> InstallOptions.parse(option + "=" + value));
        assertEquals(e.getMessage(), other.getMessage());
    }

    @Test
    void shouldNameOptionWhenItsValueIsMissing() {
        final IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> InstallOptions.parse("--bin-dir=/x", "--conf-dir"));
        assertTrue(String.valueOf(e.getMessage()).startsWith("--conf-dir needs a value"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``                                                    | the file is empty",
                "[]                                                    | the file is no JSON object",
                "{\"name\":\"n\"                                       | the file is malformed at line 1",
                "{}                                                    | name is null; allowed: a letter or digit, then",
                "{\"name\":\"n\"}                                      | plugins is null; allowed: an array of plugins",
                "{\"name\":\"n\",\"plugins\":[]}                      | plugins is []; allowed: an array of plugins",
                "{\"name\":\"n\",\"plugins\":[{}]}                    | plugins is {}; allowed: objects, each with a",
                "{\"name\":\"a/b\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"weft-cni\"}]} | name is \"a/b\"",
                "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"weft-cni\",\"ipam\":1}]} | ipam is 1",
                "{\"name\":\"my net\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"bridge\"}]} | name is \"my net\"; allowed: a",
                "{\"name\":\"n\",\"cniVersions\":\"1.0.0\",\"plugins\":[{\"type\":\"bridge\"}]} | cniVersions is \"1.0.0\"; allowed",
                "{\"name\":\"n\",\"cniVersions\":[1],\"plugins\":[{\"type\":\"bridge\"}]} | cniVersions is [1]; allowed: an array of",
                "{\"name\":\"n\",\"cniVersions\":[\"0.2.1\",\"9.0.0\"],\"plugins\":[{\"type\":\"weft-cni\"}]} | cniVersion is \"0.2.1\"",
            })
    void shouldInstallNothingWhenConflistIsBad(final String conflist, final String expected) throws IOException {
        final Path own = Files.writeString(directory.resolve("own"), conflist);
        assertRefused(own, expected);
    }

    private void assertRefused(final Path own, final String expected) {
        final IOException e = assertThrows(
                IOException.class,
                () -> install(
                        "--bin-dir=" + directory.resolve("bin"),
                        "--conf-dir=" + directory.resolve("conf"),
                        "--conflist=" + own));
        assertTrue(String.valueOf(e.getMessage()).startsWith(own + ": " + expected), e.getMessage());
        assertFalse(Files.exists(directory.resolve("bin")));
        assertFalse(Files.exists(directory.resolve("conf")));
    }

    /** Runtimes in Go read UTF-8 alone, and take a byte order mark for a mistake. */
    @ParameterizedTest
    @CsvSource({
        "UTF-8, \uFEFF, begins with a byte order mark",
        "UTF-16BE, \uFEFF, is not in UTF-8",
        "UTF-16LE, \uFEFF, is not in UTF-8",
        "UTF-16BE, '', is not in UTF-8",
        "ISO-8859-1, \u00e4, is not in UTF-8",
    })
    void shouldInstallNothingWhenConflistIsInAnotherEncoding(
            final String encoding, final String start, final String expected) throws IOException {
        final String conflist = "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"weft-cni\"}]}";
        final Path own = Files.write(directory.resolve("own"), (start + conflist).getBytes(Charset.forName(encoding)));
        assertRefused(own, "the file " + expected);
    }

    /** The runtime takes the newest that it speaks, wherever in the list that is (CNI specification 1.1.0, section 1). */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"cniVersions\":[\"0.2.1\",\"1.0.0\",\"1.1.0\"]",
                "\"cniVersions\":[\"9.0.0\",\"1.0.0\"]",
                "\"cniVersion\":\"0.2.1\",\"cniVersions\":[\"0.4.0\"]",
                "\"disableCheck\":false",
                "\"cniVersion\":\"1.0.0\",\"cniVersions\":[]",
            })
    void shouldInstallConflistWhenOneOfItsVersionsIsSpoken(final String versions) throws IOException {
        final String conflist = "{\"name\":\"n\"," + versions + ",\"plugins\":[{\"type\":\"weft-cni\"}]}";
        final Path own = Files.writeString(directory.resolve("own"), conflist);
        final Path installed = install(
                "--runtime=" + runtimes(InstalledPlugin.binDir()).get(0),
                "--bin-dir=" + directory.resolve("bin"),
                "--conf-dir=" + directory.resolve("conf"),
                "--conflist=" + own);
        assertEquals(conflist, Files.readString(installed));
    }

    @Test
    void shouldNameWhatIsInTheWayWhenDirectoryIsNone() throws IOException {
        final String runtime = "--runtime=" + runtimes(InstalledPlugin.binDir()).get(0);
        final Path dangling = Files.createSymbolicLink(directory.resolve("dangling"), Path.of("nowhere"));
        final Path file = Files.createFile(directory.resolve("file"));
        final IOException bin = assertThrows(
                IOException.class, () -> install(runtime, "--bin-dir=" + dangling, "--conf-dir=" + directory));
        assertTrue(
                String.valueOf(bin.getMessage())
                        .startsWith("cannot make " + dangling.resolve("weft-cni.d") + ": " + dangling
                                + " is a link to nowhere, which is not there"),
                bin.getMessage());
        final IOException conf = assertThrows(
                IOException.class,
                () -> install(runtime, "--bin-dir=" + directory.resolve("bin"), "--conf-dir=" + file));
        assertTrue(
                String.valueOf(conf.getMessage()).startsWith("cannot make " + file + ": " + file + " is no directory"),
                conf.getMessage());
    }

    /** In another directory of the runtime's they would do as well, so it is no failure. */
    @Test
    void shouldNamePluginsThatAreMissing() throws IOException {
        final Path bin = Files.createDirectory(directory.resolve("bin"));
        final Command.Result none = installByCommand(bin);
        assertEquals(0, none.exitCode(), none.toString());
        assertTrue(
                none.errors().contains(bin + " has no bridge, host-local, portmap")
                        && none.errors().contains("--bin-dir=/usr/lib/cni"),
                none.errors());
        Files.createFile(bin.resolve("bridge"));
        // As an init container sees a link of the host's.
        Files.createSymbolicLink(bin.resolve("host-local"), Path.of("/nowhere/host-local"));
        final Command.Result one = installByCommand(bin);
        assertTrue(one.errors().contains(bin + " has no portmap"), one.errors());
        Files.createFile(bin.resolve("portmap"));
        assertEquals("", installByCommand(bin).errors());
        final Path own = Files.writeString(directory.resolve("own"), """
                {"name":"n","cniVersion":"1.0.0","plugins":[
                {"type":"weft-cni","delegate":{"type":"ptp"},"ipam":{"type":"static"}},{"type":"tuning"}]}""");
        final Command.Result given = installByCommand(bin, "--conflist=" + own);
        assertTrue(given.errors().contains(bin + " has no ptp, static, tuning"), given.errors());
    }

    /** The launcher is a script, and such a host, as Bottlerocket or Talos, says no more than that a file is not there. */
    @Test
    void shouldSayThatTheHostHasNoShell() throws IOException {
        final Path host = directory.resolve("host");
        Files.createDirectories(host.resolve("usr/bin"));
        final String errors = installByCommand(directory.resolve("bin"), "--host-root=" + host)
                .errors();
        assertTrue(errors.contains("found no sh in " + host + "/bin or " + host + "/usr/bin"), errors);
        // As an init container sees a link of the host's.
        Files.createSymbolicLink(host.resolve("usr/bin/sh"), Path.of("/nowhere/dash"));
        final String more = installByCommand(directory.resolve("bin"), "--host-root=" + host)
                .errors();
        assertFalse(more.contains("no sh in"), more);
    }

    /** The CIS benchmark for Kubernetes, 1.1.9. */
    @Test
    void shouldLetNobodyElseReadTheConflist() throws IOException {
        assertEquals(0, installByCommand(directory.resolve("bin")).exitCode());
        assertEquals(
                "rw-------",
                PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(directory.resolve("conf/10-weft.conflist"))));
    }

    /** As CRI-O's own list, containerd's, or flannel's, in whose place pods would have no network of weft. */
    @Test
    void shouldNameListThatRuntimesTakeInItsPlace() throws IOException {
        final Path bin = Files.createDirectory(directory.resolve("bin"));
        for (final String type : List.of("bridge", "host-local", "portmap")) {
            Files.createFile(bin.resolve(type));
        }
        final Path conf = Files.createDirectory(directory.resolve("conf"));
        for (final String passedOver : List.of("10-crio-bridge.conflist.disabled", "10-other", "87-podman.conflist")) {
            Files.createFile(conf.resolve(passedOver));
        }
        Files.createDirectory(conf.resolve("05-directory.conf"));
        assertEquals("", installByCommand(bin).errors());
        Files.createFile(conf.resolve("10-flannel.conflist"));
        // As an init container sees a link of the host's.
        Files.createSymbolicLink(conf.resolve("10-containerd-net.json"), Path.of("/nowhere/list"));
        final Command.Result second = installByCommand(bin);
        assertEquals(0, second.exitCode(), second.toString());
        assertTrue(
                second.errors()
                        .contains("the first file of " + conf + " by name, which is 10-containerd-net.json and not"
                                + " 10-weft.conflist"),
                second.errors());
        assertEquals(
                "", installByCommand(bin, "--conflist-name=00-weft.conflist").errors());
    }

    private Command.Result installByCommand(final Path bin, final String... more) throws IOException {
        return Command.tryRun(List.of(
                "sh",
                "-c",
                InstalledPlugin.command() + " --bin-dir=" + bin + " --conf-dir=" + directory.resolve("conf") + " "
                        + String.join(" ", more)));
    }

    /** As after each has been installed at a time that the clock has later been put back from. */
    @ParameterizedTest
    @CsvSource({"1", "1000000", "1900000000000"})
    void shouldKeepWhatIsInUseWhenNumbersAreAhead(final String ahead) throws IOException {
        final String[] arguments = {
            "--bin-dir=" + directory.resolve("bin"),
            "--conf-dir=" + directory.resolve("conf"),
            "--runtime=" + runtimes(InstalledPlugin.binDir()).get(0)
        };
        install(arguments);
        final Path runtimes = directory.resolve("bin/weft-cni.d");
        Files.move(runtimes.resolve("1"), runtimes.resolve(ahead));
        Files.createDirectory(runtimes.resolve("0"));
        // Neither is a number of ours.
        Files.createDirectory(runtimes.resolve("99999999999999999999999"));
        Files.createDirectory(runtimes.resolve("1a"));
        for (int i = 1; i <= 3; i++) {
            install(arguments);
            assertAnswers(directory.resolve("bin/weft-cni"));
            assertTrue(Files.isDirectory(runtimes.resolve(Long.toString(Long.parseLong(ahead) + i))));
        }
        assertFalse(Files.exists(runtimes.resolve("0")));
        assertFalse(Files.exists(runtimes.resolve(ahead)));
        assertTrue(Files.exists(runtimes.resolve("99999999999999999999999")) && Files.exists(runtimes.resolve("1a")));
    }

    @Test
    void shouldTidyUpWhenAnInstallationWasKilled() throws IOException {
        final Path left = Files.createDirectories(directory.resolve("bin/weft-cni.d/new-1/bin"));
        install(
                "--bin-dir=" + directory.resolve("bin"),
                "--conf-dir=" + directory.resolve("conf"),
                "--runtime=" + runtimes(InstalledPlugin.binDir()).get(0));
        assertFalse(Files.exists(left));
        assertAnswers(directory.resolve("bin/weft-cni"));
    }

    @Test
    void shouldKeepWhatIsInstalledWhenNewRuntimeDoesNotRun() throws IOException {
        final Path good = runtimes(InstalledPlugin.binDir()).get(0);
        final String binDir = "--bin-dir=" + directory.resolve("bin");
        final String confDir = "--conf-dir=" + directory.resolve("conf");
        install(binDir, confDir, "--runtime=" + good);
        final Path bad = directory.resolve("bad");
        FileTrees.copy(good, bad);
        Files.writeString(bad.resolve("bin/java"), "#!/bin/sh\necho no such machine; exit 8\n");
        final IOException e = assertThrows(IOException.class, () -> install(binDir, confDir, "--runtime=" + bad));
        assertTrue(String.valueOf(e.getMessage()).contains("ended with 8: no such machine"), e.getMessage());
        assertAnswers(directory.resolve("bin/weft-cni"));
        assertEquals(1, runtimes(directory.resolve("bin")).size());
    }

    @Test
    void shouldSayWhatRuntimeIsMissingWhenDirectoryIsNone() {
        final IOException e = assertThrows(
                IOException.class,
                () -> install(
                        "--bin-dir=" + directory.resolve("bin"),
                        "--conf-dir=" + directory.resolve("conf"),
                        "--runtime=" + directory));
        assertEquals(directory + " is no Java runtime that install-cni --link has made", e.getMessage());
    }

    private static void assertAnswers(final Path plugin) {
        final Command.Result result = Command.tryRun(List.of("env", "CNI_COMMAND=VERSION", plugin.toString()));
        assertEquals(0, result.exitCode(), result.toString());
    }

    private static Path install(final String... arguments) throws IOException {
        return InstallCni.install(InstallOptions.parse(arguments));
    }

    private static List<Path> runtimes(final Path binDir) throws IOException {
        try (Stream<Path> files = Files.list(binDir.resolve("weft-cni.d"))) {
            return files.filter(Files::isDirectory).toList();
        }
    }
}
