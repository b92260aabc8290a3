/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.registry.BoundedFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The file that {@link KnownLeases} are kept in: a line with format and checksum, then JSON. Whatever is wrong with it, or with its
 * place, is said once and harms nothing: a node then waits for its registry as it would without a file.
 */
public final class KnownLeasesFile {
    /** flannel's etcd leases live as long (pkg/subnet/etcd, subnetTTL): after that none of them need be there any more. */
    static final long AGE_MAX_MS = TimeUnit.HOURS.toMillis(24);

    private static final System.Logger LOG = System.getLogger(KnownLeasesFile.class.getName());
    /** More than what {@link io.weft.overlay.registry.Registry#LEASES_MAX} leases of both families take. */
    private static final int LENGTH_MAX = 10 << 20;

    private static final int HEAD_LENGTH = head(0).length;
    private static final String PREFIX = "leases-";
    /** Also of a process that was killed while it wrote. */
    private static final String LEFT = "{" + PREFIX + "*,." + PREFIX + "*.new}";

    private final Path file;
    private final String daemon;
    private final boolean allocates;
    private String trouble = "";

    /**
     * The file of a daemon, which need not be there yet.
     *
     * @param directory that holds the files of all daemons of this host.
     * @param daemon what tells it from the others, and the registry too.
     * @param allocates the registry hands out subnets.
     */
    public KnownLeasesFile(final Path directory, final String daemon, final boolean allocates) {
        this.daemon = daemon;
        this.allocates = allocates;
        file = directory.toAbsolutePath().resolve(PREFIX + String.format(Locale.ROOT, "%08x", daemon.hashCode()));
    }

    private static byte[] head(final long checksum) {
        return String.format(Locale.ROOT, "weft-leases 2 %08x\n", checksum).getBytes(StandardCharsets.US_ASCII);
    }

    /** Which daemon it is of. */
    String daemon() {
        return daemon;
    }

    /**
     * What is in it; null without a file, or with one that is of no use.
     *
     * @param nowMs milliseconds since 1970. A clock that has gone back, as one without a battery, says nothing of the age.
     */
    @Nullable
    KnownLeases read(final long nowMs) {
        if (!Files.exists(file)) {
            return null;
        }
        try {
            OwnDirectory.require("--state-dir", Objects.requireNonNull(file.getParent()));
            if (OwnDirectory.isOpenToOthers(file)) {
                throw new IOException("other users can open it");
            }
            final KnownLeases known = KnownLeases.read(body(), file.toString(), allocates);
            if (!known.daemon().equals(daemon)) {
                throw new IOException("is of another daemon, " + known.daemon());
            }
            final long ageMs = nowMs - known.confirmedMs();
            if (ageMs > AGE_MAX_MS) {
                throw new IOException("is " + TimeUnit.MILLISECONDS.toHours(ageMs) + " hours old");
            }
            final Long untilMs = known.ownUntilMs();
            if (null != untilMs && nowMs > untilMs) {
                throw new IOException("is of a lease that has ended, so that another node may have the subnet");
            }
            return known;
        } catch (final IOException | JsonException | StartupException failure) {
            LOG.log(
                    WARNING,
                    "{0} is not used: {1}. This node waits for its registry{2}",
                    file,
                    failure.getMessage(),
                    LogFields.of("file", file));
            return null;
        }
    }

    private byte[] body() throws IOException {
        final byte[] all = BoundedFile.read(file, LENGTH_MAX);
        final CRC32C checksum = new CRC32C();
        checksum.update(all, Math.min(HEAD_LENGTH, all.length), Math.max(0, all.length - HEAD_LENGTH));
        final byte[] head = head(checksum.getValue());
        if (all.length < HEAD_LENGTH || !ByteBuffer.wrap(all, 0, HEAD_LENGTH).equals(ByteBuffer.wrap(head))) {
            throw new IOException("is damaged, or was written by another version");
        }
        return Arrays.copyOfRange(all, HEAD_LENGTH, all.length);
    }

    /**
     * Writes it by rename, mode 0600.
     *
     * @return false when that is not possible; what was there before stays.
     */
    boolean write(final KnownLeases known) {
        final Path fresh = file.resolveSibling('.' + String.valueOf(file.getFileName()) + ".new");
        try {
            OwnDirectory.require("--state-dir", Objects.requireNonNull(file.getParent()));
            try {
                Files.deleteIfExists(fresh);
                try (FileChannel channel = FileChannel.open(
                        fresh,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        OwnDirectory.OWN_FILE)) {
                    write(known, channel);
                    channel.force(true); // else a power loss may leave the name with an empty file
                }
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(fresh);
            }
            trouble = "";
            return true;
        } catch (final IOException | StartupException failure) {
            final String found = failure instanceof StartupException
                    ? String.valueOf(failure.getMessage())
                    : "write " + file + ": " + FileFailure.words(failure)
                            + ". Make room there, or choose a writable place by --state-dir";
            if (!found.equals(trouble)) {
                LOG.log(
                        WARNING,
                        "{0}. Without it a node that starts while its registry is away does not forward; tried again",
                        found);
            }
            trouble = found;
            return false;
        }
    }

    private static void write(final KnownLeases known, final FileChannel channel) throws IOException {
        final CRC32C checksum = new CRC32C();
        channel.write(ByteBuffer.wrap(head(0)));
        final OutputStream out = new CheckedOutputStream(Channels.newOutputStream(channel), checksum);
        final BufferedWriter writer = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
        known.write(writer);
        writer.flush();
        channel.write(ByteBuffer.wrap(head(checksum.getValue())), 0);
    }

    /** Forgets what is in it: the registry says otherwise. */
    void delete() {
        try {
            Files.deleteIfExists(file);
        } catch (final IOException failure) {
            LOG.log(WARNING, "delete {0}: {1}{2}", file, failure, LogFields.of("file", file));
        }
    }

    /**
     * Deletes the files of all daemons of this host.
     *
     * @throws UncheckedIOException when that is not possible.
     */
    public static void deleteAll(final Path directory) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, LEFT)) {
            for (final Path file : files) {
                Files.deleteIfExists(file);
            }
        } catch (final IOException failure) {
            throw new UncheckedIOException("delete what is in " + directory, failure);
        } catch (final DirectoryIteratorException failure) {
            throw new UncheckedIOException("delete what is in " + directory, failure.getCause());
        }
    }
}
