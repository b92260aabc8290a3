/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.DualStack;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayCapture;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The same inner packets are sent through a weft node and through a kernel VXLAN node, and the frames on the underlay are
 * compared byte by byte, but for what may differ: outer IP id and with it the IP header checksum, outer UDP source port
 * and with it the UDP checksum.
 *
 * <p>The kernel's node sends with all offloads off, so that every checksum of its frames is complete.
 */
@RequiresRoot
abstract class FrameEqualitySuite {
    private static final int IP_ID_OFFSET = 14 + 4;
    private static final int IP_CHECKSUM_OFFSET = 14 + 10;
    private static final int SOURCE_PORT_OFFSET = 14 + 20;
    private static final int UDP_CHECKSUM_OFFSET = 14 + 20 + 6;
    private static final int TRANSPORT_OFFSET = 14 + 20 + 8 + 22 + 20;
    static final int LAST_PORT = 60_000;
    private static final int BAD_PORT = 7_777;
    private static final int GSO_SIZE = 1_300;
    private static final byte[] NONE = {};
    private static final byte[] TIMESTAMPS = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};

    /** What tshark finds wrong; the checksum states are 0 for a bad one (epan/proto.h). */
    private static final String WRONG = "_ws.malformed || !vxlan || ip.checksum.status == 0 || udp.checksum.status == 0"
            + " || tcp.checksum.status == 0";

    private final Ports ports;

    /** @param ports of weft's nodes. */
    FrameEqualitySuite(final Ports ports) {
        this.ports = ports;
    }

    @Test
    void shouldSendTheFramesThatTheKernelSends() throws Exception {
        final List<String> kernel = frames(false, List.of("tx"), false);
        assertEquals(text(kernel), text(frames(true, List.of("tx"), false)), "UDP_SEGMENT without checksum offload");
        assertEquals(
                text(kernel),
                text(frames(true, List.of("tso", "gso", "tx-udp-segmentation"), false)),
                "UDP_SEGMENT with it");
    }

    @Test
    void shouldSendNothingThatTsharkFindsMalformed() throws Exception {
        frames(true, List.of("tx"), true);
    }

    private static String text(final List<String> frames) {
        return String.join("\n", frames);
    }

    private List<String> frames(final boolean weft, final List<String> offloads, final boolean dissect)
            throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final Topology.Node a = topology.node(0);
            final Topology.Node b = topology.node(1);
            fixUnderlay(a, b);
            for (final String offload : offloads) {
                a.namespace().exec("ethtool", "-K", a.underlayDevice(), offload, "off");
            }
            final StaticNode node = weft ? resources.add(StaticNode.start(topology, a, ports.options())) : null;
            if (null != node) {
                DualStack.addPeer(a, node, b);
            } else {
                topology.kernelVxlan(a);
                DualStack.addPeer(a.namespace(), b);
            }
            final PodTun pod = resources.add(new PodTun(a));
            final UnderlayCapture capture = resources.add(new UnderlayCapture(b));
            sendAll(pod, PodTun.inet("10.244.1.77"), PodTun.inet(b.subnetBaseV6() + "77"));
            final List<byte[]> frames = capture.framesUntil(frame -> LAST_PORT == port(frame));
            if (null != node) {
                ports.underlay().assertSent(node);
            }
            if (dissect) {
                assertNothingWrong(capture, frames.size());
            }
            return frames.stream().map(FrameEqualitySuite::normalise).sorted().toList();
        }
    }

    private static void assertNothingWrong(final UnderlayCapture capture, final int count) {
        assertEquals(count, tshark(capture, "vxlan").lines().count(), "frames that are VXLAN");
        assertEquals("", tshark(capture, "(" + WRONG + ") && !(udp.port == " + BAD_PORT + ")"));
        assertTrue(tshark(capture, WRONG).lines().count() > 0, "tshark verifies no checksum");
    }

    private static String tshark(final UnderlayCapture capture, final String filter) {
        return Command.run(List.of(
                "tshark",
                "-r",
                capture.file().toString(),
                "-d",
                "udp.port==8472,vxlan",
                "-o",
                "ip.check_checksum:TRUE",
                "-o",
                "udp.check_checksum:TRUE",
                "-o",
                "tcp.check_checksum:TRUE",
                "-Y",
                filter));
    }

    /** The same MAC addresses on every run, and no ARP. */
    static void fixUnderlay(final Topology.Node a, final Topology.Node b) {
        a.namespace().ip("link", "set", a.underlayDevice(), "address", "02:aa:00:00:00:01");
        b.namespace().ip("link", "set", b.underlayDevice(), "address", "02:aa:00:00:00:02");
        a.namespace()
                .ip(
                        "neigh",
                        "replace",
                        b.underlayAddress(),
                        "lladdr",
                        "02:aa:00:00:00:02",
                        "dev",
                        a.underlayDevice(),
                        "nud",
                        "permanent");
    }

    static int port(final byte[] frame) {
        return frame.length < TRANSPORT_OFFSET + 4
                ? 0
                : ((frame[TRANSPORT_OFFSET + 2] & 0xFF) << 8) | (frame[TRANSPORT_OFFSET + 3] & 0xFF);
    }

    static String normalise(final byte[] frame) {
        final byte[] bytes = frame.clone();
        for (final int offset : new int[] {IP_ID_OFFSET, IP_CHECKSUM_OFFSET, SOURCE_PORT_OFFSET, UDP_CHECKSUM_OFFSET}) {
            assertTrue(UDP_CHECKSUM_OFFSET != offset || bytes[offset] != 0 || bytes[offset + 1] != 0, "no checksum");
            Arrays.fill(bytes, offset, offset + 2, (byte) 0);
        }
        return HexFormat.of().formatHex(bytes);
    }

    private static void sendAll(final PodTun pod, final InetAddress to, final InetAddress toV6) {
        sendSingle(pod, pod.address(), to);
        sendSingle(pod, pod.addressV6(), toV6);
        sendIpv4(pod, to);
        sendSuperframes(pod, pod.address(), to);
        sendSuperframes(pod, pod.addressV6(), toV6);
        pod.send(CraftedPacket.udp(pod.addressV6(), toV6, 1, 2, CraftedPacket.payload(64, 9))
                .extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 0, 1, 4, 0, 0, 0, 0})
                .bytes());
        pod.send(CraftedPacket.udp(pod.addressV6(), toV6, 1, 2, CraftedPacket.payload(64, 9))
                .extension(44, new byte[] {0, 0, 0, 1, 9, 9, 9, 9})
                .bytes());
        pod.send(CraftedPacket.udp(pod.address(), to, 1, LAST_PORT, NONE).bytes());
    }

    private static void sendSingle(final PodTun pod, final InetAddress from, final InetAddress to) {
        final int largest = 4 == from.getAddress().length ? 1450 - 28 : 1450 - 48;
        for (final int length : new int[] {0, 1, 2, 63, 1000, largest - 1, largest}) {
            final byte[] payload = CraftedPacket.payload(length, length);
            pod.send(CraftedPacket.udp(from, to, 40_100, 40_200, payload).bytes());
            pod.sendPartial(CraftedPacket.udp(from, to, 40_101, 40_201, payload), 0);
        }
        for (int ecn = 0; ecn < 4; ecn++) {
            pod.send(CraftedPacket.udp(from, to, 40_102, 40_202, CraftedPacket.payload(50, ecn))
                    .tos(0xB8 | ecn)
                    .bytes());
        }
        final int[] flags = {
            CraftedPacket.SYN,
            CraftedPacket.SYN | CraftedPacket.ECE | CraftedPacket.CWR,
            CraftedPacket.ACK | CraftedPacket.PSH | CraftedPacket.FIN,
            CraftedPacket.ACK | CraftedPacket.CWR,
            CraftedPacket.RST,
            CraftedPacket.ACK | CraftedPacket.URG
        };
        for (final int flag : flags) {
            final byte[] payload = CraftedPacket.payload(100, flag);
            pod.send(CraftedPacket.tcp(from, to, 40_103, 40_203, flag, flag, TIMESTAMPS, payload)
                    .bytes());
            pod.sendPartial(CraftedPacket.tcp(from, to, 40_104, 40_204, flag, flag, NONE, payload), 0);
        }
        pod.send(CraftedPacket.udp(from, to, 40_105, BAD_PORT, CraftedPacket.payload(10, 1))
                .checksum(CraftedPacket.Checksum.WRONG)
                .bytes());
        for (final int ttl : new int[] {2, 128, 255}) {
            pod.send(CraftedPacket.udp(from, to, 40_106, 40_206, CraftedPacket.payload(10, 2))
                    .ttl(ttl)
                    .bytes());
        }
        pod.send(CraftedPacket.raw(from, to, 253, CraftedPacket.payload(99, 3)).bytes());
    }

    private static void sendIpv4(final PodTun pod, final InetAddress to) {
        final InetAddress from = pod.address();
        pod.send(CraftedPacket.udp(from, to, 40_110, 40_210, CraftedPacket.payload(44, 1))
                .options((byte) 1, (byte) 1, (byte) 1, (byte) 0)
                .bytes());
        pod.send(CraftedPacket.udp(from, to, 40_111, 40_211, CraftedPacket.payload(44, 1))
                .fragment(CraftedPacket.DO_NOT_FRAGMENT)
                .id(0)
                .bytes());
        pod.send(CraftedPacket.udp(from, to, 40_112, 40_212, CraftedPacket.payload(44, 1))
                .checksum(CraftedPacket.Checksum.ZERO)
                .bytes());
        pod.send(CraftedPacket.udp(from, to, 40_113, 40_213, CraftedPacket.payload(7_000, 2))
                .id(99)
                .bytes());
        pod.send(CraftedPacket.raw(from, to, CraftedPacket.UDP, CraftedPacket.payload(400, 3))
                .fragment(CraftedPacket.MORE_FRAGMENTS | 100)
                .bytes());
    }

    private static void sendSuperframes(final PodTun pod, final InetAddress from, final InetAddress to) {
        final int flags = CraftedPacket.ACK | CraftedPacket.PSH | CraftedPacket.FIN | CraftedPacket.CWR;
        for (final int length : new int[] {GSO_SIZE, GSO_SIZE + 1, 2 * GSO_SIZE, 10_000, 60_000}) {
            final byte[] payload = CraftedPacket.payload(length, length);
            pod.sendPartial(
                    CraftedPacket.tcp(from, to, 40_120, 40_220, length, CraftedPacket.ACK, NONE, payload)
                            .fragment(CraftedPacket.DO_NOT_FRAGMENT),
                    GSO_SIZE);
            pod.sendPartial(
                    CraftedPacket.tcp(from, to, 40_121, 40_221, -length / 2, flags, TIMESTAMPS, payload)
                            .id(0xFFF0)
                            .tos(length & 3),
                    GSO_SIZE - 100);
            if (pod.takesUdpSuperframes()) {
                pod.sendPartial(
                        CraftedPacket.udp(from, to, 40_122, 40_222, payload).tos(2), GSO_SIZE);
            }
        }
        if (pod.takesUdpSuperframes()) {
            pod.sendPartial(CraftedPacket.udp(from, to, 40_123, 40_223, CraftedPacket.payload(1_000, 5)), 17);
        }
    }
}
