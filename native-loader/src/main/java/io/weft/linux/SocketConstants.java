/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import io.weft.address.IpFamily;

/**
 * The numbers of {@code sys/socket.h} that are used here. Sources: include/linux/socket.h (address families, flags of
 * messages), include/linux/net.h (types of sockets), include/uapi/asm-generic/socket.h (options).
 */
public final class SocketConstants {
    public static final int AF_UNSPEC = 0;
    public static final int AF_UNIX = 1;
    public static final int AF_INET = IpFamily.IPV4.socketFamily();
    public static final int AF_BRIDGE = 7;
    public static final int AF_INET6 = IpFamily.IPV6.socketFamily();
    public static final int AF_NETLINK = 16;
    public static final int AF_PACKET = 17;

    /** The datagram was longer than its buffers. */
    public static final int MSG_TRUNC = 0x20;

    static final int MSG_DONTWAIT = 0x40;
    /** The control messages were longer than their buffer. */
    static final int MSG_CTRUNC = 0x8;
    /** A peer that is gone is an error of the call, not a signal. */
    static final int MSG_NOSIGNAL = 0x4000;
    /** Received descriptors are closed in programs that are executed. */
    static final int MSG_CMSG_CLOEXEC = 0x40000000;

    static final int SOCK_DGRAM = 2;
    static final int SOCK_RAW = 3;
    static final int SOCK_SEQPACKET = 5;
    static final int SOCK_NONBLOCK = 0x800;
    static final int SOCK_CLOEXEC = 0x80000;

    static final int SOL_SOCKET = 1;
    static final int SCM_RIGHTS = 1;
    static final int SO_SNDBUF = 7;
    static final int SO_RCVBUF = 8;
    static final int SO_REUSEPORT = 15;
    static final int SO_PEERCRED = 17;
    static final int SO_RCVTIMEO = 20;
    static final int SO_SNDTIMEO = 21;
    static final int SO_ATTACH_FILTER = 26;
    static final int SO_DETACH_FILTER = 27;
    static final int SO_SNDBUFFORCE = 32;
    static final int SO_RCVBUFFORCE = 33;

    private SocketConstants() {}
}
