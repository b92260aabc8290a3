/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import io.weft.linux.Netns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What tests must leave as they find it, one line for each thing, so that two states can be told apart. */
final class MachineState {
    /** Where weft, flannel and CNI plugins write unless they are told another place. */
    static final List<Path> DEFAULT_PLACES = Stream.of(
                    "/etc/cni",
                    "/etc/kube-flannel",
                    "/etc/weft",
                    "/opt/cni",
                    "/run/cni",
                    "/run/flannel",
                    "/run/weft",
                    "/var/lib/cni",
                    "/var/lib/weft")
            .map(Path::of)
            .toList();

    /**
     * Counters are left out, and so is what a kernel module that is loaded meanwhile adds, and the parameters of devices: a
     * device is seen by its link.
     */
    private static final String NETWORK = """
            ip -o link; ip -o address; ip rule; ip -6 rule
            ip route show table all; ip -6 route show table all
            ! command -v nft >/dev/null || nft list ruleset
            cat /proc/self/net/ip_tables_names /proc/self/net/ip6_tables_names 2>/dev/null
            cd /proc/sys/net
            grep -rs . ipv4/ip_forward ipv4/ping_group_range ipv[46]/conf/all ipv[46]/conf/default ipv[46]/conf/lo
            """;

    /** All of version 2, or the controllers of version 1, each in a directory of its own. */
    private static final Path CONTROL_GROUPS = Path.of("/sys/fs/cgroup");

    private final Set<String> lines;

    private MachineState(final Set<String> lines) {
        this.lines = lines;
    }

    /** Links, addresses, rules, routes, packet filters and kernel parameters of the calling thread's network namespace. */
    static MachineState ofNetwork() {
        return new MachineState(Command.tryRun(List.of("sh", "-c", NETWORK))
                .output()
                .lines()
                .collect(Collectors.toCollection(TreeSet::new)));
    }

    /** The files in these places and below, with length and time of change. */
    static MachineState ofFiles(final List<Path> places) {
        final Set<String> lines = new TreeSet<>();
        for (final Path place : places) {
            try {
                Files.walkFileTree(place, new Listing(lines));
            } catch (final IOException e) {
                throw new UncheckedIOException("list " + place, e);
            }
        }
        return new MachineState(lines);
    }

    /** The network namespaces and control groups that this process has made and not deleted, known by its id in their names. */
    static MachineState ofOwnNames() {
        final Set<String> lines = new TreeSet<>();
        addFiles(lines, Netns.DIRECTORY, NetworkNamespace.ownPrefix() + "*");
        final String group = "*-" + ProcessHandle.current().pid();
        addFiles(lines, CONTROL_GROUPS, group);
        for (final Path controller : list(CONTROL_GROUPS, "*")) {
            addFiles(lines, controller, group);
        }
        return new MachineState(lines);
    }

    private static void addFiles(final Set<String> lines, final Path directory, final String pattern) {
        list(directory, pattern).forEach(file -> lines.add(file.toString()));
    }

    private static List<Path> list(final Path directory, final String pattern) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        final List<Path> all = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, pattern)) {
            files.forEach(all::add);
        } catch (final IOException e) {
            throw new UncheckedIOException("list " + directory, e);
        }
        return all;
    }

    /** This and another thing of the machine together. */
    MachineState and(final MachineState other) {
        final Set<String> both = new TreeSet<>(lines);
        both.addAll(other.lines);
        return new MachineState(both);
    }

    /** What is different later: a line with {@code -} for what is gone, with {@code +} for what is new; empty if nothing is. */
    String differenceTo(final MachineState later) {
        return Stream.concat(
                        lines.stream()
                                .filter(line -> !later.lines.contains(line))
                                .map(line -> "- " + line),
                        later.lines.stream()
                                .filter(line -> !lines.contains(line))
                                .map(line -> "+ " + line))
                .collect(Collectors.joining("\n"));
    }

    private static final class Listing extends SimpleFileVisitor<Path> {
        private final Set<String> lines;

        Listing(final Set<String> lines) {
            this.lines = lines;
        }

        @Override
        public FileVisitResult preVisitDirectory(final Path directory, final BasicFileAttributes attributes) {
            lines.add(directory + "/");
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFile(final Path file, final BasicFileAttributes attributes) {
            lines.add(file + ", " + attributes.size() + " B, " + attributes.lastModifiedTime());
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(final Path file, final IOException failure) throws IOException {
            if (failure instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE; // The place is not there, or the file has just gone.
            }
            throw failure;
        }
    }
}
