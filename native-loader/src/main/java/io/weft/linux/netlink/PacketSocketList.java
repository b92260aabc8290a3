/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_PACKET;

import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The packet sockets of the calling thread's network namespace, asked of the kernel's socket diagnosis. Sources:
 * include/uapi/linux/packet_diag.h, sock_diag.h.
 *
 * <pre>
 *  0     1     2       4         8         12       20                request: family, protocol, -, inode, what to show, cookie
 * +-----+-----+-------+---------+---------+--------+
 *
 *  0     1     2       4         8        16                          answer: family, type, protocol, inode, cookie, attributes
 * +-----+-----+-------+---------+--------+-------------------------
 *                                         | index, version, reserve, copy threshold, time stamp, flags   PACKET_DIAG_INFO
 * </pre>
 */
public final class PacketSocketList {
    private static final int SOCK_DIAG_BY_FAMILY = 20;
    private static final int PACKET_SHOW_INFO = 1;
    private static final int ANSWER_LENGTH = 16;
    private static final int INFO_POSITION = ANSWER_LENGTH + Attributes.HEADER_LENGTH;
    private static final int FLAGS_POSITION = INFO_POSITION + 5 * Integer.BYTES;
    private static final int PDI_VNETHDR = 8;

    private PacketSocketList() {}

    /**
     * One of them.
     *
     * @param linkIndex of the link that it is bound to, 0 for all.
     * @param hasVnetHeader whether its frames come and go with a {@code struct virtio_net_hdr}, as weft's and virtual machines' do,
     *     and none of those that only watch.
     */
    public record Entry(int linkIndex, boolean hasVnetHeader) {}

    /**
     * Lists them.
     *
     * @throws LinuxException {@link io.weft.linux.Errno#ENOENT} where the kernel has no diagnosis of packet sockets.
     */
    public static List<Entry> read() {
        try (NetlinkSocket socket = NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG)) {
            final NetlinkRequest request = new NetlinkRequest(SOCK_DIAG_BY_FAMILY, NetlinkMessage.NLM_F_DUMP)
                    .u8(AF_PACKET)
                    .u8(0)
                    .u16(0)
                    .i32(0)
                    .i32(PACKET_SHOW_INFO)
                    .i32(0)
                    .i32(0);
            return NetlinkExchange.over(socket).dump("list the packet sockets", request, PacketSocketList::decode);
        }
    }

    /** The information is the first attribute of each answer. */
    private static @Nullable Entry decode(final NetlinkMessage message) {
        return new Entry(message.i32(INFO_POSITION), 0 != (message.i32(FLAGS_POSITION) & PDI_VNETHDR));
    }
}
