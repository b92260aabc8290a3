/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.DropReason;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * For each reason the packet that one agent dropped last, under a sequence lock: one thread writes, and another one reads now and
 * then, which sees nothing while the first is at it.
 *
 * <pre>
 *   0  long  sequence, odd while the rest is written     8  int  IP version outside, or 0   12  int  inside, or 0
 *  16  peer, 2 longs       32  inner source, 2 longs    48  inner destination, 2 longs
 * </pre>
 */
public final class LastOffenders {
    private static final int SEQUENCE_OFFSET = 0;
    private static final int OUTER_VERSION_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    private static final int INNER_VERSION_OFFSET = OUTER_VERSION_OFFSET + Integer.BYTES;
    private static final int PEER_OFFSET = INNER_VERSION_OFFSET + Integer.BYTES;
    private static final int SOURCE_OFFSET = PEER_OFFSET + 2 * Long.BYTES;
    private static final int DESTINATION_OFFSET = SOURCE_OFFSET + 2 * Long.BYTES;
    private static final int ENTRY_LENGTH = DESTINATION_OFFSET + 2 * Long.BYTES;

    private final UnsafeBuffer entries = new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(DropReason.ID_LIMIT * ENTRY_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private final long[] taken = new long[DropReason.ID_LIMIT];

    LastOffenders() {}

    /**
     * Keeps a packet. The agent alone.
     *
     * @param peerVersion of its address; 0 where that is not known.
     */
    void put(
            final DropReason reason,
            final int peerVersion,
            final long peerHigh,
            final long peerLow,
            final InnerHeaders inside) {
        final int entry = reason.id() * ENTRY_LENGTH;
        final long sequence = entries.getLong(entry + SEQUENCE_OFFSET, nativeOrder());
        entries.putLong(entry + SEQUENCE_OFFSET, sequence + 1, nativeOrder());
        VarHandle.storeStoreFence();
        entries.putInt(entry + OUTER_VERSION_OFFSET, peerVersion, nativeOrder());
        putAddress(entry + PEER_OFFSET, peerHigh, peerLow);
        final boolean isValid = inside.isValid();
        entries.putInt(entry + INNER_VERSION_OFFSET, isValid ? (inside.isIpv4() ? 4 : 6) : 0, nativeOrder());
        if (isValid) {
            putAddress(entry + SOURCE_OFFSET, inside.sourceHigh(), inside.sourceLow());
            putAddress(entry + DESTINATION_OFFSET, inside.destinationHigh(), inside.destinationLow());
        }
        entries.putLongRelease(entry + SEQUENCE_OFFSET, sequence + 2);
    }

    private void putAddress(final int offset, final long high, final long low) {
        entries.putLong(offset, high, nativeOrder());
        entries.putLong(offset + Long.BYTES, low, nativeOrder());
    }

    /** Calls with those that came since the last call, but for one that comes right now, and for what has no address. Control thread. */
    public void take(final Consumer<Offender> consumer) {
        for (final DropReason reason : DropReason.values()) {
            final int entry = reason.id() * ENTRY_LENGTH;
            final long sequence = entries.getLongVolatile(entry + SEQUENCE_OFFSET);
            if (taken[reason.id()] == sequence || 0 != (sequence & 1)) {
                continue;
            }
            final IpAddress peer = address(entry + OUTER_VERSION_OFFSET, entry + PEER_OFFSET);
            final IpAddress source = address(entry + INNER_VERSION_OFFSET, entry + SOURCE_OFFSET);
            final IpAddress destination = address(entry + INNER_VERSION_OFFSET, entry + DESTINATION_OFFSET);
            VarHandle.loadLoadFence();
            if (sequence == entries.getLong(entry + SEQUENCE_OFFSET, nativeOrder())) {
                taken[reason.id()] = sequence;
                if (null != peer || null != source) {
                    consumer.accept(new Offender(reason, peer, source, destination));
                }
            }
        }
    }

    /** Null where there is none, or where it is half one and half another. */
    private @Nullable IpAddress address(final int version, final int offset) {
        final long high = entries.getLong(offset, nativeOrder());
        final long low = entries.getLong(offset + Long.BYTES, nativeOrder());
        return switch (entries.getInt(version, nativeOrder())) {
            case 4 -> IpAddress.ofIpv4((int) (high >>> Integer.SIZE));
            case 6 -> new IpAddress(IpFamily.IPV6, high, low);
            default -> null;
        };
    }
}
