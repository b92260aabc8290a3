/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A device on record.
 *
 * @param name of the device.
 * @param directory that the record is in.
 * @param countersFile that its counters are in.
 */
public record DeviceRecord(String name, Path directory, Path countersFile) {
    /**
     * Its counters, as they are now.
     *
     * @throws IllegalStateException if the file is damaged, or gone.
     */
    public CountersRecord counters() {
        return CountersRecord.read(countersFile);
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
            throw new IllegalStateException(
                    "read the tables of " + name + " in " + directory + ": " + failure, failure);
        }
    }
}
