/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * {@code weft install-cni}: puts the plugin and its configuration where the container runtime looks.
 *
 * <pre>
 *   BIN-DIR/weft-cni                   the launcher, a shell script
 *   BIN-DIR/weft-cni.d/NUMBER/         the Java runtime that this launcher starts
 *   CONF-DIR/10-weft.conflist          written last: a runtime that reads it finds all the rest
 * </pre>
 *
 * <p>Every file appears whole under its name or not at all, so that it may run while pods come and go. The previous runtime
 * is kept, for processes that have just started in it; older ones are deleted. One installation at a time has the lock
 * {@code BIN-DIR/weft-cni.d/lock}.
 */
public final class InstallCni {
    /** The plugin's {@code type}. */
    static final String PLUGIN = "weft-cni";

    private static final String RUNTIMES = PLUGIN + ".d";
    private static final String UNFINISHED = "new-";
    private static final int RUNTIMES_KEPT = 2;

    /** Of a runtime's directory; what is longer than a long is not ours. */
    private static final String NUMBER = "[0-9]{1,18}";

    private InstallCni() {}

    /**
     * Installs, and exits with 0; with 2 after a mistake on the command line, with 1 if it failed.
     *
     * @param arguments as in {@link InstallOptions#USAGE}.
     */
    public static void main(final String[] arguments) {
        final List<String> words = List.of(arguments);
        try {
            if (words.contains("-h") || words.contains("--help")) {
                System.out.print(InstallOptions.USAGE);
                return;
            }
            final InstallOptions options = InstallOptions.parse(arguments);
            final Path link = options.link();
            if (null != link) {
                PluginRuntime.link(link);
            } else {
                final String installed = install(options).toString();
                System.out.println(
                        options.isJson()
                                ? new String(Json.write(Map.of("installed", installed)), StandardCharsets.UTF_8)
                                : "installed " + installed);
            }
        } catch (final IllegalArgumentException e) {
            System.err.print("weft install-cni: " + e.getMessage() + '\n' + InstallOptions.USAGE);
            System.exit(2);
        } catch (final IOException e) {
            System.err.println("weft install-cni: " + describe(e));
            System.exit(1);
        }
    }

    /** The failure in words: what was tried with which file, and what to do. */
    private static String describe(final IOException e) {
        if (!(e instanceof FileSystemException failure)) {
            return String.valueOf(e.getMessage());
        }
        // Of a copy or a move, whose source is ours, the target is what can be amiss.
        final String file = null == failure.getOtherFile() ? failure.getFile() : failure.getOtherFile();
        if (e instanceof AccessDeniedException) {
            return "no permission for " + file
                    + ": run it as root, or name other directories by --bin-dir and --conf-dir";
        }
        if (e instanceof NoSuchFileException) {
            return "there is no " + file;
        }
        if (e instanceof FileAlreadyExistsException) {
            return file + " is there already";
        }
        return "cannot write " + file + ": " + failure.getReason()
                + "; name other directories by --bin-dir and --conf-dir";
    }

    /**
     * Installs the plugin and its configuration.
     *
     * @param options what and where.
     * @return the configuration's file.
     * @throws IOException if a file cannot be written, a runtime not be linked, or the plugin does not run there; what was
     *     installed before goes on working.
     */
    static Path install(final InstallOptions options) throws IOException {
        final Conflist conflist = conflist(options);
        final Path runtimes = createDirectories(options.binDir().resolve(RUNTIMES));
        final InstallLock lock = InstallLock.take(runtimes);
        try {
            final Path runtime = installRuntime(options, runtimes);
            final String relative = RUNTIMES + "/" + runtime.getFileName();
            final String launcher = resource("launcher.sh")
                    .replace("@RUNTIME@", relative)
                    .replace("@FLAGS@", PluginRuntime.flags(runtime, "${weft_cni%/*}/" + relative));
            replace(options.binDir().resolve(PLUGIN), launcher, "rwxr-xr-x");
            deleteOldRuntimes(runtimes);
        } finally {
            lock.close();
        }
        final Path configurationFile = createDirectories(options.confDir()).resolve(options.conflistName());
        // Container runtimes are root's; more than that is a finding of the CIS benchmark (1.1.9).
        replace(configurationFile, conflist.text(), "rw-------");
        warnOfMissing(conflist.types(), options.binDir());
        warnOfNoShell(options.hostRoot());
        warnOfFirst(options.confDir(), options.conflistName());
        return configurationFile;
    }

    private static Conflist conflist(final InstallOptions options) throws IOException {
        final Path file = options.conflist();
        final byte[] content = null == file
                ? resource("weft.conflist")
                        .replace("@CNI_VERSION@", options.cniVersion())
                        .getBytes(StandardCharsets.UTF_8)
                : Files.readAllBytes(file);
        try {
            return Conflist.read(content);
        } catch (final CniException e) {
            throw new IOException(file + ": " + e.message() + "; " + e.details(), e);
        }
    }

    /** Without them each pod fails; but they may come later, or be in another directory that the runtime looks into. */
    private static void warnOfMissing(final Set<String> types, final Path binDir) {
        final List<String> missing = new ArrayList<>();
        for (final String type : types) {
            // In a container a link of the host's leads nowhere.
            if (!Files.exists(binDir.resolve(type), LinkOption.NOFOLLOW_LINKS)) {
                missing.add(type);
            }
        }
        if (!missing.isEmpty()) {
            System.err.println("weft install-cni: " + binDir + " has no " + String.join(", ", missing)
                    + ", and every pod fails without. The reference plugins are in Debian's containernetworking-plugins, at"
                    + " /usr/lib/cni, which is also where Debian's containerd looks for plugins: --bin-dir=/usr/lib/cni, or"
                    + " copy them to " + binDir);
        }
    }

