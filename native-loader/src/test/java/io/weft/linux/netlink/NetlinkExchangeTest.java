/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.netlink.MessageType.RTM_GETLINK;
import static java.nio.ByteOrder.nativeOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Dumps that the kernel itself calls interrupted, for links come and go between two datagrams of one dump. */
@RequiresRoot
class NetlinkExchangeTest {
    /** So many that their dump takes several datagrams of 32 KB. */
    private static final int LINKS = 120;

    /** The kernel's own answers, with a new link made after the first datagram of a dump. */
    private static final class Disturbed implements NetlinkExchange.Transport {
        private final NetlinkSocket socket;
        private final NetworkNamespace namespace;
        private final int disturbances;
        private int dumps;
        private int datagrams;

        Disturbed(final NetlinkSocket socket, final NetworkNamespace namespace, final int disturbances) {
            this.socket = socket;
            this.namespace = namespace;
            this.disturbances = disturbances;
        }

        @Override
        public int send(final UnsafeBuffer buffer, final int length) {
            dumps++;
            datagrams = 0;
            return socket.send(buffer, length);
        }

        @Override
        public int receive(final UnsafeBuffer buffer) {
            final int length = socket.receive(buffer);
            if (1 == ++datagrams && dumps <= disturbances) {
                namespace.ip("link", "add", "late" + dumps, "type", "bridge");
            }
            return length;
        }
    }

    private static NetworkNamespace createNamespaceWithLinks() {
        final NetworkNamespace namespace = NetworkNamespace.create("dump");
        for (int i = 0; i < LINKS / 2; i++) {
            namespace.ip("link", "add", "a" + i, "type", "veth", "peer", "name", "b" + i);
        }
        return namespace;
    }

    @Test
    void shouldDumpAgainWhenTheKernelSaysThatADumpWasInterrupted() {
        try (NetworkNamespace namespace = createNamespaceWithLinks()) {
            namespace.run(() -> {
                try (NetlinkSocket socket = NetlinkSocket.open()) {
                    final Disturbed transport = new Disturbed(socket, namespace, 2);
                    final List<Link> links = new NetlinkExchange(transport, SystemNanoClock.INSTANCE)
                            .dump(
                                    "list the links",
                                    LinkCodec.request(RTM_GETLINK, NetlinkMessage.NLM_F_DUMP, 0),
                                    LinkCodec::decode);
                    assertTrue(transport.datagrams > 1, "the dump fits in one datagram");
                    assertEquals(3, transport.dumps);
                    assertEquals(
                            1 + LINKS + 2,
                            links.stream().map(Link::index).distinct().count());
                    assertEquals(1 + LINKS + 2, links.size());
                }
                try (NetlinkSocket socket = NetlinkSocket.open()) {
                    final Disturbed transport = new Disturbed(socket, namespace, Integer.MAX_VALUE);
                    namespace.ip("link", "del", "late1");
                    namespace.ip("link", "del", "late2");
                    final LinuxException failure = assertThrows(
                            LinuxException.class,
                            () -> new NetlinkExchange(transport, SystemNanoClock.INSTANCE)
                                    .dump(
                                            "list the links",
                                            LinkCodec.request(RTM_GETLINK, NetlinkMessage.NLM_F_DUMP, 0),
                                            LinkCodec::decode));
                    assertEquals(Errno.EINTR, failure.errno());
                    assertEquals(NetlinkExchange.DUMP_TRIES, transport.dumps);
                }
            });
        }
    }

    @Test
    void shouldGiveUpAnAnswerThatDoesNotEnd() {
        final long[] nowNs = {0};
        final NetlinkExchange.Transport endless = new NetlinkExchange.Transport() {
            @Override
            public int send(final UnsafeBuffer buffer, final int length) {
                return 0;
            }

            @Override
            public int receive(final UnsafeBuffer buffer) {
                nowNs[0] += NetlinkExchange.DEADLINE_NS / 3;
                buffer.putInt(NetlinkMessage.LENGTH_OFFSET, NetlinkMessage.HEADER_LENGTH, nativeOrder());
                buffer.putInt(NetlinkMessage.SEQUENCE_OFFSET, -1, nativeOrder()); // never the answer to any request
                return NetlinkMessage.HEADER_LENGTH;
            }
        };
        final LinuxException failure = assertThrows(
                LinuxException.class,
                () -> new NetlinkExchange(endless, () -> nowNs[0])
                        .acknowledged("set a link up", LinkCodec.request(RTM_GETLINK, NetlinkMessage.NLM_F_ACK, 0)));
        assertEquals(Errno.ETIMEDOUT, failure.errno());
    }
}
