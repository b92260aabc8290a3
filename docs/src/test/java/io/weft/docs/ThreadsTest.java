/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of threads in docs/architecture.md, held against the names in the code. */
class ThreadsTest {
    /** Whatever is named so in what runs as weftd is a thread: commands have their own in the room {@code cli}. */
    private static final Pattern IN_CODE = Pattern.compile("\"(weft-[a-z-]*[a-z])\"");

    private static final Pattern IN_TABLE = Pattern.compile("`(weft-[a-z-]*[a-z])`");
    private static final Path ROOT = Path.of("..");

    private static Set<String> found(final Pattern names, final String text) {
        return names.matcher(text)
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> namesInCode() throws IOException {
        final Set<String> all = new TreeSet<>();
        for (final String module : List.of("native-loader", "dataplane", "overlay")) {
            final Path sources = ROOT.resolve(module).resolve("src/main/java");
            try (Stream<Path> files = Files.walk(sources)) {
                final List<Path> ofDaemon = files.filter(file -> file.toString().endsWith(".java"))
                        .filter(file -> !file.startsWith(sources.resolve("io/weft/overlay/cli")))
                        .toList();
                for (final Path file : ofDaemon) {
                    all.addAll(found(IN_CODE, Files.readString(file)));
                }
            }
        }
        return all;
    }

    @Test
    void shouldNameEachThreadOfTheDaemonInItsTable() throws IOException {
        final String page = Files.readString(ROOT.resolve("docs/architecture.md"));
        final String rows = page.lines()
                .dropWhile(line -> !line.equals("| thread | does | may touch |"))
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> line.split("\\|", -1)[1])
                .collect(Collectors.joining("\n"));
        assertEquals(namesInCode(), found(IN_TABLE, rows));
    }
}
