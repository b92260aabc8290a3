/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The machine that a run is measured on, as reports tell it: names and values, in their order. */
public final class Machine {
    /** The name of the figure that says which congestion control TCP has; streams may be given another one. */
    public static final String CONGESTION_CONTROL = "congestion control";

    private static final String SYSTEM_CALL = "system call";
    private static final String WAKE_UP_SAME = "wake-up on the same core";
    private static final String WAKE_UP_ACROSS = "wake-up across cores";

    private static final Path CPU = Path.of("/proc/cpuinfo");
    private static final Path MITIGATIONS = Path.of("/sys/devices/system/cpu/vulnerabilities");
    private static final Path BOARD = Path.of("/sys/class/dmi/id");
    private static final Path TCP = Path.of("/proc/sys/net/ipv4");
    private static final String UNKNOWN = "unknown";

    private Machine() {}

    /** The congestion controls that this kernel has. */
    public static List<String> congestionControls() {
        return List.of(text(TCP.resolve("tcp_available_congestion_control")).split(" "));
    }

    /** What it is, and what it costs. */
    public static Map<String, String> describe(final MachineCosts costs) throws IOException {
        final Map<String, String> machine = new LinkedHashMap<>();
        machine.put("processor", processor() + ", " + Runtime.getRuntime().availableProcessors() + " cores");
        machine.put("virtualisation", virtualisation());
        machine.put("kernel", System.getProperty("os.version"));
        machine.put("mitigations", mitigations());
        machine.put(CONGESTION_CONTROL, text(TCP.resolve("tcp_congestion_control")));
        machine.put("Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        machine.put(SYSTEM_CALL, microseconds(OptionalDouble.of(costs.systemCallNs())));
        machine.put(WAKE_UP_SAME, microseconds(costs.wakeUpSameNs()));
        machine.put(WAKE_UP_ACROSS, microseconds(costs.wakeUpAcrossNs()));
        machine.put("copy within L2", gigabytes(costs.copyNear()));
        machine.put("copy in memory", gigabytes(costs.copyFar()));
        return machine;
    }

    /**
     * The same where {@link DearCalls} are imitated.
     *
     * @param asItIs without them.
     * @param imitated with them; a wake-up is calls as well, which are dearer then.
     */
    public static Map<String, String> describe(final MachineCosts asItIs, final MachineCosts imitated)
            throws IOException {
        final Map<String, String> machine = describe(imitated);
        machine.computeIfPresent(
                SYSTEM_CALL,
                (name, dear) -> microseconds(OptionalDouble.of(asItIs.systemCallNs())) + "; imitated: " + dear
                        + " (wake-ups are not imitated)");
        machine.computeIfPresent(WAKE_UP_SAME, (name, dear) -> withDearCalls(asItIs.wakeUpSameNs(), dear));
        machine.computeIfPresent(WAKE_UP_ACROSS, (name, dear) -> withDearCalls(asItIs.wakeUpAcrossNs(), dear));
        return machine;
    }

    private static String withDearCalls(final OptionalDouble asItIsNs, final String dear) {
        return microseconds(asItIsNs) + "; with imitated calls: " + dear;
    }

    private static String microseconds(final OptionalDouble ns) {
        return ns.isPresent() ? String.format(Locale.ROOT, "%.2f µs", ns.getAsDouble() / 1e3) : UNKNOWN;
    }

    private static String gigabytes(final double perSecond) {
        return String.format(Locale.ROOT, "%.1f GB/s", perSecond);
    }

    private static String processor() throws IOException {
        return cpuLines("model name").findFirst().orElse(System.getProperty("os.arch"));
    }

    private static Stream<String> cpuLines(final String key) throws IOException {
        return Files.readAllLines(CPU, UTF_8).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).strip());
    }

    /** Hypervisors show themselves by a processor flag, and by what they call the board. */
    private static String virtualisation() throws IOException {
        final boolean isGuest =
                cpuLines("flags").anyMatch(flags -> List.of(flags.split(" ")).contains("hypervisor"));
        final String board = (text(BOARD.resolve("sys_vendor")) + ' ' + text(BOARD.resolve("product_name"))).strip();
        return (isGuest ? "a guest" : "none that shows") + (board.isEmpty() ? "" : ", " + board);
    }

    /** What is mitigated, without what the processor is not affected by. */
    private static String mitigations() throws IOException {
        if (!Files.isDirectory(MITIGATIONS)) {
            return UNKNOWN;
        }
        try (Stream<Path> files = Files.list(MITIGATIONS)) {
            final String all = files.sorted()
                    .map(file -> Map.entry(String.valueOf(file.getFileName()), text(file)))
                    .filter(entry -> !entry.getValue().startsWith("Not affected"))
                    .map(entry -> entry.getKey() + ": " + entry.getValue().replace("Mitigation: ", ""))
                    .collect(Collectors.joining("; "));
            return all.isEmpty() ? "none needed" : all;
        }
    }

    /** Nothing where it cannot be read. */
    private static String text(final Path file) {
        try {
            return Files.readString(file, UTF_8).strip();
        } catch (final IOException unreadable) {
            return "";
        }
    }
}
