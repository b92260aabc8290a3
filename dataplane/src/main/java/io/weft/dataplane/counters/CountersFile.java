/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.agrona.BitUtil;
import org.agrona.IoUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.jspecify.annotations.Nullable;

/**
 * The file that holds all counters. It is mapped by the process that counts, outlives it, and is read by any other
 * process of the same user, also when the first one hangs or is dead.
 *
 * <pre>
 *   0  int   format version, written last     8  long  process id
 *  16  long  started at, ms since the epoch   24  long  heartbeat, ms since the epoch
 *  32  int   metadata length                  36  int   values length
 *  40  int   peers length
 * 128  counters' metadata and values (org.agrona.concurrent.status.CountersReader), then a {@link PeerTable}
 * </pre>
 *
 * All numbers in the machine's byte order, as Agrona's are.
 */
public final class CountersFile implements AutoCloseable {
    /** Format of the header; another one is not read. */
    public static final int VERSION = 2;

    /** Type id of remarks: what was chosen, and why. */
    public static final int REMARK_TYPE_ID = 600;

    private static final int VERSION_OFFSET = 0;
    private static final int PID_OFFSET = 8;
    private static final int STARTED_OFFSET = PID_OFFSET + Long.BYTES;
    private static final int HEARTBEAT_OFFSET = STARTED_OFFSET + Long.BYTES;
    private static final int METADATA_LENGTH_OFFSET = HEARTBEAT_OFFSET + Long.BYTES;
    private static final int VALUES_LENGTH_OFFSET = METADATA_LENGTH_OFFSET + Integer.BYTES;
    private static final int PEERS_LENGTH_OFFSET = VALUES_LENGTH_OFFSET + Integer.BYTES;
    private static final int HEADER_LENGTH = 2 * BitUtil.CACHE_LINE_LENGTH;

    private static final int BLOCK_LENGTH = 1 << 16;

    /** Appended to the name of a file that is not in its place yet. */
    private static final String FRESH_SUFFIX = ".new";

    private final MappedByteBuffer mapped;
    private final UnsafeBuffer header;
    private final UnsafeBuffer metadata;
    private final UnsafeBuffer values;
    private final UnsafeBuffer peersBuffer;
    private @Nullable CountersManager manager;
    private @Nullable PeerTable peers;
    /** What readers find since somebody removed the file; null while it is there. */
    private @Nullable MappedByteBuffer copy;

    private CountersFile(
            final MappedByteBuffer mapped, final int metadataLength, final int valuesLength, final int peersLength) {
        this.mapped = mapped;
        header = new UnsafeBuffer(mapped, 0, HEADER_LENGTH);
        metadata = new UnsafeBuffer(mapped, HEADER_LENGTH, metadataLength);
        values = new UnsafeBuffer(mapped, HEADER_LENGTH + metadataLength, valuesLength);
        peersBuffer = new UnsafeBuffer(mapped, HEADER_LENGTH + metadataLength + valuesLength, peersLength);
    }

    /** The same, and nothing is counted by peer. */
    public static CountersFile create(final Path path, final int capacity, final long pid, final long nowMs) {
        return create(path, capacity, 1, 1, pid, nowMs);
    }

    /**
     * Makes the file anew, in place of what an earlier process left. No other user may read it.
     *
     * @param capacity how many counters there is room for.
     * @param peerRows how many peers there is room for, and one more.
     * @param workers that count by peer.
     * @param pid of this process.
     * @param nowMs milliseconds since the epoch.
     * @throws UncheckedIOException if it cannot be made, or there is no room for all of it; then nothing is left of it.
     */
    public static CountersFile create(
            final Path path,
            final int capacity,
            final int peerRows,
            final int workers,
            final long pid,
            final long nowMs) {
        final long length = length(capacity, peerRows, workers);
        final File file = path.toFile();
        IoUtil.ensureDirectoryExists(file.getAbsoluteFile().getParentFile(), "counters directory");
        IoUtil.deleteIfExists(file);
        final int valuesLength = capacity * CountersReader.COUNTER_LENGTH;
        final int metadataLength = capacity * CountersReader.METADATA_LENGTH;
        final int peersLength = PeerTable.length(peerRows, workers);
        final MappedByteBuffer mapped = mapNew(path, length);
        final CountersFile counters = new CountersFile(mapped, metadataLength, valuesLength, peersLength);
        PeerTable.format(counters.peersBuffer, peerRows, workers);
        counters.header.putLong(PID_OFFSET, pid, nativeOrder());
        counters.header.putLong(STARTED_OFFSET, nowMs, nativeOrder());
        counters.header.putLong(HEARTBEAT_OFFSET, nowMs, nativeOrder());
        counters.header.putInt(METADATA_LENGTH_OFFSET, metadataLength, nativeOrder());
        counters.header.putInt(VALUES_LENGTH_OFFSET, valuesLength, nativeOrder());
        counters.header.putInt(PEERS_LENGTH_OFFSET, peersLength, nativeOrder());
        counters.header.putIntRelease(VERSION_OFFSET, VERSION);
        return counters;
    }

