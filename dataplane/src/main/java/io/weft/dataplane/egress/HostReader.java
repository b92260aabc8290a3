/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.linux.Errno;
import io.weft.linux.FrameBatchSource;
import io.weft.linux.PacketPort;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames of the host's device into the ring: the first of a turn by itself, for it may be the only one, and behind a small one several
 * with one call, where the device gives them so. Owned by the egress receiver.
 *
 * <p>Of a batch, each frame has room for a superframe, although there may be none: how long a frame is, is not known before it is read.
 */
final class HostReader {
    /** What is longer costs so much that a call is little beside it, and would not be moved. */
    private static final int SMALL_MOST = EgressRing.MOVED_MOST;

    /** A place of a batch that finds nothing costs the kernel less than a tenth of a call, and not nothing. */
    private static final int FIRST_BATCH = 4;

    private final PacketPort host;
    private final @Nullable FrameBatchSource source;
    private final EgressRing ring;
    private final int headerLength;
    private final int maxFrameLength;

    private int batchLength;
    private int slots;
    private int slot;
    private int length;
    private int calls;
    private int failure;
    private boolean isExhausted;
    private boolean isRingFull;

    HostReader(final PacketPort host, final EgressRing ring) {
        this.host = host;
        source = host instanceof final FrameBatchSource batches && batches.givesBatches() ? batches : null;
        this.ring = ring;
        headerLength = host.framing().headerLength();
        maxFrameLength = host.framing().maxFrameLength();
    }

    /**
     * Begins a turn.
     *
     * @param isStanding whether more is known to wait than a turn reads.
     */
    void beginTurn(final boolean isStanding) {
        batchLength = isStanding ? FrameBatchSource.MAX_BATCH : 1;
        calls = 0;
        failure = 0;
        isExhausted = false;
        isRingFull = false;
    }

    /**
     * The next frame, which is to be published or to be forgotten before the next is asked for.
     *
     * @param most how many frames may be read for it and those after it, 1 or more; no matter while {@link #isAmidBatch}.
     * @return null if the device has none, or the ring has no room.
     */
    @Nullable
    EgressFrame next(final int most) {
        @Nullable EgressFrame frame = nextOfBatch();
        if (null == frame && !isExhausted) {
            if (null == source || 1 == batchLength) {
                frame = readOne();
            } else {
                readBatch(source, Math.min(most, batchLength));
                frame = nextOfBatch();
            }
        }
        return frame;
    }

    private @Nullable EgressFrame readOne() {
        final @Nullable EgressFrame frame = ring.claim();
        isRingFull = null == frame;
        if (null == frame) {
            return null;
        }
        calls++;
        final int read = host.read(ring.arena().addressOffset() + frame.ipOffset - headerLength, maxFrameLength);
        if (!isFrame(read)) {
            return null;
        }
        length = read - headerLength;
        batchLength = length > SMALL_MOST ? 1 : FIRST_BATCH;
        return frame;
    }

    private void readBatch(final FrameBatchSource batches, final int most) {
        slots = ring.claimSlots(most);
        slot = 0;
        isRingFull = 0 == slots;
        if (isRingFull) {
            return;
        }
        for (int i = 0; i < slots; i++) {
            batches.place(i, ring.arena().addressOffset() + ring.slotOffset(i) - headerLength, maxFrameLength);
        }
        calls++;
        batches.read(slots);
        batchLength = Math.min(2 * batchLength, FrameBatchSource.MAX_BATCH);
    }

    private @Nullable EgressFrame nextOfBatch() {
        while (null != source && slot < slots) {
            final int read = source.readResult(slot++);
            if (isFrame(read)) {
                length = read - headerLength;
                batchLength = length > SMALL_MOST ? 1 : batchLength;
                return ring.claimSlot(slot - 1, headerLength, length);
            }
        }
        return null;
    }

    private boolean isFrame(final int result) {
        if (result >= headerLength) {
            return true;
        }
        isExhausted = true;
        if (-Errno.EAGAIN != result) {
            failure = result;
        }
        return false;
    }

    /** Bytes of the packet in the last frame. */
    int length() {
        return length;
    }

    /** Whether frames have been read that have not been asked for. */
    boolean isAmidBatch() {
        return slot < slots;
    }

    /** Whether the device had nothing more in this turn. */
    boolean isExhausted() {
        return isExhausted;
    }

    /** Whether the ring has no room. */
    boolean isRingFull() {
        return isRingFull;
    }

    /** Whether the device could not be read in this turn. */
    boolean hasFailed() {
        return 0 != failure;
    }

    /** How many calls there were in this turn. */
    int calls() {
        return calls;
    }
}
