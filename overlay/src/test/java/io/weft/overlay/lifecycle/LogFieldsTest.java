/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LogFieldsTest {
    private static final Pattern CALL = Pattern.compile("LOG\\s*\\.log\\((.*?)\\)+(?:;\\n|\\n +\\.)", Pattern.DOTALL);
    private static final Pattern LITERAL = Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*\"");

    /** What is a sentence already, by the names that sentences have. */
    private static final Pattern WORDS =
            Pattern.compile("\\s*(?:[\\w.(]+\\.getMessage\\(\\)?\\)?|(?:\\w+T|t)rouble|cause|found|failure|defect"
                    + "|hindrance|misfit|droppers|why|line|words|STOPPED|PodPortChoice\\.of\\(.*)?\\s*");

    @Test
    void shouldPutValuesInQuotesThatAreMoreThanAWord() {
        assertEquals(
                " device=weft.1 packets=7 reason=\"told to stop\" none=\"\" said=\"a \\\"b\\\" c\"",
                LogFields.of(
                        "device", "weft.1", "packets", 7L, "reason", "told to stop", "none", "", "said", "a \"b\"\nc"));
    }

    /** Of all lines but those for who looks for a fault in weft itself. */
    @Test
    void shouldStandBehindTheWordsOfEachLineThatHasAValue() throws IOException {
        final List<String> bare = new ArrayList<>();
        int calls = 0;
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            for (final Path file :
                    files.filter(path -> path.toString().endsWith(".java")).toList()) {
                final Matcher call = CALL.matcher(Files.readString(file));
                while (call.find()) {
                    calls++;
                    if (!isWellMade(call.group(1).strip())) {
                        bare.add(file.getFileName() + ": " + call.group(1).strip());
                    }
                }
            }
        }
        assertTrue(calls > 100, "calls of the log are found");
        assertEquals(List.of(), bare);
    }

    private static boolean isWellMade(final String arguments) {
        return arguments.startsWith("DEBUG,")
                || arguments.matches("(?s).*(ogFields|\\bfields\\b).*")
                || Arrays.stream(LITERAL.matcher(arguments).replaceAll("").split("[,+]", -1))
                        .skip(1)
                        .allMatch(value -> WORDS.matcher(value).matches());
    }
}
