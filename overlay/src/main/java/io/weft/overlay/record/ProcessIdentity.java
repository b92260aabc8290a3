/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which process it is: a number is used again, and means another process in another PID namespace, but no two that begin at one tick
 * have the same. Source: proc_pid_stat(5).
 *
 * @param pid in its own PID namespace.
 * @param startTicks when it began, in clock ticks since the boot.
 * @param pidNamespace inode of its PID namespace; 0 where that is not told.
 */
public record ProcessIdentity(long pid, long startTicks, long pidNamespace) {
    private static final Path PROC = Path.of("/proc");
    private static final Pattern NAMESPACE = Pattern.compile("\\w+:\\[(\\d+)]");
    /** The fields behind the name, which may have spaces and brackets in it: the first is the state. */
    private static final int STATE_FIELD = 0;

    private static final int START_FIELD = 19;

    /** This process. */
    public static ProcessIdentity own() {
        final String[] fields = fields(PROC.resolve("self"));
        return new ProcessIdentity(
                ProcessHandle.current().pid(),
                fields.length > START_FIELD ? Long.parseLong(fields[START_FIELD]) : 0,
                namespace("pid"));
    }

    /** As records tell it, with the network namespace of the calling thread. */
    public Map<String, Object> description() {
        final Map<String, Object> description = new LinkedHashMap<>();
        description.put("pid", pid);
        description.put("startTicks", startTicks);
        description.put("pidNamespace", pidNamespace);
        description.put("networkNamespace", namespace("net"));
        return description;
    }

    /** Inode of the calling thread's namespace of a kind, as {@code net}; 0 where that is not told. */
    public static long namespace(final String kind) {
        return namespace(PROC.resolve("thread-self"), kind);
    }

    private static long namespace(final Path process, final String kind) {
        try {
            final Matcher link = NAMESPACE.matcher(
                    Files.readSymbolicLink(process.resolve("ns").resolve(kind)).toString());
            return link.matches() ? Long.parseLong(link.group(1)) : 0;
        } catch (final IOException untold) {
            return 0;
        }
    }

    private static String[] fields(final Path process) {
        try {
            final String stat = Files.readString(process.resolve("stat"));
            return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        } catch (final IOException gone) {
            return new String[0];
        }
    }

    /** The letter for the process's state; empty when it is gone, or nobody knows. */
    Optional<Character> state() {
        if (namespace("pid") == pidNamespace) {
            return state(PROC.resolve(Long.toString(pid)));
        }
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (final Path process : processes) {
                final Optional<Character> state = state(process);
                if (state.isPresent() && namespace(process, "pid") == pidNamespace) {
                    return state;
                }
            }
        } catch (final IOException failure) {
            return Optional.empty();
        }
        return Optional.empty();
    }

    private Optional<Character> state(final Path process) {
        final String[] fields = fields(process);
        return fields.length > START_FIELD && fields[START_FIELD].equals(Long.toString(startTicks))
                ? Optional.of(fields[STATE_FIELD].charAt(0))
                : Optional.empty();
    }
}
