/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.lab.Jvm;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.daemon.WeftdMain;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

@RequiresRoot
class SoakTest {
    /** Each kind of change once, or more, before one account. */
    private static final Duration DURATION = Duration.ofSeconds(4);

    @Test
    void shouldHaveNothingToComplainOf() throws IOException {
        final List<String> command = new ArrayList<>(Jvm.words(WeftdMain.class));
        command.add(1, Footprint.JAVA_OPTION); // WEFT_JAVA_OPTS is for the launcher
        final List<String> lines = new ArrayList<>();
        try (Teardown teardown = new Teardown()) {
            assertEquals(
                    List.of(),
                    new Soak(DURATION, DURATION, Duration.ZERO, 3)
                            .run(
                                    "weft-soaktest-" + ProcessHandle.current().pid(),
                                    new Weftd(command, List.of(), "", ""),
                                    teardown,
                                    lines::add),
                    () -> String.join("\n", lines));
        }
        final String report = String.join("\n", lines);
        assertTrue(report.contains("weftd A: ") && report.contains("weftd B: "), report);
        assertTrue(report.contains("exchanges"), report);
    }
}
