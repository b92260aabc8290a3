/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;

/** A datagram of which not all fragments have come. Owned by the ingress receiver. */
final class FragmentedDatagram {
    static final int BLOCK_LENGTH = 8;
    static final int MAX_LENGTH = 0xFFFF;

    private static final int NO_CHUNK = -1;

    /** What becomes of a fragment. */
    enum Fit {
        NEW,
        TWICE,
        CONTRADICTION
    }

    final DatagramKey key;
    final long beganNs;
    private final FragmentMemory memory;
    private final int[] chunks = new int[(MAX_LENGTH + 1) / FragmentMemory.CHUNK_LENGTH];
    private final long[] seen = new long[(MAX_LENGTH + 1) / BLOCK_LENGTH / Long.SIZE];
    private int seenBlocks;

    /** Bytes up to the end of what has come. */
    private int end;

    /** Bytes of all; 0 while the last fragment has not come. */
    private int total;

    /** A bit for each of the four values that the fragments' ECN fields had. */
    private int ecns;

    FragmentedDatagram(final DatagramKey key, final long beganNs, final FragmentMemory memory) {
        this.key = key;
        this.beganNs = beganNs;
        this.memory = memory;
        Arrays.fill(chunks, NO_CHUNK);
    }

    private static int blocks(final int length) {
        return (length + BLOCK_LENGTH - 1) / BLOCK_LENGTH;
    }

    /** One that overlaps another ends the datagram (RFC 5722), and so does one that makes it end elsewhere. */
    Fit fit(final int offset, final int length, final boolean isLast) {
        final int first = offset / BLOCK_LENGTH;
        final int count = blocks(length);
        int seenBefore = 0;
        for (int block = first; block < first + count; block++) {
            seenBefore += (int) (seen[block / Long.SIZE] >>> block & 1);
        }
        final int newEnd = offset + length;
        if (seenBefore == count) {
            return Fit.TWICE;
        }
        final boolean endsElsewhere = isLast && (0 != total || end > newEnd);
        return seenBefore > 0 || endsElsewhere || (0 != total && newEnd > total) ? Fit.CONTRADICTION : Fit.NEW;
    }

    /** Chunks that have to be taken for a fragment. */
    int chunksMissing(final int offset, final int length) {
        int missing = 0;
        for (int i = offset / FragmentMemory.CHUNK_LENGTH; i * FragmentMemory.CHUNK_LENGTH < offset + length; i++) {
            missing += NO_CHUNK == chunks[i] ? 1 : 0;
        }
        return missing;
    }

    /** Takes a fragment that is {@link Fit#NEW}. */
    void put(
            final int offset,
            final boolean isLast,
            final int ecn,
            final UnsafeBuffer from,
            final int fromOffset,
            final int length) {
        int done = 0;
        while (done < length) {
            final int index = (offset + done) / FragmentMemory.CHUNK_LENGTH;
            final int at = (offset + done) % FragmentMemory.CHUNK_LENGTH;
            final int part = Math.min(length - done, FragmentMemory.CHUNK_LENGTH - at);
            if (NO_CHUNK == chunks[index]) {
                chunks[index] = memory.take();
            }
            memory.put(chunks[index], at, from, fromOffset + done, part);
            done += part;
        }
        final int first = offset / BLOCK_LENGTH;
        final int count = blocks(length);
        for (int block = first; block < first + count; block++) {
            seen[block / Long.SIZE] |= 1L << block;
        }
        seenBlocks += count;
        end = Math.max(end, offset + length);
        total = isLast ? offset + length : total;
        ecns |= 1 << ecn;
    }

    boolean isComplete() {
        return 0 != total && seenBlocks == blocks(total);
    }

    /** Bytes of all, when it is complete. */
    int total() {
        return total;
    }

    /** A bit for each of the four values that the fragments' ECN fields had. */
    int ecns() {
        return ecns;
    }

    /** Copies from the datagram. */
    void get(final int offset, final UnsafeBuffer to, final int toOffset, final int length) {
        int done = 0;
        while (done < length) {
            final int at = (offset + done) % FragmentMemory.CHUNK_LENGTH;
            final int part = Math.min(length - done, FragmentMemory.CHUNK_LENGTH - at);
            memory.get(chunks[(offset + done) / FragmentMemory.CHUNK_LENGTH], at, to, toOffset + done, part);
            done += part;
        }
    }

    /** Gives its memory back. */
    void release() {
        for (int i = 0; i < chunks.length; i++) {
            if (NO_CHUNK != chunks[i]) {
                memory.giveBack(chunks[i]);
                chunks[i] = NO_CHUNK;
            }
        }
    }
}
