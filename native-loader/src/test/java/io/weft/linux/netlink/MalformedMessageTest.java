/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_INET;
import static java.nio.ByteOrder.nativeOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The kernel's own datagrams, then damaged: each message is read or refused by name, never by an index error or a loop. */
@RequiresRoot
class MalformedMessageTest {
    private static final int CAPACITY = 64 * 1024;
    private static final long SEED = 20_260_101;
    private static final int DAMAGED_COPIES = 20_000;

    /** Types from here on are of subsystems of netfilter. */
    private static final int RTNETLINK_MAX = 256;

    /** Datagrams of dumps of links, addresses, routes, neighbours, the FDB, chains and rules, and one refusal. */
    private static List<byte[]> recordDatagrams() {
        try (NetworkNamespace namespace = NetworkNamespace.create("malformed")) {
            namespace.ip("link", "add", "vx", "type", "vxlan", "id", "7", "dstport", "8472", "local", "127.0.0.1");
            namespace.ip("addr", "add", "10.1.1.1/24", "dev", "vx");
            namespace.ip("link", "set", "vx", "up");
            namespace.ip("route", "add", "10.2.0.0/16", "via", "10.1.1.9");
            namespace.ip("neigh", "add", "10.1.1.9", "lladdr", "02:00:00:00:00:09", "dev", "vx", "nud", "permanent");
            namespace.bridge("fdb", "add", "02:00:00:00:00:09", "dev", "vx", "dst", "127.0.0.2");
            namespace.exec("nft", "add", "table", "inet", "t");
            namespace.exec("nft", "add chain inet t c { type filter hook input priority 0; policy drop; }");
            namespace.exec("nft", "add rule inet t c ip saddr 10.1.0.0/20 udp dport 8472 counter drop");
            return namespace.call(() -> {
                final List<byte[]> datagrams = new ArrayList<>();
                final List<NetlinkRequest> requests = List.of(
                        LinkCodec.request(MessageType.RTM_GETLINK, NetlinkMessage.NLM_F_DUMP, 0),
                        AddressCodec.dumpRequest(0),
                        RouteCodec.dumpRequest(AF_INET, RouteFilter.main()),
                        NeighbourCodec.neighbourDumpRequest(2),
                        NeighbourCodec.fdbDumpRequest(2),
                        Nftables.request(Nftables.GET_CHAIN, NetlinkMessage.NLM_F_DUMP),
                        Nftables.request(Nftables.GET_RULE, NetlinkMessage.NLM_F_DUMP),
                        LinkCodec.request(MessageType.RTM_SETLINK, NetlinkMessage.NLM_F_ACK, 1)
                                .attribute(LinkCodec.IFLA_MTU, -1));
                for (final NetlinkRequest request : requests) {
                    final int protocol = RTNETLINK_MAX > request.type()
                            ? NetlinkSocket.NETLINK_ROUTE
                            : NetlinkSocket.NETLINK_NETFILTER;
                    try (NetlinkSocket socket = NetlinkSocket.open(protocol)) {
                        final UnsafeBuffer buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(CAPACITY));
                        assertEquals(0, socket.send(request.finish(1), request.length()));
                        final byte[] datagram = new byte[socket.receive(buffer)];
                        buffer.getBytes(0, datagram);
                        datagrams.add(datagram);
                    }
                }
                return datagrams;
            });
        }
    }

    /** Reads all messages; returns how many. */
    private static int read(final byte[] datagram) {
        final NetlinkMessage message = new NetlinkMessage(new UnsafeBuffer(datagram));
        int count = 0;
        for (int offset = 0; offset < datagram.length; count++) {
            offset = message.wrap(offset, datagram.length);
            if (NetlinkMessage.NLMSG_ERROR == message.type() || NetlinkMessage.NLMSG_DONE == message.type()) {
                message.error();
                message.errorText();
            } else {
                RtnetlinkMonitor.decode(message);
                Nftables.rule(message, true);
                Nftables.chain(message, true, Map.of());
            }
        }
        return count;
    }

    @Test
    void shouldReadOrRefuseByNameWhateverIsDamaged() {
        final Random random = new Random(SEED);
        int refused = 0;
        for (final byte[] datagram : recordDatagrams()) {
            assertTrue(read(datagram) > 0);
            for (int i = 0; i < DAMAGED_COPIES; i++) {
                final byte[] damaged =
                        0 == i % 4 ? Arrays.copyOf(datagram, random.nextInt(datagram.length)) : datagram.clone();
                for (int bytes = random.nextInt(4); bytes > 0 && damaged.length > 0; bytes--) {
                    damaged[random.nextInt(damaged.length)] = (byte) (random.nextBoolean() ? 0 : random.nextInt());
                }
                try {
                    read(damaged);
                } catch (final LinuxException e) {
                    assertEquals(Errno.EBADMSG, e.errno());
                    assertTrue(String.valueOf(e.getMessage()).startsWith("read "), e.getMessage());
                    assertTrue(String.valueOf(e.getMessage()).contains("netlink message"), e.getMessage());
                    refused++;
                }
            }
        }
        assertTrue(refused > DAMAGED_COPIES / 10, "only " + refused + " were refused");
    }

    private static LinuxException refusal(final byte[] datagram) {
        return assertThrows(LinuxException.class, () -> read(datagram));
    }

    @Test
    void shouldNameTheMessageAndTheAttributeThatIsMalformed() {
        final byte[] addresses = recordDatagrams().get(1);
        final int firstAttribute = NetlinkMessage.HEADER_LENGTH + 8;
        final UnsafeBuffer buffer = new UnsafeBuffer(addresses);
        final short length = buffer.getShort(firstAttribute, nativeOrder());

        buffer.putShort(firstAttribute, (short) 0, nativeOrder());
        assertTrue(
                refusal(addresses)
                        .toString()
                        .contains(
                                "read netlink message RTM_NEWADDR of the kernel: the length 0 of attribute 1 is not in 4.."),
                () -> refusal(addresses).toString());
        buffer.putShort(firstAttribute, (short) 0x7FFF, nativeOrder());
        assertTrue(refusal(addresses).toString().contains("the length 32767 of attribute 1"));
        buffer.putShort(firstAttribute, length, nativeOrder());

        buffer.putInt(NetlinkMessage.LENGTH_OFFSET, NetlinkMessage.HEADER_LENGTH - 1, nativeOrder());
        assertTrue(
                refusal(addresses).toString().contains("RTM_NEWADDR of the kernel: its length of 15 is not in 16.."));
        buffer.putInt(NetlinkMessage.LENGTH_OFFSET, -4, nativeOrder());
        assertTrue(refusal(addresses).toString().contains("its length of -4"));
        buffer.putInt(NetlinkMessage.LENGTH_OFFSET, NetlinkMessage.HEADER_LENGTH + 4, nativeOrder());
        assertTrue(refusal(addresses).toString().contains("its 20 bytes are too few for its fixed part"));
    }
}
