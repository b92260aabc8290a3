/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lifecycle.FileFailure;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * The records of all daemons of a host in one zip archive, to be read elsewhere as they were. What only the host can tell, whether a
 * process lives and how old its sign of life was, is in {@value #INDEX}.
 */
public final class ReportFile {
    private static final String INDEX = "report.json";
    private static final String RECORDS = "*.{status,tables,counters,baseline}";
    /** What is taken out of an archive, which somebody else may have made: plain names of records, of a size that records have. */
    private static final String NAMES = "[^/\\\\]{1,64}\\.(status|tables|counters|baseline)|report\\.json";

    /** What a zip file begins with that has something in it. */
    private static final byte[] ZIP = {'P', 'K', 3, 4};

    /** Counters are mapped, and all else is read into memory. */
    private static final long COUNTERS_LENGTH_MAX = 64 << 20;

    private static final long LENGTH_MAX = 16 << 20;
    private static final int PART_LENGTH = 1 << 16;
    private static final int ENTRIES_MAX = 1_000;

    private ReportFile() {}

    /**
     * Where and when an archive was written.
     *
     * @param writtenMs milliseconds since 1970.
     * @param host its name.
     * @param version of weft.
     * @param networkNamespace number of that which weft ran in; 0 where an older version did not tell.
     */
    public record Origin(long writtenMs, String host, String version, long networkNamespace) {
        /** Here and now. */
        public static Origin here(final String version) {
            return new Origin(System.currentTimeMillis(), hostName(), version, ProcessIdentity.namespace("net"));
        }

        private static String hostName() {
            try {
                return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
            } catch (final IOException untold) {
                return "";
            }
        }

        private static Origin of(final JsonValue index) {
            final JsonValue namespace = index.member("networkNamespace");
            return new Origin(
                    index.required("writtenMs").integer(0, Long.MAX_VALUE),
                    text(index, "host"),
                    text(index, "version"),
                    null == namespace ? 0 : namespace.integer(0, Long.MAX_VALUE));
        }

        private static String text(final JsonValue index, final String key) {
            final JsonValue text = index.member(key);
            return null == text ? "" : text.string();
        }
    }

    /**
     * What is in an archive.
     *
     * @param origin of it.
     * @param daemons as they were.
     */
    public record Content(Origin origin, List<DaemonRecord> daemons) {}

    /**
     * Writes one, for its owner alone to read; of one that cannot be written to its end, nothing stays.
     *
     * @param directory that the records are in; also what cannot be read there goes in as it is.
     * @param texts to go in beside the records, by name.
     * @param origin of this archive.
     */
    public static void write(
            final Path file,
            final Path directory,
            final List<DaemonRecord> daemons,
            final Map<String, String> texts,
            final Origin origin)
            throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            writeTo(Files.newOutputStream(file), directory, daemons, texts, origin); // a pipe, say
            return;
        }
        final Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
        final Path fresh = Files.createTempFile(target.getParent(), ".weft-report-", ".new", OwnDirectory.OWN_FILE);
        try {
            writeTo(Files.newOutputStream(fresh), directory, daemons, texts, origin);
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    /** The same, to somebody who takes it as it comes. */
    public static void writeTo(
            final OutputStream out,
            final Path directory,
            final List<DaemonRecord> daemons,
            final Map<String, String> texts,
            final Origin origin)
            throws IOException {
        final Set<String> names = new HashSet<>();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            put(zip, INDEX, index(daemons, origin).getBytes(UTF_8));
            for (final DaemonRecord daemon : daemons) {
                putFile(zip, names, daemon.name() + NodeRecord.STATUS_SUFFIX, daemon.file());
                for (final DeviceRecord device : daemon.devices()) {
                    for (final String suffix : List.of(TablesFile.SUFFIX, Baseline.SUFFIX)) {
                        putFile(
                                zip,
                                names,
                                device.name() + suffix,
                                device.directory().resolve(device.name() + suffix));
                    }
                    putFile(zip, names, device.name() + DeviceRecord.COUNTERS_SUFFIX, device.countersFile());
                }
            }
            try (DirectoryStream<Path> others = Files.newDirectoryStream(directory, RECORDS)) {
                for (final Path other : others) {
                    putFile(zip, names, String.valueOf(other.getFileName()), other);
                }
            }
            for (final Map.Entry<String, String> text : texts.entrySet()) {
                put(zip, text.getKey(), text.getValue().getBytes(UTF_8));
            }
        }
    }

    private static String index(final List<DaemonRecord> daemons, final Origin origin) {
        final Map<String, Object> states = new LinkedHashMap<>();
        for (final DaemonRecord daemon : daemons) {
            final Map<String, Object> state = new LinkedHashMap<>();
            state.put("liveness", daemon.liveness().name());
            state.put("ageMs", daemon.ageMs());
            states.put(daemon.name(), state);
        }
        final Map<String, Object> index = new LinkedHashMap<>();
        index.put("writtenMs", origin.writtenMs);
        index.put("host", origin.host);
        index.put("version", origin.version);
        index.put("networkNamespace", origin.networkNamespace);
        index.put("daemons", states);
        return JsonOutput.of(index);
    }

    private static void put(final ZipOutputStream zip, final String name, final byte[] content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content);
        zip.closeEntry();
    }

    /** Once. */
    private static void putFile(final ZipOutputStream zip, final Set<String> names, final String name, final Path file)
            throws IOException {
        if (Files.isRegularFile(file) && names.add(name)) {
            put(zip, name, Files.readAllBytes(file));
        }
    }

    /**
     * Reads an archive.
     *
     * @param directory empty, that the records are taken out into, and have to stay in while they are read.
     * @throws IllegalStateException if it is no such archive, or damaged.
     */
    public static Content read(final Path file, final Path directory) {
        if (Files.exists(file) && !Files.isRegularFile(file)) { // a pipe may have nobody who writes
            throw new IllegalStateException(
                    file + " is no ordinary file: name an archive that weft report wrote, a copy of it as a file");
        }
        try {
            extract(file, directory);
            final Path indexFile = directory.resolve(INDEX);
            if (Files.notExists(indexFile)) {
                throw new IllegalStateException(file + " is no archive of weft report: " + whatItIs(file));
            }
            final JsonValue index = JsonReader.read(Files.readAllBytes(indexFile), INDEX);
            final List<DaemonRecord> daemons = new ArrayList<>();
            for (final Map.Entry<String, JsonValue> daemon :
                    index.required("daemons").members().entrySet()) {
                daemons.add(daemon(directory, daemon.getKey(), daemon.getValue()));
            }
            daemons.sort(Comparator.comparing(DaemonRecord::name));
            return new Content(Origin.of(index), List.copyOf(daemons));
        } catch (final NoSuchFileException | EOFException cut) {
            throw new IllegalStateException(
                    Files.exists(file)
                            ? file + " is cut short: have it sent or copied once more"
                            : file + " is not there: name an archive that weft report wrote",
                    cut);
        } catch (final AccessDeniedException denied) {
            throw new IllegalStateException(file + " is not for this user to read", denied);
        } catch (final IOException | JsonException | IllegalArgumentException failure) {
            throw new IllegalStateException(
                    file + " is no archive of weft report, or damaged: " + FileFailure.words(failure), failure);
        }
    }

    private static DaemonRecord daemon(final Path directory, final String name, final JsonValue state)
            throws IOException {
        if (!DeviceRecord.isName(name)) {
            throw state.error("is of a daemon whose name cannot be one");
        }
        final JsonValue liveness = state.required("liveness");
        return DaemonRecord.read(
                directory.resolve(name + NodeRecord.STATUS_SUFFIX),
                Liveness.of(liveness.string())
                        .orElseThrow(() -> liveness.error("is " + JsonValue.quote(liveness.string())
                                + ", which this version of weft does not know: read it by the version that wrote it")),
                state.required("ageMs").integer(0, Long.MAX_VALUE));
    }

    private static String whatItIs(final Path file) throws IOException {
        if (0 == Files.size(file)) {
            return "it is empty";
        }
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(ZIP, in.readNBytes(ZIP.length))
                    ? "a zip file of something else, or cut short"
                    : "it is no zip file at all";
        }
    }

    private static void extract(final Path file, final Path directory) throws IOException {
        try (InputStream in = Files.newInputStream(file);
                ZipInputStream zip = new ZipInputStream(in)) {
            int entries = 0;
            for (ZipEntry entry = zip.getNextEntry(); null != entry; entry = zip.getNextEntry()) {
                if (++entries > ENTRIES_MAX) {
                    throw new IOException("it has more than " + ENTRIES_MAX + " entries");
                }
                if (entry.getName().matches(NAMES)) {
                    take(zip, entry, directory.resolve(entry.getName()));
                }
            }
        }
    }

    /** What is longer than any record is not read to its end, whatever length it says that it has. */
    private static void take(final InputStream in, final ZipEntry entry, final Path record) throws IOException {
        final long max = entry.getName().endsWith(DeviceRecord.COUNTERS_SUFFIX) ? COUNTERS_LENGTH_MAX : LENGTH_MAX;
        long length = Math.max(0, entry.getSize());
        try (OutputStream out = Files.newOutputStream(record)) {
            final byte[] part = new byte[PART_LENGTH];
            long taken = 0;
            for (int read = 0; read >= 0 && length <= max; read = in.read(part)) {
                out.write(part, 0, read);
                taken += read;
                length = Math.max(length, taken);
            }
        }
        if (length > max) {
            throw new IOException(entry.getName() + " is longer than a record");
        }
    }

    /** Deletes what was taken out. */
    public static void delete(final Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (final Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }
}
