/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.StartRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Has {@code weft show} begin to count anew, while the counters go on. */
@Command(
        name = "clear",
        mixinStandardHelpOptions = true,
        description =
                "Has weft show begin at 0 from now on, until the daemon starts anew; counters and metrics go on as they are.")
final class ClearCommand implements Callable<Integer> {
    @Mixin
    private Daemons daemons = new Daemons();

    @Option(names = "--failed-starts", description = "forgets starts that failed, and nothing else")
    private boolean isOfFailedStarts;

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    ClearCommand() {}

    @Override
    public Integer call() {
        final long nowMs = System.currentTimeMillis();
        final List<Map<String, Object>> cleared = new ArrayList<>();
        for (final DaemonRecord daemon : daemons.require()) {
            try {
                if (isOfFailedStarts) {
                    if (StartRecord.forget(daemon)) {
                        cleared.add(entry("start", daemon.name(), nowMs));
                    }
                    continue;
                }
                for (final DeviceRecord device : daemon.devices()) {
                    device.clear(nowMs);
                    cleared.add(entry("device", device.name(), nowMs));
                }
            } catch (final IOException failure) {
                throw new IllegalStateException(
                        "clear what is on record of " + daemon.name() + ": " + FileFailure.words(failure), failure);
            }
        }
        if (output.isJson()) {
            output.out().println(JsonOutput.of(cleared));
        }
        return 0;
    }

    private static Map<String, Object> entry(final String kind, final String name, final long nowMs) {
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put(kind, name);
        entry.put("cleared", CounterViews.time(nowMs));
        return entry;
    }
}
