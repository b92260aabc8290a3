/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The threads of weftd that docs/architecture.md names, held against the sources. */
class ThreadsTest {
    private static final Path ROOT = Path.of(System.getProperty("weft.root"));
    /** A whole string: those of data threads and agents go on with a worker's number. */
    private static final Pattern IN_SOURCE = Pattern.compile("\"(weft(?:-[a-z]+)+)\"");

    private static final Pattern IN_TABLE = Pattern.compile("`(weft(?:-[a-z]+)+)`");

    private static Set<String> names(final Pattern pattern, final Stream<String> texts) {
        return texts.flatMap(text -> pattern.matcher(text).results().map((MatchResult name) -> name.group(1)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Of the modules that weftd is made of, but for the rooms of other commands. */
    private static Set<String> ofSources() throws IOException {
        final Set<String> names = new TreeSet<>();
        for (final String module : List.of("native-loader", "dataplane", "overlay")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                names.addAll(names(
                        IN_SOURCE,
                        files.filter(file -> file.toString().endsWith(".java")
                                        && !file.getParent().endsWith("overlay/cli"))
                                .map(ThreadsTest::read)));
            }
        }
        return names;
    }

    private static String read(final Path file) {
        try {
            return Files.readString(file);
        } catch (final IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }

    @Test
    void shouldNameEachThreadOfWeftd() throws IOException {
        final List<String> lines = Files.readAllLines(ROOT.resolve("docs/architecture.md"));
        final int head = lines.indexOf("| thread | does | may touch |");
        final Stream<String> firstColumn = lines.stream()
                .skip(head)
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> line.split("\\|", -1)[1]);
        assertEquals(ofSources(), names(IN_TABLE, firstColumn));
    }
}
