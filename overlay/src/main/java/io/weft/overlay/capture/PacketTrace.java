/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.address.IpAddress;
import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.routing.Explanation;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The way of packets in words: what the receiver found, what the tables say of it, and what the sender did. A packet that a receiver
 * lets pass is kept until its frame has come to the sender, by the number of the frame in its worker's ring.
 */
final class PacketTrace implements PacketReport {
    /** As many wait for their senders at most; what is older is told without. */
    private static final int PENDING_MAX = 1024;

    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(2);

    private final PacketWords words;
    private final Function<IpAddress, Explanation> tables;
    private final boolean isJson;
    private final long most;
    private final StringBuilder text = new StringBuilder();
    private final Deque<Pending> pending = new ArrayDeque<>();
    private long told;

    /**
     * A packet whose sender is yet to tell all of it.
     *
     * @param packets that the wire would carry for it.
     * @param dropped how many of them the sender has dropped, one after the other, by reason.
     */
    private record Pending(Key key, long timeNs, TracedPacket packet, int packets, Map<DropReason, Integer> dropped) {
        private int left() {
            return packets
                    - dropped.values().stream().mapToInt(Integer::intValue).sum();
        }
    }

    private record Key(Direction direction, int worker, long frame) {
        static Key of(final CapturedPacket packet) {
            return new Key(packet.direction(), packet.worker(), packet.sequence());
        }
    }

    /**
     * @param tables explains a destination, by the tables in use.
     */
    PacketTrace(
            final PacketSource source, final CaptureQuestion question, final Function<IpAddress, Explanation> tables) {
        words = new PacketWords(source);
        this.tables = tables;
        isJson = CaptureQuestion.Form.JSON == question.form();
        most = question.count();
    }

    @Override
    public void add(final CapturedPacket packet) {
        if (isEnough()) {
            return;
        }
        if (Step.RECEIVED == packet.step()) {
            onReceived(packet);
        } else if (Tap.NO_SEQUENCE == packet.sequence()) {
            final TracedPacket traced = words.of(packet);
            words.addOutcome(traced, packet, packet.packets());
            tell(traced);
        } else {
            onSender(packet);
        }
    }

    private void onReceived(final CapturedPacket packet) {
        final TracedPacket traced = words.of(packet);
        words.addReceiver(traced, packet, tables);
        if (null != packet.reason()) {
            words.addOutcome(traced, packet, packet.packets());
            tell(traced);
            return;
        }
        if (PENDING_MAX == pending.size()) {
            tellUnfinished(pending.removeFirst());
        }
        pending.addLast(new Pending(
                Key.of(packet), packet.timeNs(), traced, packet.packets(), new EnumMap<>(DropReason.class)));
    }

    /**
     * Several packets may be in one frame: all that wait for it have their end. Of a superframe that is cut, the sender tells of each
     * segment that it drops, and of the frame at the end.
     */
    private void onSender(final CapturedPacket packet) {
        final Key key = Key.of(packet);
        final DropReason reason = packet.reason();
        for (final Iterator<Pending> all = pending.iterator(); all.hasNext(); ) {
            final Pending each = all.next();
            if (!each.key.equals(key)) {
                continue;
            }
            if (null != reason && packet.packets() < each.packets) {
                each.dropped.merge(reason, packet.packets(), Integer::sum);
                continue;
            }
            all.remove();
            words.addDropped(each.packet, each.dropped, each.packets);
            if (each.left() > 0) {
                words.addOutcome(each.packet, packet, each.dropped.isEmpty() ? packet.packets() : each.left());
            }
            tell(each.packet);
        }
    }

    @Override
    public void settle() {
        while (!pending.isEmpty() && System.nanoTime() - pending.peekFirst().timeNs > PATIENCE_NS) {
            tellUnfinished(pending.removeFirst());
        }
    }

    private void tellUnfinished(final Pending unfinished) {
        words.addDropped(unfinished.packet, unfinished.dropped, unfinished.packets);
        unfinished.packet.add("waits", "nothing was heard of its sender: it waits for it, or the trace lost that");
        tell(unfinished.packet);
    }

    private void tell(final TracedPacket packet) {
        if (!isEnough()) {
            told++;
            text.append(isJson ? packet.json() : packet.text()).append('\n');
        }
    }

    @Override
    public boolean isEnough() {
        return most > 0 && told >= most;
    }

    @Override
    public String end(final long lost) {
        pending.forEach(this::tellUnfinished);
        return told + " packets traced, " + lost + " steps lost";
    }

    @Override
    public int length() {
        return text.length();
    }

    @Override
    public ByteBuffer take() {
        final ByteBuffer taken = UTF_8.encode(text.toString());
        text.setLength(0);
        return taken;
    }
}
