/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.lang.module.ModuleDescriptor.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whether a host's C library is new enough for a Java runtime. An init container may have a newer one than the host on which the plugin
 * shall run, where the loader would refuse it for each pod ("version `GLIBC_2.34' not found").
 */
final class HostGlibc {
    private static final Pattern VERSION = Pattern.compile("GLIBC_([0-9]+(?:\\.[0-9]+)+)");
    private static final String LIBRARY = "libc.so.6";

    /** Debian's names of directories, by the machine in an ELF file's header (elf.h, EM_). */
    private static final Map<Integer, String> MULTIARCH = Map.of(
            62, "x86_64-linux-gnu",
            183, "aarch64-linux-gnu",
            243, "riscv64-linux-gnu",
            22, "s390x-linux-gnu",
            21, "powerpc64le-linux-gnu");

    private HostGlibc() {}

    /**
     * Compares a runtime's binaries with the host's library.
     *
     * @param runtime with bin/java.
     * @param hostRoot where the host's root directory is, or a directory with its usr.
     * @return what could not be compared, in a sentence, or null.
     * @throws IOException if the runtime asks for a newer one than there is.
     */
    static @Nullable String check(final Path runtime, final Path hostRoot) throws IOException {
        Version needed = null;
        int machine = 0;
        for (final Path file : files(runtime)) {
            final ElfFile binary = ElfFile.open(file);
            if (null != binary) {
                machine = binary.machine();
                needed = newest(needed, versions(file, binary::versionsNeeded));
            }
        }
        if (null == needed) {
            return null; // of another C library, or a script: it is tried out
        }
        final Path library = library(hostRoot, machine);
        final ElfFile found = null == library ? null : ElfFile.open(library);
        if (null == library || null == found) {
            return "found no " + LIBRARY + " below " + hostRoot + ": whether the host has the glibc " + needed
                    + " that the plugin's Java runtime needs is not known";
        }
        final Version there = newest(null, versions(library, found::versionsDefined));
        if (null == there || there.compareTo(needed) < 0) {
            throw new IOException(
                    "the plugin's Java runtime needs glibc " + needed + " or newer, and " + library + " is " + there
                            + ": name a runtime by --runtime that --link has made with a JDK for so old a host");
        }
        return null;
    }

    private static List<Path> files(final Path runtime) throws IOException {
        try (Stream<Path> files = Files.walk(runtime)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    private static List<Version> versions(final Path file, final Supplier<List<String>> names) throws IOException {
        try {
            return names.get().stream()
                    .map(VERSION::matcher)
                    .filter(Matcher::matches)
                    .map(matcher -> Version.parse(matcher.group(1)))
                    .toList();
        } catch (final IndexOutOfBoundsException | ArithmeticException e) {
            throw new IOException(file + " is damaged: its versions lie outside of it", e);
        }
    }

    private static @Nullable Version newest(final @Nullable Version first, final List<Version> others) {
        Version newest = first;
        for (final Version each : others) {
            newest = null == newest || newest.compareTo(each) < 0 ? each : newest;
        }
        return newest;
    }

    /** The one for a machine, in the directories in which distributions have it; or null. */
    private static @Nullable Path library(final Path hostRoot, final int machine) throws IOException {
        final String multiarch = MULTIARCH.getOrDefault(machine, "");
        for (final String directory :
                List.of("usr/lib/" + multiarch, "lib/" + multiarch, "usr/lib64", "lib64", "usr/lib", "lib")) {
            final Path library = hostRoot.resolve(directory).resolve(LIBRARY);
            if (Files.isRegularFile(library)) {
                final ElfFile file = ElfFile.open(library);
                if (null != file && machine == file.machine()) {
                    return library;
                }
            }
        }
        return null;
    }
}
