/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.overlay.forwarding.BufferBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What operators are told that the defaults make of their machine. */
class DefaultsTest {
    private static final Path PAGE = Path.of("..", "docs", "performance.md");
    private static final String HEADING = "| cores | workers |";

    @Test
    void shouldMakeOfAMachineWhatThePageSays() throws IOException {
        final List<String> rows = Files.readAllLines(PAGE).stream()
                .dropWhile(line -> !line.startsWith(HEADING))
                .skip(2)
                .takeWhile(line -> line.startsWith("|"))
                .toList();
        assertEquals(
                IntStream.of(1, 2, 4, 8, 64, 260).mapToObj(DefaultsTest::row).toList(), rows);
    }

    private static String row(final int cores) {
        final int workers = WeftOptions.defaultWorkers(cores);
        return String.format(
                "| %d | %d | %d | %d | %d | %d | %d | %d |",
                cores,
                workers,
                workers,
                workers,
                workers,
                workers * UnderlaySockets.SEND_SOCKETS_DEFAULT,
                BufferBudget.mebibytes(workers),
                BufferBudget.egressMebibytes(workers));
    }
}
