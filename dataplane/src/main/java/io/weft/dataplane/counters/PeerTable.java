/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.routing.AddressTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A row for each peer, that is each underlay address that packets are sent to: its number is what the data threads count by. Part of
 * the {@link CountersFile}. Rows are given, taken back and filled by the control thread; {@link PeerCounters} are the data threads'.
 *
 * <p>A peer that goes keeps its row, and finds what was counted when it comes again, until there is a new peer and no row left.
 *
 * <pre>
 *   0  int rows, int workers
 * 128  a row of 128 bytes each:
 *        0  int   4 or 6, written last; 0 where the row is nobody's
 *        4  int   path MTU in bytes, 0 where that is not known
 *        8  two longs, address                 24  long  last heard, ms since 1970; 0 for never
 *       32  long  gone since, ms; 0 while it is a peer
 *       40  long  last ICMP error, ms; 0 for none   48  int  its type, int  its code
 *       56  two longs, address of who sent it  72  int  4 or 6, of that
 *       76  int   {@link PathState} of the last check, 0 without any   80  long  when that was, ms
 *       88  long  round trip then, ns; 0 without an answer
 *      PeerCounters of each worker
 * </pre>
 *
 * All numbers in the machine's byte order, as Agrona's are.
 */
public final class PeerTable {
    /** The row of all who have none of their own. */
    public static final int NOBODY = 0;

    private static final int ROWS_OFFSET = 0;
    private static final int WORKERS_OFFSET = ROWS_OFFSET + Integer.BYTES;
    private static final int HEADER_LENGTH = 2 * BitUtil.CACHE_LINE_LENGTH;

    private static final int VERSION_OFFSET = 0;
    private static final int MTU_OFFSET = VERSION_OFFSET + Integer.BYTES;
    private static final int ADDRESS_OFFSET = MTU_OFFSET + Integer.BYTES;
    private static final int HEARD_OFFSET = ADDRESS_OFFSET + 2 * Long.BYTES;
    private static final int GONE_OFFSET = HEARD_OFFSET + Long.BYTES;
    private static final int ERROR_MS_OFFSET = GONE_OFFSET + Long.BYTES;
    private static final int ERROR_TYPE_OFFSET = ERROR_MS_OFFSET + Long.BYTES;
    private static final int ERROR_CODE_OFFSET = ERROR_TYPE_OFFSET + Integer.BYTES;
    private static final int ERROR_SENDER_OFFSET = ERROR_CODE_OFFSET + Integer.BYTES;
    private static final int ERROR_VERSION_OFFSET = ERROR_SENDER_OFFSET + 2 * Long.BYTES;
    private static final int CHECK_STATE_OFFSET = ERROR_VERSION_OFFSET + Integer.BYTES;
    private static final int CHECK_MS_OFFSET = CHECK_STATE_OFFSET + Integer.BYTES;
    private static final int CHECK_RTT_OFFSET = CHECK_MS_OFFSET + Long.BYTES;
    private static final int ROW_LENGTH = 2 * BitUtil.CACHE_LINE_LENGTH;

    private static final int IPV4 = 4;
    private static final int IPV6 = 6;

    /** So long nobody else gets the row of a peer that is gone: a data thread may hold its number until its next batch. */
    private static final long REUSE_MS = TimeUnit.MINUTES.toMillis(1);

    private final UnsafeBuffer buffer;
    private final int rows;
    private final PeerCounters[] workers;
    /** By the IPv6 form, in which there are both families. */
    private final AddressTable<Integer> numbers = new AddressTable<>();
    /** What each row had received when it was looked at last. */
    private final long[] received;
    /** Which change of {@link #changes} was the last of the ways to each. */
    private final long[] changed;

    private long changes;
    private int used = NOBODY + 1;
    private long given;
    private long nowMs;

    /** A table as it is in the buffer. */
    PeerTable(final UnsafeBuffer buffer) {
        this.buffer = buffer;
        rows = buffer.getInt(ROWS_OFFSET, nativeOrder());
        workers = new PeerCounters[buffer.getInt(WORKERS_OFFSET, nativeOrder())];
        received = new long[rows];
        changed = new long[rows];
        for (int i = 0; i < workers.length; i++) {
            workers[i] =
                    new PeerCounters(buffer, HEADER_LENGTH + rows * ROW_LENGTH + i * PeerCounters.length(rows), rows);
        }
    }

