/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.overlay.options.Version;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Captured packets as pcapng, in the view that was asked for, each with what became of it as its comment. One thread. */
final class PacketFile implements PacketReport {
    private final PcapngWriter writer = new PcapngWriter();
    private final OuterPacket outer;
    private final boolean isOuterWanted;
    private final long most;

    /** What is to be added to {@link System#nanoTime} for the time since 1970. */
    private final long epochOffsetNs = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()) - System.nanoTime();

    private long packets;

    PacketFile(final PacketSource source, final CaptureQuestion question) {
        outer = new OuterPacket(source);
        isOuterWanted = CaptureQuestion.Form.OUTER == question.form();
        most = question.count();
        writer.begin("weft " + Version.text(), source.deviceName(), snapshotLength(question));
    }

    /** What is put in front of a packet comes on top of what was kept of it. */
    private static int snapshotLength(final CaptureQuestion question) {
        return question.snapshotLength()
                + (CaptureQuestion.Form.OUTER == question.form() ? OuterPacket.HEADER_LENGTH_MAX : 0);
    }

    @Override
    public void add(final CapturedPacket packet) {
        if (isEnough()) {
            return;
        }
        packets++;
        final int headerLength = isOuterWanted ? outer.put(packet) : 0;
        final int hidden = 0 == headerLength ? packet.tunnelHeaderLength() : 0;
        writer.packet(
                packet.timeNs() + epochOffsetNs,
                Direction.INGRESS == packet.direction(),
                headerLength + packet.length() - hidden,
                outer.header(),
                headerLength,
                packet.buffer(),
                packet.dataOffset() + hidden,
                Math.max(0, packet.keptLength() - hidden),
                comment(packet));
    }

    private static String comment(final CapturedPacket packet) {
        final @Nullable DropReason reason = packet.reason();
        final String superframe =
                packet.gsoSize() > 0 ? "superframe, " + packet.gsoSize() + " bytes of payload to a packet" : "";
        if (null == reason) {
            return superframe;
        }
        final String drop = "dropped: " + reason + " (" + packet.packets() + "), " + reason.description();
        return superframe.isEmpty() ? drop : drop + "; " + superframe;
    }

    @Override
    public boolean isEnough() {
        return most > 0 && packets >= most;
    }

    @Override
    public void settle() {
        // Each packet is written as it comes.
    }

    @Override
    public String end(final long lost) {
        writer.statistics(System.nanoTime() + epochOffsetNs, packets + lost, lost);
        return packets + " packets captured, " + lost + " lost";
    }

    @Override
    public int length() {
        return writer.length();
    }

    @Override
    public ByteBuffer take() {
        return writer.take();
    }
}
