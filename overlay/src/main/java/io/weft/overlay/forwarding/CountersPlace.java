/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.dataplane.counters.CountersFile;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Making a forwarder's counters file. */
final class CountersPlace {
    /** Counters of 64 workers with room to spare, of 640 bytes each, which are taken at the start whoever counts. */
    private static final int COUNTERS_CAPACITY = 10_240;
    /** Kubernetes is made for clusters of up to 5000 nodes; the rest is for those that come and go. */
    private static final int PEER_ROWS = 8192;

    private static final int MIB = 1 << 20;

    private CountersPlace() {}

    /** @throws StartupException with the option that chooses another place, if it cannot be made there. */
    static CountersFile create(final Path path, final int workers) {
        try {
            return CountersFile.create(
                    path,
                    COUNTERS_CAPACITY,
                    PEER_ROWS,
                    workers,
                    ProcessHandle.current().pid(),
                    System.currentTimeMillis());
        } catch (final Exception failure) { // Agrona throws IOException as well, undeclared
            throw failure(path, workers, failure);
        }
    }

    /** Where it is. */
    static Path of(final WeftOptions options, final UnderlayFamily family, final String deviceName) {
        return null == options.countersFile
                ? options.runDirectory.resolve(deviceName + ".counters")
                : options.countersFile.resolveSibling(options.countersFile.getFileName() + family.suffix());
    }

    /** Tries whether one can be made, beside that of a daemon that runs. */
    static void attempt(final WeftOptions options, final UnderlayFamily family, final String deviceName) {
        final Path path = CountersFile.fresh(of(options, family, deviceName));
        create(path, options.workers()).close();
        try {
            Files.deleteIfExists(path);
        } catch (final IOException failure) {
            throw failure(path, options.workers(), failure);
        }
    }

    private static StartupException failure(final Path path, final int workers, final Exception cause) {
        final Throwable reason =
                cause instanceof UncheckedIOException && null != cause.getCause() ? cause.getCause() : cause;
        final long needed = CountersFile.length(COUNTERS_CAPACITY, PEER_ROWS, workers);
        final long free = free(path);
        final boolean isWritten =
                reason instanceof IOException && !(reason instanceof FileSystemException); // and not just named
        return new StartupException(
                "make counters file " + path + ": "
                        + (isWritten && free < needed
                                ? "No space left on device: it takes " + (needed + MIB - 1) / MIB + " MiB, and "
                                        + free / MIB
                                        + " are free. Make room there, or choose another place by --counters-file"
                                : FileFailure.words(reason) + ". Choose a writable place by --counters-file"),
                cause);
    }

    /** Bytes that a file there may still take; more than any where that is not known. */
    private static long free(final Path path) {
        try {
            return Files.getFileStore(
                            Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file"))
                    .getUsableSpace();
        } catch (final IOException unknown) {
            return Long.MAX_VALUE;
        }
    }
}
