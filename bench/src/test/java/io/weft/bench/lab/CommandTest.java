/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.util.List;
import org.junit.jupiter.api.Test;

class CommandTest {
    private static final long LIMIT_MS = 3_000;

    @Test
    void shouldHaveStatusAndOutputOfWhatEnds() {
        assertEquals(new Command.Result(3, "words\n"), Command.tryRun(List.of("sh", "-c", "echo words; exit 3")));
    }

    /** What it leaves behind has its output, which Java does not always read on: it may end then, or not be waited for. */
    @Test
    void shouldNotWaitForWhatAProgramLeavesBehind() {
        final String seconds = uniqueSeconds();
        try {
            assertEquals(
                    "",
                    Command.tryRun(List.of("sh", "-c", "sleep " + seconds + " &"), LIMIT_MS)
                            .output());
        } catch (final Command.CommandException failure) {
            assertTrue(String.valueOf(failure.getMessage()).contains("after " + LIMIT_MS + " ms"), failure::getMessage);
        } finally {
            ofSleep(seconds).forEach(ProcessHandle::destroyForcibly);
        }
    }

    @Test
    void shouldEndWhatAProgramHasStartedWhenItDoesNotEnd() {
        final String seconds = uniqueSeconds();
        assertThrows(
                Command.CommandException.class,
                () -> Command.tryRun(List.of("sh", "-c", "sleep " + seconds + "; exit 0"), LIMIT_MS));
        Await.until(
                () -> "no " + ofSleep(seconds),
                Await.TIMEOUT_MS,
                () -> ofSleep(seconds).isEmpty());
    }

    /** An hour, written as nobody else does. */
    private static String uniqueSeconds() {
        return "3600." + ProcessHandle.current().pid() + System.nanoTime();
    }

    private static List<ProcessHandle> ofSleep(final String seconds) {
        return ProcessHandle.allProcesses()
                .filter(process -> process.info().commandLine().orElse("").contains(seconds))
                .toList();
    }
}
