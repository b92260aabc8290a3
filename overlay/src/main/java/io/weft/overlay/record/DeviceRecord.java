/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.overlay.lifecycle.FileFailure;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A device on record.
 *
 * @param name of the device.
 * @param directory that the record is in.
 * @param countersFile that its counters are in.
 */
public record DeviceRecord(String name, Path directory, Path countersFile) {
    /** After the device's name, where no other file was asked for. */
    static final String COUNTERS_SUFFIX = ".counters";

    /** What names of files begin with, of devices and of daemons: no place in another directory. */
    private static final Pattern NAME = Pattern.compile("(?!\\.\\.?$)[^/\\s\\p{Cntrl}]{1,64}");

    /** Whether a device or a daemon may be called so. */
    public static boolean isName(final String text) {
        return NAME.matcher(text).matches();
    }

    /**
     * Its counters, as they are now, since they were cleared.
     *
     * @throws IllegalStateException if the file is damaged, or gone.
     */
    public CountersRecord counters() {
        return Baseline.apply(baselineFile(), CountersRecord.read(countersFile));
    }

    private IllegalStateException unread(final Exception failure) {
        return new IllegalStateException(
                "read the tables of " + name + " in " + directory + ": " + FileFailure.words(failure), failure);
    }

    private Path baselineFile() {
        return directory.resolve(name + Baseline.SUFFIX);
    }

    /**
     * Has what was counted until now not shown any more.
     *
     * @param nowMs milliseconds since 1970.
     * @throws IOException if that cannot be noted.
     */
    public void clear(final long nowMs) throws IOException {
        Baseline.write(baselineFile(), CountersRecord.read(countersFile), nowMs);
    }

    /** Deletes all that is on record of it; counters where they were asked for are the operator's. */
    void delete() throws IOException {
        for (final String suffix : List.of(TablesFile.SUFFIX, Baseline.SUFFIX, COUNTERS_SUFFIX)) {
            Files.deleteIfExists(directory.resolve(name + suffix));
        }
    }

    /**
     * Its tables, as last put on record, to look up in; whoever asks has to close them.
     *
     * @param context that they are made for.
     * @throws IllegalStateException if there is no such record, or it is damaged.
     */
    public RoutingTables tables(final RoutingContext context) {
        final RoutingTables tables = new RoutingTables(context);
        boolean isLoaded = false;
        try {
            TablesFile.load(directory, name, tables);
            isLoaded = true;
            return tables;
        } catch (final IOException | IllegalArgumentException failure) {
            throw unread(failure);
        } finally {
            if (!isLoaded) {
                tables.close();
            }
        }
    }

    /**
     * The entries of one of its tables, as last put on record.
     *
     * @throws IllegalStateException if there is no such record.
     */
    public List<String> table(final TablesFile.Kind kind) {
        try {
            return TablesFile.read(directory, name, kind);
        } catch (final IOException failure) {
            throw unread(failure);
        }
    }
}