    /** A table of nobody, for who does not count by peer. */
    public static PeerTable none(final int workers) {
        final UnsafeBuffer buffer =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(length(1, workers), BitUtil.CACHE_LINE_LENGTH));
        format(buffer, 1, workers);
        return new PeerTable(buffer);
    }

    /** Bytes that a table takes. */
    static int length(final int rows, final int workers) {
        return BitUtil.align(
                HEADER_LENGTH + rows * ROW_LENGTH + workers * PeerCounters.length(rows), BitUtil.CACHE_LINE_LENGTH);
    }

    /** Makes a table of nobody out of zeros. */
    static void format(final UnsafeBuffer buffer, final int rows, final int workers) {
        buffer.putInt(ROWS_OFFSET, rows, nativeOrder());
        buffer.putInt(WORKERS_OFFSET, workers, nativeOrder());
    }

    /** Whether a buffer is a whole table; nothing that comes later checks a bound. */
    static boolean isWhole(final UnsafeBuffer buffer) {
        if (buffer.capacity() < HEADER_LENGTH) {
            return false;
        }
        final int rows = buffer.getInt(ROWS_OFFSET, nativeOrder());
        final int workers = buffer.getInt(WORKERS_OFFSET, nativeOrder());
        return rows >= 1
                && workers >= 0
                && rows <= buffer.capacity() / ROW_LENGTH
                && workers <= buffer.capacity()
                && buffer.capacity()
                        >= HEADER_LENGTH + (long) rows * ROW_LENGTH + (long) workers * PeerCounters.length(rows);
    }

    /** How many rows there are, that of {@link #NOBODY} too. */
    public int rows() {
        return rows;
    }

    /** The counters of a worker, for its data threads. */
    PeerCounters ofWorker(final int worker) {
        return workers[worker];
    }

    /** The row of a peer; {@link #NOBODY} if it has none. Control thread. */
    public int find(final IpAddress peer) {
        final Integer number = numbers.find(peer.mappedHigh(), peer.mappedLow());
        return null == number ? NOBODY : number;
    }

    /** The rows of all peers by the IPv6 form of their addresses, as they are now. Made by the control thread, for any. */
    public AddressTable<Integer> numbers() {
        return numbers.copy();
    }

    /** The row of a peer, which gets one if there is one left. Control thread. */
    public int number(final IpAddress peer) {
        final int present = find(peer);
        if (NOBODY != present) {
            return present;
        }
        final int free = used < rows ? used++ : longestGone();
        if (NOBODY == free) {
            return NOBODY;
        }
        final int row = offset(free);
        final IpAddress former = address(row + VERSION_OFFSET, row + ADDRESS_OFFSET);
        if (null != former) {
            numbers.remove(former.mappedHigh(), former.mappedLow());
        }
        buffer.putIntRelease(row + VERSION_OFFSET, 0);
        buffer.setMemory(row, ROW_LENGTH, (byte) 0);
        for (final PeerCounters worker : workers) {
            worker.clear(free);
        }
        received[free] = 0;
        putAddress(row + VERSION_OFFSET, row + ADDRESS_OFFSET, peer);
        numbers.put(peer.mappedHigh(), peer.mappedLow(), free);
        given++;
        return free;
    }

    /** How often a row was given to a peer that had none: the same number means that {@link #find} finds the same. Control thread. */
    public long given() {
        return given;
    }

    private int longestGone() {
        int found = NOBODY;
        long since = nowMs - REUSE_MS;
        for (int peer = NOBODY + 1; peer < rows; peer++) {
            final long goneMs = buffer.getLong(offset(peer) + GONE_OFFSET, nativeOrder());
            if (0 != goneMs && goneMs < since) {
                found = peer;
                since = goneMs;
            }
        }
        return found;
    }

    /**
     * Packets are sent to a peer from now on, or in another way than until now, which nobody has checked; or are no more: then it is
     * gone. Control thread.
     */
    public void present(final IpAddress peer, final boolean isPresent) {
        final int number = find(peer);
        if (NOBODY == number) {
            return;
        }
        final int gone = offset(number) + GONE_OFFSET;
        final boolean isGone = 0 != buffer.getLong(gone, nativeOrder());
        if (isPresent) {
            changes++;
            changed[number] = changes;
            uncheck(number);
        }
        if (isPresent == isGone) {
            buffer.putLongRelease(gone, isPresent ? 0 : Math.max(1, nowMs));
        }
    }

    /** How often the way to any peer has changed. Control thread. */
    public long changes() {
        return changes;
    }

    /** Whether the ways to a peer are now what they were when so many had changed. Control thread. */
    public boolean isAsOf(final int peer, final long then) {
        return changed[peer] <= then;
    }

    /** Looks who was heard since the last time; about once a second. Control thread. */
    public void sample(final long timeMs) {
        nowMs = timeMs;
        for (int peer = NOBODY + 1; peer < used; peer++) {
            long sum = 0;
            for (final PeerCounters worker : workers) {
                sum += worker.receivedPackets(peer);
            }
            if (received[peer] != sum) {
                received[peer] = sum;
                buffer.putLongRelease(offset(peer) + HEARD_OFFSET, timeMs);
            }
        }
    }

    /** An ICMP error came for what was sent to a peer. Control thread. */
    public void error(final int peer, final IcmpError error) {
        final int row = offset(peer);
        buffer.putInt(row + ERROR_TYPE_OFFSET, error.type(), nativeOrder());
        buffer.putInt(row + ERROR_CODE_OFFSET, error.code(), nativeOrder());
        putAddress(row + ERROR_VERSION_OFFSET, row + ERROR_SENDER_OFFSET, error.sender());
        buffer.putLongRelease(row + ERROR_MS_OFFSET, error.timeMs());
    }

    /** How long a packet may be that goes to a peer, in bytes. Control thread. */
    public void pathMtu(final int peer, final int bytes) {
        buffer.putIntRelease(offset(peer) + MTU_OFFSET, bytes);
    }

    /**
     * The way to a peer was checked. Control thread.
     *
     * @param pathMtu bytes that the underlay carries; 0 where that was not asked: then it carries what weft sends.
     */
    public void check(final int peer, final PathCheck check, final int pathMtu) {
        final int row = offset(peer);
        final boolean wasNarrow = PathState.FABRIC_MTU == checkState(row);
        buffer.putLong(row + CHECK_MS_OFFSET, check.timeMs(), nativeOrder());
        buffer.putLong(row + CHECK_RTT_OFFSET, check.rttNs(), nativeOrder());
        buffer.putIntRelease(row + CHECK_STATE_OFFSET, check.state().id());
        if (pathMtu > 0 || wasNarrow || PathState.OK == check.state()) {
            pathMtu(peer, pathMtu);
        }
    }

    /**
     * Forgets the checks that nobody has repeated in time: the ways may be otherwise by now. Control thread.
     *
     * @param timeMs now, in milliseconds since 1970.
     * @param validMs how long a check holds; none does for longer because the clock was set back.
     */
    public void forgetChecks(final long timeMs, final long validMs) {
        for (int peer = NOBODY + 1; peer < used; peer++) {
            final int row = offset(peer);
            if (PathState.UNCHECKED != checkState(row)
                    && Math.abs(timeMs - buffer.getLong(row + CHECK_MS_OFFSET, nativeOrder())) > validMs) {
                uncheck(peer);
            }
        }
    }

    private PathState checkState(final int row) {
        return PathState.of(buffer.getIntVolatile(row + CHECK_STATE_OFFSET));
    }

    private void uncheck(final int peer) {
        final int row = offset(peer);
        if (PathState.FABRIC_MTU == checkState(row)) {
            pathMtu(peer, 0);
        }
        buffer.putIntRelease(row + CHECK_STATE_OFFSET, PathState.UNCHECKED.id());
    }

    /** Adds how many peers were found in each state by the last check. Control thread. */
    public void countStates(final Map<PathState, Integer> counts) {
        for (int peer = NOBODY + 1; peer < used; peer++) {
            if (0 == buffer.getLong(offset(peer) + GONE_OFFSET, nativeOrder())) {
                counts.merge(checkState(offset(peer)), 1, Integer::sum);
            }
        }
    }

    /**
     * Prepares to count on from where another process stops. Who is no peer of this one is gone then.
     *
     * @param stoppedMs when the other one stopped, in milliseconds since 1970.
     * @return adds what that one has counted since the last time; while the agents of this one do not count yet. Control thread.
     */
    Runnable continuing(final PeerTable before, final LongSupplier stoppedMs) {
        final Map<IpAddress, PeerRecord> taken = new HashMap<>();
        return () -> {
            for (final PeerRecord peer : before.read()) {
                final PeerRecord last = taken.put(peer.address(), peer);
                if (!peer.equals(last)) {
                    continueFrom(peer, last, stoppedMs.getAsLong());
                }
            }
        };
    }

    private void continueFrom(final PeerRecord peer, final @Nullable PeerRecord last, final long stoppedMs) {
        final boolean isPresent = NOBODY != find(peer.address());
        final int number = number(peer.address());
        if (NOBODY == number) {
            return;
        }
        final PeerCounters first = workers[0];
        first.addSent(number, peer.sentPackets(), peer.sentBytes());
        first.addReceived(number, peer.receivedPackets(), peer.receivedBytes());
        if (null != last) {
            first.addSent(number, -last.sentPackets(), -last.sentBytes());
            first.addReceived(number, -last.receivedPackets(), -last.receivedBytes());
        }
        received[number] = first.receivedPackets(number);
        buffer.putLongRelease(offset(number) + HEARD_OFFSET, peer.heardMs());
        if (!isPresent) {
            buffer.putLongRelease(
                    offset(number) + GONE_OFFSET, Math.max(1, 0 == peer.goneMs() ? stoppedMs : peer.goneMs()));
        }
        if (null != peer.lastError()) {
            error(number, peer.lastError());
        }
        pathMtu(number, peer.pathMtu());
        if (null != peer.check() && 0 == peer.goneMs()) {
            check(number, peer.check(), peer.pathMtu());
        }
    }

    /** What is known of each peer, in the order of the rows. Any process that maps the file. */
    public List<PeerRecord> read() {
        final List<PeerRecord> peers = new ArrayList<>();
        for (int peer = NOBODY + 1; peer < rows; peer++) {
            final int row = offset(peer);
            final IpAddress address = address(row + VERSION_OFFSET, row + ADDRESS_OFFSET);
            if (null == address) {
                continue;
            }
            final long[] sums = new long[4];
            for (final PeerCounters worker : workers) {
                sums[0] += worker.sentPackets(peer);
                sums[1] += worker.sentBytes(peer);
                sums[2] += worker.receivedPackets(peer);
                sums[3] += worker.receivedBytes(peer);
            }
            peers.add(new PeerRecord(
                    address,
                    sums[0],
                    sums[1],
                    sums[2],
                    sums[3],
                    buffer.getLongVolatile(row + HEARD_OFFSET),
                    buffer.getLongVolatile(row + GONE_OFFSET),
                    buffer.getIntVolatile(row + MTU_OFFSET),
                    lastError(row),
                    lastCheck(row)));
        }
        return peers;
    }

    private @Nullable IcmpError lastError(final int row) {
        final long timeMs = buffer.getLongVolatile(row + ERROR_MS_OFFSET);
        final IpAddress sender = address(row + ERROR_VERSION_OFFSET, row + ERROR_SENDER_OFFSET);
        return null == sender
                ? null
                : new IcmpError(
                        buffer.getInt(row + ERROR_TYPE_OFFSET, nativeOrder()),
                        buffer.getInt(row + ERROR_CODE_OFFSET, nativeOrder()),
                        sender,
                        timeMs);
    }

    private @Nullable PathCheck lastCheck(final int row) {
        final PathState state = checkState(row);
        return PathState.UNCHECKED == state
                ? null
                : new PathCheck(
                        state,
                        buffer.getLongVolatile(row + CHECK_MS_OFFSET),
                        buffer.getLong(row + CHECK_RTT_OFFSET, nativeOrder()));
    }

    private static int offset(final int peer) {
        return HEADER_LENGTH + peer * ROW_LENGTH;
    }

    private void putAddress(final int version, final int offset, final IpAddress address) {
        buffer.putLong(offset, address.high(), nativeOrder());
        buffer.putLong(offset + Long.BYTES, address.low(), nativeOrder());
        buffer.putIntRelease(version, IpFamily.IPV4 == address.family() ? IPV4 : IPV6);
    }

    private @Nullable IpAddress address(final int version, final int offset) {
        final int family = buffer.getIntVolatile(version);
        return IPV4 != family && IPV6 != family
                ? null
                : new IpAddress(
                        IPV4 == family ? IpFamily.IPV4 : IpFamily.IPV6,
                        buffer.getLong(offset, nativeOrder()),
                        buffer.getLong(offset + Long.BYTES, nativeOrder()));
    }
}
