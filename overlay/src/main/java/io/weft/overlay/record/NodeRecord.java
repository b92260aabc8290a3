/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * A node on record: its status, whose file's time is also the daemon's sign of life, and its tables. Control thread alone, which
 * spends a small part of its time on it however many leases there are.
 */
public final class NodeRecord implements AutoCloseable {
    /** After the name of the first device. */
    static final String STATUS_SUFFIX = ".status";

    private static final System.Logger LOG = System.getLogger(NodeRecord.class.getName());
    /** Writing the tables takes one part of so many of the control thread's time. */
    private static final int TABLES_SHARE = 20;
    /** And where it takes next to none of it, this is what lies between: each time much is left to collect. */
    private static final long TABLES_PAUSE_NS = TimeUnit.SECONDS.toNanos(1);

    private final Path runDirectory;
    private final String name;
    private final Consumer<BiConsumer<String, RoutingTables>> tables;
    private Map<String, Object> status = Map.of();
    private Runnable onTables = () -> {};
    private boolean isTablesDue = true;
    private long nextTablesNs = System.nanoTime();
    private boolean isKept;
    /** Those that there are tables of. */
    private final Set<String> devices = new HashSet<>();
    /** Of what cannot be written at present, why. */
    private final Map<String, String> troubles = new HashMap<>();

    /**
     * @param runDirectory of the daemon.
     * @param name of the first device.
     * @param tables calls with each device and its tables.
     */
    public NodeRecord(
            final Path runDirectory, final String name, final Consumer<BiConsumer<String, RoutingTables>> tables) {
        this.runDirectory = runDirectory;
        this.name = name;
        this.tables = tables;
    }

    private Path statusFile() {
        return runDirectory.resolve(name + STATUS_SUFFIX);
    }

    /** Shows that the control thread lives, and how the node is; once a second. */
    public void status(final Map<String, Object> now) {
        attempt(STATUS_SUFFIX, () -> {
            if (!now.equals(status) || !touch()) {
                try {
                    writeStatus(now);
                } catch (final IOException noRoom) {
                    touch(); // an older state is a sign of life too
                    throw noRoom;
                }
                status = now;
            }
        });
        isTablesDue |= devices.stream().anyMatch(device -> Files.notExists(TablesFile.of(runDirectory, device)));
        writeTables();
    }

    private void writeStatus(final Map<String, Object> content) throws IOException {
        RecordFile.replace(statusFile(), out -> out.write(JsonOutput.of(content) + '\n'));
    }

    private boolean touch() throws IOException {
        try {
            Files.setLastModifiedTime(statusFile(), FileTime.fromMillis(System.currentTimeMillis()));
            return true;
        } catch (final NoSuchFileException removed) {
            return false;
        }
    }

    /** From now on this is called whenever all tables are on record as they are. */
    public void onTables(final Runnable task) {
        onTables = task;
    }

    /** The tables have changed. */
    public void tablesChanged() {
        isTablesDue = true;
        writeTables();
    }

    private void writeTables() {
        final long beginNs = System.nanoTime();
        if (!isTablesDue || beginNs - nextTablesNs < 0) {
            return;
        }
        isTablesDue = false;
        tables.accept((device, table) -> {
            devices.add(device);
            if (!attempt(device, () -> TablesFile.write(runDirectory, device, table))) {
                isTablesDue = true; // to be tried again
            }
        });
        final long endNs = System.nanoTime();
        nextTablesNs = endNs + Math.max(TABLES_PAUSE_NS, TABLES_SHARE * (endNs - beginNs));
        if (!isTablesDue) {
            onTables.run();
        }
    }

    private interface Step {
        void run() throws IOException;
    }

    /** Nothing that is forwarded depends on it. Returns whether it was possible; why it is not is said once. */
    private boolean attempt(final String what, final Step step) {
        try {
            step.run();
            troubles.remove(what);
            return true;
        } catch (final IOException failure) {
            final String found = FileFailure.words(failure);
            if (!found.equals(troubles.put(what, found))) {
                LOG.log(
                        WARNING,
                        "write below {0}: {1}. The command weft shows an older state until that can be written{2}",
                        runDirectory,
                        found,
                        LogFields.of("directory", runDirectory));
            }
            return false;
        }
    }

    /** Lets the record outlive the node: for one that was ready once, and not for a start that failed. */
    public void keep() {
        isKept = true;
    }

    @Override
    public void close() throws IOException {
        if (isKept) {
            final Map<String, Object> last = new LinkedHashMap<>(status);
            last.put("ready", false);
            last.put("ended", true);
            attempt(STATUS_SUFFIX, () -> writeStatus(last));
        } else {
            Files.deleteIfExists(statusFile());
            for (final String device : devices) {
                Files.deleteIfExists(TablesFile.of(runDirectory, device));
            }
        }
    }
}
