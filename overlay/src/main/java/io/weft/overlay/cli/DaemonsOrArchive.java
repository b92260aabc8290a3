/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DamagedRecord;
import io.weft.overlay.record.ReportFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** For commands that only read records: those of a run directory, or as they were when they were put into an archive. */
final class DaemonsOrArchive extends Daemons {
    @Option(
            names = "--from",
            paramLabel = "FILE",
            description = "as they were when weft report wrote this archive, on this host or another")
    private @Nullable Path archive;

    /** For picocli. */
    DaemonsOrArchive() {}

    @Override
    List<DaemonRecord> all(final Consumer<DamagedRecord> unread) {
        final Path from = archive;
        if (null == from) {
            return super.all(unread);
        }
        try {
            final Path directory = Files.createTempDirectory("weft-report-");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory), "weft-tidy"));
            return ReportFile.read(from, directory);
        } catch (final IOException failure) {
            throw new IllegalStateException("make a directory for what is in " + from + ": " + failure, failure);
        }
    }

    private static void delete(final Path directory) {
        try {
            ReportFile.delete(directory);
        } catch (final IOException failure) {
            System.err.println("weft: delete " + directory + ": " + failure);
        }
    }

    @Override
    String missing() {
        return null == archive || !damaged().isEmpty() ? super.missing() : archive + " has no daemon" + ofDevice();
    }
}
