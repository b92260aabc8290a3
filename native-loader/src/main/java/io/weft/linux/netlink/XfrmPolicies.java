/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whether the network namespace of the thread that opened it has policies of IPsec: a host with one may encrypt what a UDP socket sends,
 * and what passes its IP stack by goes in the clear. Used by one thread at a time; takes CAP_NET_ADMIN. Source:
 * include/uapi/linux/xfrm.h.
 *
 * <pre>
 *  0             4       8                                                           32
 * +-------------+-------+-----------+-----------+---------------+----+----+----+
 * | flags       | attr  | in        | out       | forwarded     | of sockets...|   XFRM_MSG_NEWSPDINFO
 * +-------------+-------+-----------+-----------+---------------+----+----+----+
 * </pre>
 */
public final class XfrmPolicies implements AutoCloseable {
    private static final int XFRM_MSG_GETSPDINFO = 0x25;
    private static final int FIXED_LENGTH = Integer.BYTES;
    private static final int COUNTS_POSITION = FIXED_LENGTH + Attributes.HEADER_LENGTH;

    /** Policies for what comes in, goes out and is forwarded: {@code incnt, outcnt, fwdcnt} of {@code struct xfrmu_spdinfo}. */
    private static final int COUNTS = 3;

    /** The older interface, which has policies as well; there only if the kernel has it. */
    private static final Path PF_KEY = Path.of("/proc/net/pfkey");

    private final NetlinkSocket socket;
    private final NetlinkExchange exchange;

    private XfrmPolicies(final NetlinkSocket socket) {
        this.socket = socket;
        exchange = NetlinkExchange.over(socket);
    }

    /** Whether there is any policy; opens and closes what it needs. */
    public static boolean exist() {
        try (XfrmPolicies policies = new XfrmPolicies(NetlinkSocket.open(NetlinkSocket.NETLINK_XFRM))) {
            return policies.count() > 0;
        } catch (final LinuxException failure) {
            if (Errno.EPROTONOSUPPORT == failure.errno()) {
                return Files.exists(PF_KEY); // then there may be some
            }
            throw failure;
        }
    }

    private int count() {
        final NetlinkRequest request = new NetlinkRequest(XFRM_MSG_GETSPDINFO, NetlinkMessage.NLM_F_ACK).i32(0);
        return exchange.answered("count IPsec policies", request, XfrmPolicies::decode).stream()
                .mapToInt(Integer::intValue)
                .sum();
    }

    private static Integer decode(final NetlinkMessage message) {
        int count = 0;
        for (int i = 0; i < COUNTS; i++) {
            count += message.i32(COUNTS_POSITION + i * Integer.BYTES);
        }
        return count;
    }

    @Override
    public void close() {
        socket.close();
    }
}
