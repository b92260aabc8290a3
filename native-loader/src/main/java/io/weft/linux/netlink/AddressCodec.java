/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_UNSPEC;

import io.weft.address.IpFamily;
import org.jspecify.annotations.Nullable;

/**
 * Interface addresses to and from bytes.
 *
 * <pre>
 *  0   1   2   3   4               8
 * +---+---+---+---+---------------+
 * |fam|len|flg|scp| index         |   struct ifaddrmsg
 * +---+---+---+---+---------------+
 * </pre>
 *
 * Source: include/uapi/linux/if_addr.h.
 */
final class AddressCodec {
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_FLAGS = 8;

    private static final int PREFIX_LENGTH_POSITION = 1;
    private static final int FLAGS_POSITION = 2;
    private static final int SCOPE_POSITION = 3;
    private static final int INDEX_POSITION = 4;
    private static final int FIXED_LENGTH = 8;

    private AddressCodec() {}

    static NetlinkRequest dumpRequest(final int linkIndex) {
        return new NetlinkRequest(MessageType.RTM_GETADDR, NetlinkMessage.NLM_F_DUMP)
                .u8(AF_UNSPEC)
                .u8(0)
                .u8(0)
                .u8(0)
                .i32(linkIndex);
    }

    static NetlinkRequest request(final int type, final int requestFlags, final InterfaceAddress address) {
        return new NetlinkRequest(type, requestFlags)
                .u8(IpFamily.of(address.address()).socketFamily())
                .u8(address.prefixLength())
                .u8(address.flags() & 0xFF)
                .u8(address.scope())
                .i32(address.linkIndex())
                .attribute(IFA_LOCAL, address.address())
                .attribute(IFA_ADDRESS, address.address())
                .attribute(IFA_FLAGS, address.flags());
    }

    static @Nullable InterfaceAddress decode(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        // On a point-to-point link IFA_ADDRESS is the peer's; IPv6 sends IFA_LOCAL only then.
        final int type = attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS;
        if (!attributes.has(type)) {
            return null;
        }
        return new InterfaceAddress(
                message.i32(INDEX_POSITION),
                attributes.address(type),
                message.u8(PREFIX_LENGTH_POSITION),
                message.u8(SCOPE_POSITION),
                attributes.i32(IFA_FLAGS, message.u8(FLAGS_POSITION)));
    }
}
