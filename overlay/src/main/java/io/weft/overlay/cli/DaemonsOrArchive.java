/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DamagedRecord;
import io.weft.overlay.record.ReportFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
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

    /** Of the archive that was read last. */
    private ReportFile.@Nullable Origin origin;

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
            final ReportFile.Content content = ReportFile.read(from, directory);
            origin = content.origin();
            warn(words(from, content.origin()));
            return content.daemons();
        } catch (final IOException failure) {
            throw new IllegalStateException(
                    "make a directory for what is in " + from + ": " + FileFailure.words(failure), failure);
        }
    }

    private static String words(final Path file, final ReportFile.Origin origin) {
        return file + ": as it was at "
                + Instant.ofEpochMilli(origin.writtenMs()).truncatedTo(ChronoUnit.SECONDS)
                + (origin.host().isEmpty() ? "" : " on host " + origin.host())
                + (origin.version().isEmpty() ? "" : ", written by weft " + origin.version());
    }

    @Override
    String whichNamespace(final long number) {
        final ReportFile.Origin written = origin;
        if (null == written) {
            return super.whichNamespace(number);
        }
        return 0 == written.networkNamespace()
                ? ""
                : number == written.networkNamespace() ? " (that of weft report)" : " (not that of weft report)";
    }

    private static void delete(final Path directory) {
        try {
            ReportFile.delete(directory);
        } catch (final IOException failure) {
            System.err.println("weft: delete " + directory + ": " + FileFailure.words(failure));
        }
    }

    @Override
    String missing() {
        return null == archive || !damaged().isEmpty() ? super.missing() : archive + " has no daemon" + ofDevice();
    }
}