    /** Bytes of a file that is made so. */
    public static long length(final int capacity, final int peerRows, final int workers) {
        return HEADER_LENGTH
                + (long) capacity * (CountersReader.COUNTER_LENGTH + CountersReader.METADATA_LENGTH)
                + PeerTable.length(peerRows, workers);
    }

    /**
     * Of a name that is there, a link that another user has put there among them, nothing is opened. All blocks of the file are taken
     * at once: who touches a mapped page for which a full disk has no block gets SIGBUS, and that would be a data thread, later.
     */
    private static MappedByteBuffer mapNew(final Path path, final long length) {
        try (FileChannel channel = FileChannel.open(
                path,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            try {
                final ByteBuffer zeros = ByteBuffer.allocate(BLOCK_LENGTH);
                for (long written = 0; written < length; ) {
                    written += channel.write(zeros.clear().limit((int) Math.min(BLOCK_LENGTH, length - written)));
                }
                return channel.map(FileChannel.MapMode.READ_WRITE, 0, length);
            } catch (final IOException failure) {
                Files.deleteIfExists(path);
                throw failure;
            }
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Where the file is made while its place is another process's. */
    public static Path fresh(final Path path) {
        return path.resolveSibling(path.getFileName() + FRESH_SUFFIX);
    }

    /**
     * Puts what was made at {@link #fresh} in its place. Who has the earlier file open keeps it.
     *
     * @throws IOException if that is not possible.
     */
    public static void take(final Path path) throws IOException {
        Files.move(fresh(path), path, StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Prepares to go on counting where another process stops, so that no value goes back. Values are those of counters with the
     * same type and label; those of a worker that this process has not are added to another's. What is no count, such as the length of
     * a queue, is left alone. For the process that made the file.
     *
     * @param before of the other process, open as long as the result is run.
     * @return adds what the other has counted since the last time: to be run, for the last time, when the other process counts no more
     *     and the agents of this one do not count yet; and before that to have less to do then.
     */
    public Runnable continuing(final CountersFile before) {
        final Map<String, Integer> own = new HashMap<>();
        reader().forEach((id, typeId, key, label) -> {
            own.put(typeId + label + key.getInt(0), id);
            own.putIfAbsent(typeId + label, id);
        });
        final List<Continued> all = new ArrayList<>();
        before.reader().forEach((id, typeId, key, label) -> {
            final Integer same = own.get(typeId + label + key.getInt(0));
            final Integer target = null == same ? own.get(typeId + label) : same;
            if (WorkerCounters.isCount(typeId) && null != target) {
                all.add(new Continued(
                        before.values, CountersReader.counterOffset(id), values, CountersReader.counterOffset(target)));
            }
        });
        final Runnable peersToo = peers().continuing(before.peers(), before::heartbeatMs);
        return () -> {
            all.forEach(Continued::add);
            peersToo.run();
        };
    }

    /** A counter that goes on from another's value. */
    private static final class Continued {
        private final UnsafeBuffer source;
        private final int sourceOffset;
        private final UnsafeBuffer target;
        private final int targetOffset;
        private long taken;

        Continued(
                final UnsafeBuffer source, final int sourceOffset, final UnsafeBuffer target, final int targetOffset) {
            this.source = source;
            this.sourceOffset = sourceOffset;
            this.target = target;
            this.targetOffset = targetOffset;
        }

        /** Adds what was counted there since the last time. */
        void add() {
            final long now = source.getLongVolatile(sourceOffset);
            target.putLongRelease(targetOffset, target.getLongVolatile(targetOffset) + now - taken);
            taken = now;
        }
    }

    /**
     * Opens a file to read it.
     *
     * @throws IllegalStateException if it is no counters file, or one of another version, or a part of one.
     */
    public static CountersFile open(final Path path) {
        final MappedByteBuffer mapped = mapExisting(path);
        final UnsafeBuffer header = new UnsafeBuffer(mapped);
        final int version = header.getIntVolatile(VERSION_OFFSET);
        if (VERSION != version) {
            IoUtil.unmap(mapped);
            throw new IllegalStateException(
                    path + " has counters format " + version + ", but this program reads " + VERSION);
        }
        final int metadataLength = header.getInt(METADATA_LENGTH_OFFSET, nativeOrder());
        final int valuesLength = header.getInt(VALUES_LENGTH_OFFSET, nativeOrder());
        final int peersLength = header.getInt(PEERS_LENGTH_OFFSET, nativeOrder());
        if (!isWhole(mapped.capacity(), metadataLength, valuesLength, peersLength)) {
            IoUtil.unmap(mapped);
            throw new IllegalStateException(path + " has not the length that it tells: it is damaged");
        }
        final CountersFile counters = new CountersFile(mapped, metadataLength, valuesLength, peersLength);
        if (!PeerTable.isWhole(counters.peersBuffer)) {
            counters.close();
            throw new IllegalStateException(path + " has not the peers that it tells: it is damaged");
        }
        if (!counters.hasLabels()) {
            counters.close();
            throw new IllegalStateException(path + " has a label that is longer than a label can be: it is damaged");
        }
        return counters;
    }

    private static MappedByteBuffer mapExisting(final Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new IllegalStateException(path + " is no ordinary file");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            final long length = channel.size();
            if (length < HEADER_LENGTH || length > Integer.MAX_VALUE) {
                throw new IllegalStateException(
                        path + " has " + length + " bytes, which is not the length of counters: it is damaged");
            }
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, length);
        } catch (final NoSuchFileException missing) {
            throw new IllegalStateException(path + " is not there", missing);
        } catch (final AccessDeniedException denied) {
            throw new IllegalStateException(path + " is not for this user to read", denied);
        } catch (final IOException failure) {
            throw new IllegalStateException(path + " cannot be read: " + failure.getMessage(), failure);
        }
    }

    /** Nothing that comes later checks a bound. */
    private static boolean isWhole(
            final int length, final int metadataLength, final int valuesLength, final int peersLength) {
        return metadataLength >= 0
                && valuesLength >= 0
                && peersLength >= 0
                && 0 == metadataLength % CountersReader.METADATA_LENGTH
                && 0 == valuesLength % CountersReader.COUNTER_LENGTH
                && metadataLength / CountersReader.METADATA_LENGTH == valuesLength / CountersReader.COUNTER_LENGTH
                && length == (long) HEADER_LENGTH + metadataLength + valuesLength + peersLength;
    }

    private boolean hasLabels() {
        for (int record = 0; record < metadata.capacity(); record += CountersReader.METADATA_LENGTH) {
            final int length = metadata.getInt(record + CountersReader.LABEL_OFFSET, nativeOrder());
            if (length < 0 || length > CountersReader.MAX_LABEL_LENGTH) {
                return false;
            }
        }
        return true;
    }

    /** The manager to allocate counters with; for the process that made the file, and its control thread. */
    public CountersManager manager() {
        if (null == manager) {
            manager = new CountersManager(metadata, values, US_ASCII);
        }
        return manager;
    }

    /** The peers; for the process that made the file, and its control thread, or to read them. */
    public PeerTable peers() {
        if (null == peers) {
            peers = new PeerTable(peersBuffer);
        }
        return peers;
    }

    /**
     * Leaves a remark among the labels, with the value 1; for the process that made the file.
     *
     * @return its number, for {@link #changeRemark}.
     */
    public int remark(final String text) {
        final AtomicCounter remark = manager().newCounter(label(text), REMARK_TYPE_ID, key -> {});
        remark.setRelease(1);
        return remark.id();
    }

    /** Says something else in a remark; who reads it at that moment may see some of both. */
    public void changeRemark(final int number, final String text) {
        manager().setCounterLabel(number, label(text));
    }

    private static String label(final String text) {
        return text.substring(0, Math.min(text.length(), CountersReader.MAX_LABEL_LENGTH));
    }

    /** A reader of all counters. */
    public CountersReader reader() {
        return new CountersReader(metadata, values, US_ASCII);
    }

    /** The process that counts, or counted. */
    public long pid() {
        return header.getLong(PID_OFFSET, nativeOrder());
    }

    /** When it started, in milliseconds since the epoch. */
    public long startedMs() {
        return header.getLong(STARTED_OFFSET, nativeOrder());
    }

    /**
     * When it last showed that it is alive, in milliseconds since the epoch: by the wall clock, which is the one that its readers,
     * other processes, have as well, also after a boot. Nothing is decided by it.
     */
    public long heartbeatMs() {
        return header.getLongVolatile(HEARTBEAT_OFFSET);
    }

    /** Shows that the process is alive. For its control thread. */
    public void heartbeat(final long nowMs) {
        header.putLongRelease(HEARTBEAT_OFFSET, nowMs);
        final MappedByteBuffer shown = copy;
        if (null != shown) {
            new UnsafeBuffer(shown).putBytes(0, new UnsafeBuffer(mapped), 0, mapped.capacity());
        }
    }

    /**
     * Makes the file again that somebody removed. What is counted in has lost its name for good, so that the new file is a copy, which
     * each heartbeat brings up to date. For the process that made the first, and its control thread.
     *
     * @throws IOException if it cannot be made.
     */
    public void putBack(final Path path) throws IOException {
        final Path fresh = fresh(path);
        Files.deleteIfExists(fresh);
        final MappedByteBuffer made;
        try {
            made = mapNew(fresh, mapped.capacity());
        } catch (final UncheckedIOException failure) {
            throw failure.getCause();
        }
        final MappedByteBuffer former = copy;
        copy = made;
        heartbeat(heartbeatMs());
        IoUtil.unmap(former);
        take(path);
    }

    /** Unmaps the file, which stays. No counter of it may be used afterwards. */
    @Override
    public void close() {
        IoUtil.unmap(copy);
        IoUtil.unmap(mapped);
    }
}
