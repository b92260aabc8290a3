/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * For each reason the packet that one worker refused last, under a sequence lock: one thread writes, and another one reads now and
 * then, which sees nothing while the first is at it.
 *
 * <pre>
 *   0  long  sequence, odd while the rest is written       8  int  IP version outside, 4 or 6   12  int  inside, or 0
 *  16  sender, 2 longs     32  inner source, 2 longs      48  inner destination, 2 longs
 * </pre>
 */
public final class LastOffenders {
    private static final int SEQUENCE_OFFSET = 0;
    private static final int OUTER_VERSION_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    private static final int INNER_VERSION_OFFSET = OUTER_VERSION_OFFSET + Integer.BYTES;
    private static final int SENDER_OFFSET = INNER_VERSION_OFFSET + Integer.BYTES;
    private static final int SOURCE_OFFSET = SENDER_OFFSET + 2 * Long.BYTES;
    private static final int DESTINATION_OFFSET = SOURCE_OFFSET + 2 * Long.BYTES;
    private static final int ENTRY_LENGTH = DESTINATION_OFFSET + 2 * Long.BYTES;

    private static final List<DropReason> REASONS = Arrays.stream(DropReason.values())
            .filter(reason -> Direction.INGRESS == reason.direction())
            .toList();

    private final UnsafeBuffer entries = new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(DropReason.ID_LIMIT * ENTRY_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private final long[] taken = new long[DropReason.ID_LIMIT];

    /** @param packet that came; null if nobody looked inside. Ingress receiver alone. */
    void put(
            final DropReason reason,
            final ReceivedMessage message,
            final UnsafeBuffer arena,
            final @Nullable IpPacket packet) {
        final int entry = reason.id() * ENTRY_LENGTH;
        final long sequence = entries.getLong(entry + SEQUENCE_OFFSET, nativeOrder());
        entries.putLong(entry + SEQUENCE_OFFSET, sequence + 1, nativeOrder());
        VarHandle.storeStoreFence();
        entries.putInt(entry + OUTER_VERSION_OFFSET, message.isIpv4 ? 4 : 6, nativeOrder());
        entries.putInt(entry + INNER_VERSION_OFFSET, null == packet ? 0 : packet.version(), nativeOrder());
        putAddress(entry + SENDER_OFFSET, message.sourceHigh, message.sourceLow);
        if (null != packet) {
            putInner(entry, arena, packet.offset(), 4 == packet.version());
        }
        entries.putLongRelease(entry + SEQUENCE_OFFSET, sequence + 2);
    }

    private void putInner(final int entry, final UnsafeBuffer arena, final int ip, final boolean isIpv4) {
        if (isIpv4) {
            putAddress(entry + SOURCE_OFFSET, (long) Ipv4Flyweight.source(arena, ip) << Integer.SIZE, 0);
            putAddress(entry + DESTINATION_OFFSET, (long) Ipv4Flyweight.destination(arena, ip) << Integer.SIZE, 0);
        } else {
            putAddress(entry + SOURCE_OFFSET, Ipv6Flyweight.sourceHigh(arena, ip), Ipv6Flyweight.sourceLow(arena, ip));
            putAddress(
                    entry + DESTINATION_OFFSET,
                    Ipv6Flyweight.destinationHigh(arena, ip),
                    Ipv6Flyweight.destinationLow(arena, ip));
        }
    }

    private void putAddress(final int offset, final long high, final long low) {
        entries.putLong(offset, high, nativeOrder());
        entries.putLong(offset + Long.BYTES, low, nativeOrder());
    }

    /** Calls with those that came since the last call, but for one that comes right now. Control thread. */
    public void take(final Consumer<Offender> consumer) {
        for (final DropReason reason : REASONS) {
            final int entry = reason.id() * ENTRY_LENGTH;
            final long sequence = entries.getLongVolatile(entry + SEQUENCE_OFFSET);
            if (taken[reason.id()] == sequence || 0 != (sequence & 1)) {
                continue;
            }
            final IpAddress sender = address(entry + OUTER_VERSION_OFFSET, entry + SENDER_OFFSET);
            final IpAddress source = address(entry + INNER_VERSION_OFFSET, entry + SOURCE_OFFSET);
            final IpAddress destination = address(entry + INNER_VERSION_OFFSET, entry + DESTINATION_OFFSET);
            VarHandle.loadLoadFence();
            if (sequence == entries.getLong(entry + SEQUENCE_OFFSET, nativeOrder()) && null != sender) {
                taken[reason.id()] = sequence;
                consumer.accept(new Offender(reason, sender, source, destination));
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