    /** By which the launcher is run; without it the kernel tells each pod that the plugin is not there. */
    private static void warnOfNoShell(final Path hostRoot) {
        final Path first = hostRoot.resolve("bin");
        final Path second = hostRoot.resolve("usr/bin");
        // In a container a link of the host's leads nowhere.
        if (!Files.exists(first.resolve("sh"), LinkOption.NOFOLLOW_LINKS)
                && !Files.exists(second.resolve("sh"), LinkOption.NOFOLLOW_LINKS)) {
            System.err.println(
                    "weft install-cni: found no sh in " + first + " or " + second
                            + ": on a host without /bin/sh, such as Bottlerocket or Talos, every pod fails, for the plugin is started by it");
        }
    }

    /** Another's list, by which pods would be wired in the place of this one. */
    private static void warnOfFirst(final Path confDir, final String own) throws IOException {
        String first = own;
        // What libcni takes for a configuration (ConfFiles), also a link of the host's.
        try (DirectoryStream<Path> files = Files.newDirectoryStream(confDir, "*.{conf,conflist,json}")) {
            for (final Path each : files) {
                final String name = String.valueOf(each.getFileName());
                if (name.compareTo(first) < 0 && !Files.isDirectory(each)) {
                    first = name;
                }
            }
        }
        if (!first.equals(own)) {
            System.err.println("weft install-cni: container runtimes take the first file of " + confDir
                    + " by name, which is " + first + " and not " + own
                    + ", so pods are wired by that one as long as it is"
                    + " there; --conflist-name gives weft's a name in front of it. One that calls weft's, as multus makes it,"
                    + " may stay");
        }
    }

    /** A directory with those above it; the failure says what is in the way. */
    private static Path createDirectories(final Path directory) throws IOException {
        try {
            return Files.createDirectories(directory);
        } catch (final FileAlreadyExistsException e) {
            final Path inTheWay = Path.of(e.getFile());
            throw new IOException(
                    "cannot make " + directory + ": " + inTheWay
                            + (Files.isSymbolicLink(inTheWay)
                                    ? " is a link to " + Files.readSymbolicLink(inTheWay) + ", which is not there"
                                    : " is no directory")
                            + "; name other directories by --bin-dir and --conf-dir",
                    e);
        }
    }

    /** Nobody but the holder of the lock works here, so an unfinished runtime was left by one that was killed. */
    private static Path installRuntime(final InstallOptions options, final Path runtimes) throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(runtimes, UNFINISHED + "*")) {
            for (final Path each : left) {
                FileTrees.delete(each);
            }
        }
        final List<Long> numbers = numbers(runtimes);
        final long number = numbers.isEmpty() ? 1 : numbers.get(0) + 1;
        final Path unfinished = runtimes.resolve(UNFINISHED + number);
        final Path runtime = runtimes.resolve(Long.toString(number));
        try {
            final Path given = null == options.runtime() ? PluginRuntime.own() : options.runtime();
            if (null == given) {
                PluginRuntime.link(unfinished);
            } else {
                PluginRuntime.copy(given, unfinished);
            }
            final String unknown = HostGlibc.check(unfinished, options.hostRoot());
            if (null != unknown) {
                System.err.println("weft install-cni: " + unknown);
            }
            PluginRuntime.tryOut(unfinished);
            Files.move(unfinished, runtime, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            FileTrees.delete(unfinished);
        }
        return runtime;
    }

    /** Writes a file, on disk, before it gets its name. The name in between does not end as configurations do. */
    private static void replace(final Path file, final String content, final String mode) throws IOException {
        final Path unfinished = file.resolveSibling(
                "." + file.getFileName() + ".new-" + ProcessHandle.current().pid());
        try {
            Files.writeString(unfinished, content);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString(mode));
            try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (final FileSystemException e) {
            throw e;
        } catch (final IOException e) {
            // Of a write, which does not name its file.
            throw new IOException(
                    "cannot write " + unfinished + ": " + e.getMessage()
                            + "; name other directories by --bin-dir and --conf-dir",
                    e);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static void deleteOldRuntimes(final Path runtimes) throws IOException {
        final List<Long> numbers = numbers(runtimes);
        for (int i = RUNTIMES_KEPT; i < numbers.size(); i++) {
            FileTrees.delete(runtimes.resolve(Long.toString(numbers.get(i))));
        }
    }

    /** The runtimes that are there, the newest first: each has the number after that of the one before, whatever the clock says. */
    private static List<Long> numbers(final Path runtimes) throws IOException {
        final List<Long> numbers = new ArrayList<>();
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(runtimes, "[0-9]*")) {
            for (final Path each : directories) {
                final String name = String.valueOf(each.getFileName());
                if (name.matches(NUMBER)) {
                    numbers.add(Long.parseLong(name));
                }
            }
        }
        numbers.sort(Comparator.reverseOrder());
        return numbers;
    }

    private static String resource(final String name) throws IOException {
        try (InputStream stream = Objects.requireNonNull(InstallCni.class.getResourceAsStream(name), name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
