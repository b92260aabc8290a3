/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lifecycle.PlainText;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.agrona.concurrent.status.CountersReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints the counters of a daemon's mapped file, dead or alive. */
@Command(
        name = "counters",
        mixinStandardHelpOptions = true,
        description = "Shows what a daemon has counted, and what each drop reason means; also of one that is dead.")
final class CountersCommand implements Callable<Integer> {
    /** What the labels of drop reasons mean, in the order of their ids. */
    private static final Map<String, String> MEANINGS = Arrays.stream(DropReason.values())
            .collect(Collectors.toMap(
                    DropReason::name, DropReason::description, (one, other) -> one, LinkedHashMap::new));

    @Mixin
    private DaemonFiles files = new DaemonFiles();

    @Option(names = "--counters-file", paramLabel = "FILE", description = "default: <run-dir>/<device>.counters")
    private @Nullable Path countersFile;

    @Option(names = "--all", description = "also those that are zero")
    private boolean isZeroWanted;

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    CountersCommand() {}

    @Override
    public Integer call() {
        final Path path = null == countersFile ? files.file(".counters") : countersFile;
        if (!Files.isReadable(path) || Files.isDirectory(path)) {
            throw new IllegalStateException(path + " cannot be read: name the daemon's --device or --counters-file");
        }
        try (CountersFile file = CountersFile.open(path)) {
            print(file);
        }
        return 0;
    }

    private void print(final CountersFile file) {
        final Map<String, Long> values = new LinkedHashMap<>();
        final CountersReader reader = file.reader();
        reader.forEach((id, typeId, key, label) -> {
            final long value = reader.getCounterValue(id);
            if (typeId < RecentCounters.DERIVED_TYPE_ID_BASE && (isZeroWanted || 0 != value)) {
                values.merge(label, value, Long::sum);
            }
        });
        final PrintWriter out = output.out();
        // Less than nothing when a clock was set back in between.
        final long heartbeatAgeMs = Math.max(0, System.currentTimeMillis() - file.heartbeatMs());
        if (output.isJson()) {
            out.println(json(file.pid(), heartbeatAgeMs, values));
        } else {
            out.println("process " + file.pid() + ", last sign of life " + heartbeatAgeMs + " ms ago");
            values.forEach((label, value) -> print(out, label, value));
        }
    }

    /** What a reason means has a line of its own, as a remark: scripts take the lines of a value and a label apart. */
    private static void print(final PrintWriter out, final String label, final long value) {
        out.printf("%20d  %s%n", value, PlainText.of(label));
        final String meaning = MEANINGS.get(label);
        if (null != meaning) {
            out.printf("%20s  # %s%n", "", meaning);
        }
    }

    private static String json(final long pid, final long heartbeatAgeMs, final Map<String, Long> values) {
        final StringBuilder text = new StringBuilder("{\"pid\":" + pid + ",\"heartbeatAgeMs\":" + heartbeatAgeMs);
        text.append(",\"counters\":");
        object(text, values, String::valueOf);
        final Map<String, String> meanings = new LinkedHashMap<>(MEANINGS);
        meanings.keySet().retainAll(values.keySet());
        text.append(",\"meanings\":");
        object(text, meanings, JsonValue::quote);
        return text.append('}').toString();
    }

    private static <T> void object(
            final StringBuilder text, final Map<String, T> members, final Function<T, String> write) {
        text.append('{');
        String separator = "";
        for (final Map.Entry<String, T> member : members.entrySet()) {
            text.append(separator)
                    .append(JsonValue.quote(member.getKey()))
                    .append(':')
                    .append(write.apply(member.getValue()));
            separator = ",";
        }
        text.append('}');
    }
}
