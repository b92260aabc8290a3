/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.encap.GatherList;
import io.weft.linux.testing.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaptureTest {
    private static final int MOST = 1 << 17;
    private static final int TUNNEL = 22;

    private final Captures captures = new Captures();
    private final Tap tap = new Tap(captures, 3);
    private final UnsafeBuffer arena = new UnsafeBuffer(BufferUtil.allocateDirectAligned(1 << 16, 64));

    private Capture on(final CaptureFilter filter, final int length) {
        final Capture capture = new Capture(filter, length);
        captures.add(capture);
        return capture;
    }

    private void off(final Capture capture) {
        captures.remove(capture);
        capture.close();
    }

    private static byte[] udp(final String source, final String destination) {
        return CraftedPacket.udp(PodTun.inet(source), PodTun.inet(destination), 5000, 53, CraftedPacket.payload(100, 1))
                .bytes();
    }

    private void show(final Direction direction, final @Nullable DropReason reason, final byte[] packet) {
        arena.putBytes(TUNNEL, packet);
        tap.begin(Step.RECEIVED, 7, direction, reason, 2, 0);
        tap.show(arena, 0, TUNNEL + packet.length, TUNNEL);
    }

    private static List<byte[]> read(final Capture capture) {
        final List<byte[]> packets = new ArrayList<>();
        capture.read(
                packet -> {
                    assertEquals(3, packet.worker());
                    assertEquals(2, packet.packets());
                    final byte[] bytes = new byte[Math.max(0, packet.keptLength() - packet.tunnelHeaderLength())];
                    packet.buffer().getBytes(packet.dataOffset() + packet.tunnelHeaderLength(), bytes);
                    packets.add(bytes);
                },
                Integer.MAX_VALUE);
        return packets;
    }

    @ParameterizedTest
    @CsvSource({
        "true, ALL, , , , -1, -1",
        "false, DROPS, , , , -1, -1",
        "true, ALL, EGRESS, , , -1, -1",
        "false, ALL, INGRESS, , , -1, -1",
        "true, ALL, , 10.244.1.0/24, , -1, -1",
        "false, ALL, , 10.244.2.0/24, , -1, -1",
        "false, ALL, , ::/0, , -1, -1",
        "true, ALL, , , 10.244.2.7/32, -1, -1",
        "false, ALL, , , 10.244.2.6/32, -1, -1",
        "true, ALL, , , , 17, 53",
        "true, ALL, , , , 17, 5000",
        "false, ALL, , , , 6, 53",
        "false, ALL, , , , -1, 54",
    })
    void shouldWantWhatTheFilterSays(
            final boolean isWanted,
            final CaptureFilter.Kind kind,
            final @Nullable Direction direction,
            final @Nullable String source,
            final @Nullable String destination,
            final int protocol,
            final int port) {
        final Capture capture = on(
                new CaptureFilter(
                        kind,
                        direction,
                        null == source ? null : IpPrefix.parse(source),
                        null == destination ? null : IpPrefix.parse(destination),
                        protocol,
                        port),
                MOST);
        show(Direction.EGRESS, null, udp("10.244.1.7", "10.244.2.7"));
        assertEquals(isWanted ? 1 : 0, read(capture).size());
        off(capture);
    }

    @Test
    void shouldFindPortsBehindExtensionHeadersAndNoneInLaterFragments() {
        final Capture capture =
                on(new CaptureFilter(CaptureFilter.Kind.ALL, null, null, IpPrefix.parse("fd00::2/128"), 17, 53), MOST);
        final byte[] plain = udp("fd00::1", "fd00::2");
        show(Direction.EGRESS, null, plain);
        final byte[] fragment = new byte[plain.length + 8];
        System.arraycopy(plain, 0, fragment, 0, 40);
        System.arraycopy(plain, 40, fragment, 48, plain.length - 40);
        fragment[6] = 44;
        fragment[40] = 17;
        show(Direction.EGRESS, null, fragment);
        assertEquals(2, read(capture).size(), "a first fragment has ports");
        fragment[42] = 1;
        show(Direction.EGRESS, null, fragment);
        assertEquals(0, read(capture).size(), "a later one has none");
        off(capture);
    }

    /** As it is dropped for that: what is no packet passes where nothing is asked of it, and nowhere else. */
    @ParameterizedTest
    @CsvSource({"0", "1", "19", "39"})
    void shouldShowWhatIsNoPacket(final int length) {
        final Capture all = on(CaptureFilter.of(CaptureFilter.Kind.DROPS), MOST);
        final Capture some =
                on(new CaptureFilter(CaptureFilter.Kind.DROPS, null, IpPrefix.parse("::/0"), null, -1, -1), MOST);
        final byte[] packet = new byte[length];
        if (length > 0) {
            packet[0] = 0x60;
        }
        show(Direction.INGRESS, DropReason.PKT_TOO_SMALL, packet);
        assertEquals(1, read(all).size());
        assertEquals(0, read(some).size());
        off(all);
        off(some);
    }

    @Test
    void shouldGatherThePiecesAndKeepAsMuchAsIsWanted() {
        final Capture whole = on(CaptureFilter.of(CaptureFilter.Kind.ALL), MOST);
        final Capture cut = on(CaptureFilter.of(CaptureFilter.Kind.ALL), 30);
        final byte[] packet = udp("10.244.1.7", "10.244.2.7");
        arena.putBytes(100, packet);
        final UnsafeBuffer list = new UnsafeBuffer(BufferUtil.allocateDirectAligned(64, 64));
        GatherList.put(list, 0, arena.addressOffset(), 10);
        GatherList.put(list, GatherList.ENTRY_LENGTH, arena.addressOffset() + 100, 28);
        GatherList.put(list, 2 * GatherList.ENTRY_LENGTH, arena.addressOffset() + 128, packet.length - 28);
        tap.begin(Step.GIVEN_UP, 7, Direction.INGRESS, DropReason.HOST_DOWN, 2, 0);
        tap.show(list.addressOffset(), 3, 10, packet.length, 0);
        assertArrayEquals(packet, read(whole).get(0));
        assertEquals(30, read(cut).get(0).length);
        off(whole);
        off(cut);
    }

    @Test
    void shouldCountWhatFindsNoRoomAndGoOnWhenThereIsSome() {
        final Capture capture = on(CaptureFilter.of(CaptureFilter.Kind.ALL), MOST);
        final byte[] packet = udp("10.244.1.7", "10.244.2.7");
        final int shown = Capture.RING_LENGTH / packet.length;
        for (int i = 0; i < shown; i++) {
            show(Direction.EGRESS, null, packet);
        }
        final int seen = read(capture).size();
        assertTrue(seen > 0 && seen < shown, () -> seen + " of " + shown);
        assertEquals(shown, seen + capture.lost());
        show(Direction.EGRESS, null, packet);
        assertEquals(1, read(capture).size());
        off(capture);
    }

    @Test
    void shouldRefuseMoreThanMayBeOnAndBeOffWhenAllAre() {
        final List<Capture> all = new ArrayList<>();
        for (int i = 0; i < Captures.MAX; i++) {
            all.add(on(CaptureFilter.of(CaptureFilter.Kind.ALL), MOST));
        }
        final Capture oneMore = new Capture(CaptureFilter.of(CaptureFilter.Kind.ALL), MOST);
        assertThrows(IllegalArgumentException.class, () -> captures.add(oneMore));
        oneMore.close();
        assertTrue(tap.isOn());
        all.forEach(this::off);
        assertFalse(tap.isOn());
        assertThrows(IllegalArgumentException.class, () -> new Capture(CaptureFilter.of(CaptureFilter.Kind.ALL), 0));
    }

    /** The memory of a capture that ends is given back while packets are shown: a thread that wrote there would end the process. */
    @Test
    void shouldComeAndGoWhilePacketsAreShown() throws InterruptedException {
        final AtomicLong shown = new AtomicLong();
        final byte[] packet = udp("10.244.1.7", "10.244.2.7");
        final Thread thread = new Thread(() -> {
            while (shown.get() >= 0) {
                show(Direction.EGRESS, null, packet);
                shown.getAndIncrement();
            }
        });
        thread.start();
        for (int i = 0; i < 50; i++) {
            final Capture capture = on(CaptureFilter.of(CaptureFilter.Kind.ALL), MOST);
            Await.until(
                    "packets in a capture",
                    Await.TIMEOUT_MS,
                    () -> read(capture).size() > 0);
            off(capture);
        }
        shown.set(Long.MIN_VALUE);
        thread.join(Await.TIMEOUT_MS);
        assertFalse(thread.isAlive());
        assertFalse(tap.isOn());
    }
}
