/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.dataplane.capture.Capture;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.overlay.forwarding.PacketSource;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is told of a superframe that an egress sender cuts, by what the sender shows of it. */
class PacketTraceTest {
    private static final int SEGMENTS = 12;
    private static final int GSO_SIZE = 1_000;
    private static final int LENGTH = 40;
    private static final long FRAME = 7;
    private static final String BUSY = "UNDERLAY_BUSY: underlay did not take the packet in time";

    private final RoutingTables tables =
            new RoutingTables(new RoutingContext().vni(1).vtepMac(MacAddress.parse("02:00:00:00:00:01")));
    private final Captures captures = new Captures();
    private final Capture capture = new Capture(CaptureFilter.of(CaptureFilter.Kind.STEPS), LENGTH);
    private final Tap tap = new Tap(captures, 0);
    private final UnsafeBuffer arena = new UnsafeBuffer(BufferUtil.allocateDirectAligned(LENGTH, 64));
    private final PacketTrace trace = new PacketTrace(
            new PacketSource(
                    "weft.1",
                    tables,
                    () -> IngressPolicy.ANYTHING,
                    captures,
                    IpAddress.parse("192.168.100.1"),
                    8472,
                    List.of(new int[] {50_000})),
            new CaptureQuestion(CaptureFilter.of(CaptureFilter.Kind.STEPS), CaptureQuestion.Form.TEXT, 0, LENGTH),
            destination -> tables.explain(destination.toInetAddress()));

    PacketTraceTest() {
        tables.publish();
        captures.add(capture);
        show(Step.RECEIVED, null, SEGMENTS);
    }

    @AfterEach
    void tearDown() {
        captures.remove(capture);
        capture.close();
        tables.close();
    }

    private void show(final Step step, final @Nullable DropReason reason, final int packets) {
        tap.begin(step, FRAME, Direction.EGRESS, reason, packets, GSO_SIZE);
        tap.peer(true, (long) IpAddress.parse("192.168.100.2").ipv4() << Integer.SIZE, 0, 8472, 0);
        tap.show(arena, 0, LENGTH, 0);
    }

    /** The lines of the sender. */
    private String told() {
        capture.read(trace::add, Integer.MAX_VALUE);
        trace.end(0);
        final StringBuilder told = new StringBuilder();
        UTF_8.decode(trace.take())
                .toString()
                .lines()
                .filter(line -> line.matches("  (dropped|sent|waits) .*"))
                .forEach(line -> told.append(line.strip().replaceAll(" +", " ")).append('\n'));
        return told.toString();
    }

    @Test
    void shouldTellASuperframeOfWhichAllWasSent() {
        show(Step.SENT_BY_UDP, null, SEGMENTS);
        assertEquals(
                "sent as 12 packets to 192.168.100.2 port 8472 from port 50000 by UDP socket, in its batch 0\n",
                told());
    }

    @ParameterizedTest
    @CsvSource({"1, 11 packets", "11, 1 packet"})
    void shouldTellHowMuchOfASuperframeWasDroppedAndHowMuchSent(final int dropped, final String sent) {
        for (int i = 0; i < dropped; i++) {
            show(Step.GIVEN_UP, DropReason.UNDERLAY_BUSY, 1);
        }
        show(Step.SENT_BY_UDP, null, SEGMENTS);
        assertEquals(
                "dropped " + dropped + " of its 12 packets, " + BUSY + "\nsent as " + sent
                        + " to 192.168.100.2 port 8472 from port 50000 by UDP socket, in its batch 0\n",
                told());
    }

    @Test
    void shouldNotTellThatASuperframeWasSentOfWhichAllWasDropped() {
        for (int i = 0; i < SEGMENTS; i++) {
            show(Step.GIVEN_UP, DropReason.UNDERLAY_BUSY, 1);
        }
        show(Step.SENT_BY_UDP, null, SEGMENTS);
        assertEquals("dropped 12 of its 12 packets, " + BUSY + "\n", told());
    }

    @Test
    void shouldTellASuperframeThatWasDroppedAsAWhole() {
        show(Step.GIVEN_UP, DropReason.FQ_FLOW_LIMIT, SEGMENTS);
        assertEquals(
                "dropped FQ_FLOW_LIMIT: more is sent than leaves, and the flow has its share of what waits\n", told());
    }
}
