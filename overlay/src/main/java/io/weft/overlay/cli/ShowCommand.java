/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.TablesFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** What a daemon forwards by and has counted, as it left that on record: also of one that hangs or is dead. */
@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what daemons forward by and what they have counted, also those that hang or are dead.",
            "  ports       packets, reads and writes, and losses where packets come and go",
            "  routes      as ip route",
            "  neighbours  as ip neigh",
            "  fdb         as bridge fdb",
            "  peers       packets and bytes each way, last heard, path MTU, last ICMP error",
            "  drops       why packets ended: count, rate, first and last time",
            "  agents      how busy each data thread is, and its longest stall",
        })
final class ShowCommand implements Callable<Integer> {
    /** In the words of the command. */
    enum What {
        ports,
        routes,
        neighbours,
        fdb,
        peers,
        drops,
        agents
    }

    @Parameters(paramLabel = "ports|routes|neighbours|fdb|peers|drops|agents")
    private What what = What.ports;

    @Mixin
    private DaemonsOrArchive daemons = new DaemonsOrArchive();

    @Mixin
    private Output output = new Output();

    private boolean isAllRead = true;

    /** For picocli. */
    ShowCommand() {}

    @Override
    public Integer call() {
        final List<DaemonRecord> found = daemons.require();
        daemons.warnOfAge(found);
        isAllRead = daemons.damaged().isEmpty();
        switch (what) {
            case ports -> counted(found, CounterViews::ports, CounterViews::portLine);
            case routes -> table(found, TablesFile.Kind.ROUTE, TableViews::route);
            case neighbours -> table(found, TablesFile.Kind.NEIGHBOUR, TableViews::neighbour);
            case fdb -> table(found, TablesFile.Kind.FDB, TableViews::fdbEntry);
            case peers -> counted(found, PeerViews::peers, PeerViews::line);
            case drops -> counted(found, CounterViews::drops, CounterViews::dropLine);
            case agents -> entries(found, CounterViews::agents, CounterViews::agentLine);
        }
        return isAllRead ? 0 : 1;
    }

    /** What is asked of each device; of one whose record cannot be read that is told, and the others are shown. */
    private <T> List<T> ofEach(
            final List<DaemonRecord> found, final BiFunction<DaemonRecord, DeviceRecord, List<T>> question) {
        final List<T> all = new ArrayList<>();
        for (final DaemonRecord daemon : found) {
            for (final DeviceRecord device : daemon.devices()) {
                try {
                    all.addAll(question.apply(daemon, device));
                } catch (final IllegalStateException damaged) {
                    daemons.warn(device.name() + ": " + damaged.getMessage());
                    isAllRead = false;
                }
            }
        }
        return all;
    }

    private static Stream<String> lines(final DeviceRecord device, final TablesFile.Kind kind) {
        return device.table(kind).stream().sorted(TableViews.BY_KEY);
    }

    private void table(
            final List<DaemonRecord> found,
            final TablesFile.Kind kind,
            final Function<String, Map<String, Object>> json) {
        if (output.isJson()) {
            output.print(
                    ofEach(
                            found,
                            (daemon, device) -> lines(device, kind)
                                    .map(line -> Words.withAge(json.apply(line), daemon))
                                    .toList()),
                    entry -> "");
        } else {
            ofEach(found, (daemon, device) -> lines(device, kind).toList()).forEach(output::line);
        }
    }

    private void counted(
            final List<DaemonRecord> found,
            final BiFunction<DeviceRecord, CountersRecord, List<Map<String, Object>>> view,
            final Function<Map<String, Object>, String> line) {
        entries(found, (daemon, device) -> view.apply(device, device.counters()), line);
    }

    private void entries(
            final List<DaemonRecord> found,
            final BiFunction<DaemonRecord, DeviceRecord, List<Map<String, Object>>> view,
            final Function<Map<String, Object>, String> line) {
        output.print(
                ofEach(
                        found,
                        (daemon, device) -> view.apply(daemon, device).stream()
                                .map(entry -> Words.withAge(entry, daemon))
                                .toList()),
                line);
    }
}
