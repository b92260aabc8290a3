/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpPrefix;
import io.weft.linux.Errno;
import io.weft.linux.EventFd;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import io.weft.linux.Poller;
import io.weft.linux.netlink.RtnetlinkEvent.AddressChange;
import io.weft.linux.netlink.RtnetlinkEvent.FdbChange;
import io.weft.linux.netlink.RtnetlinkEvent.LinkChange;
import io.weft.linux.netlink.RtnetlinkEvent.NeighbourChange;
import io.weft.linux.netlink.RtnetlinkEvent.ResyncNeeded;
import io.weft.linux.netlink.RtnetlinkEvent.RouteChange;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Tells what anyone changes in one network namespace, that of the thread which opened it. Owned by one thread; only
 * {@link #wakeUp()} may be called from others.
 *
 * <p>To miss nothing: open the monitor, then list with {@link Rtnetlink}, then follow the events; list again at
 * {@link ResyncNeeded}.
 */
public final class RtnetlinkMonitor implements AutoCloseable {
    /** What can be followed. */
    public enum Topic {
        // Group numbers of enum rtnetlink_groups, include/uapi/linux/rtnetlink.h
        /** Links. */
        LINKS(1),
        /** IPv4 and IPv6 addresses. */
        ADDRESSES(5, 9),
        /** IPv4 and IPv6 routes. */
        ROUTES(7, 11),
        /** Neighbours and FDB entries. */
        NEIGHBOURS(3);

        private final int group;
        private final int groupV6;

        Topic(final int group) {
            this(group, group);
        }

        Topic(final int group, final int groupV6) {
            this.group = group;
            this.groupV6 = groupV6;
        }
    }

    private static final int RECEIVE_CAPACITY = 256 * 1024;
    private static final int SOCKET_INDEX = 0;
    private static final int WAKE_UP_INDEX = 1;

    private final NetlinkSocket socket;
    private final EventFd wakeUp;
    private final Poller poller = new Poller(2);
    private final UnsafeBuffer buffer =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(RECEIVE_CAPACITY, Long.BYTES));
    private final NetlinkMessage message = new NetlinkMessage(buffer);

    private RtnetlinkMonitor(final NetlinkSocket socket, final EventFd wakeUp) {
        this.socket = socket;
        this.wakeUp = wakeUp;
        poller.set(SOCKET_INDEX, socket.fd(), Poller.POLLIN);
        poller.set(WAKE_UP_INDEX, wakeUp.fd(), Poller.POLLIN);
    }

    /**
     * Begins to follow the calling thread's network namespace.
     *
     * @param topics to follow.
     * @return to be closed by the caller.
     * @throws LinuxException if the kernel refuses.
     */
    public static RtnetlinkMonitor open(final Set<Topic> topics) {
        final NetlinkSocket socket = NetlinkSocket.open();
        try {
            for (final Topic topic : topics) {
                socket.join(topic.group);
                socket.join(topic.groupV6);
            }
            return new RtnetlinkMonitor(socket, new EventFd());
        } catch (final LinuxException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Narrows the events of routes: the kernel keeps back those of no interest, so that they cost nothing.
     *
     * @param networks whose routes are told, and those of subnets in them.
     * @param ownProtocol additions of which are not told.
     */
    public void routesWithin(final List<IpPrefix> networks, final int ownProtocol) {
        // A kernel that refuses the filter sends all, as before: dear where routes come and go, and else the same.
        socket.attach(RouteCodec.notificationFilter(networks, ownProtocol));
    }

    /**
     * Sets how much the kernel queues for this monitor before events are lost.
     *
     * @param bytes of kernel memory.
     * @throws LinuxException without CAP_NET_ADMIN.
     */
    public void receiveBufferLength(final int bytes) {
        socket.receiveBufferLength(bytes);
    }

    /**
     * Waits for events and hands on all that are there.
     *
     * @param timeoutMs longest wait, 0 to only look, -1 for no limit.
     * @param consumer called on this thread for each event.
     * @return how many events there were; 0 after the timeout or {@link #wakeUp()}.
     * @throws LinuxException if the socket fails or a message is malformed; the monitor can be used again after it, and
     *     what exists should then be listed anew.
     */
    public int poll(final int timeoutMs, final Consumer<RtnetlinkEvent> consumer) {
        final int ready = poller.poll(timeoutMs);
        if (ready < 0 && -Errno.EINTR != ready) {
            throw new LinuxException("wait for changes of the network", -ready);
        }
        if (ready <= 0) {
            return 0;
        }
        if (poller.isReady(WAKE_UP_INDEX)) {
            wakeUp.clear();
        }
        return poller.isReady(SOCKET_INDEX) ? drain(consumer) : 0;
    }

    private int drain(final Consumer<RtnetlinkEvent> consumer) {
        int events = 0;
        while (true) {
            final int limit = socket.receiveNow(buffer);
            if (-Errno.EAGAIN == limit) {
                return events;
            }
            if (-Errno.ENOBUFS == limit || -Errno.EMSGSIZE == limit) {
                consumer.accept(new ResyncNeeded());
                events++;
                continue;
            }
            if (limit < 0) {
                throw new LinuxException("read changes of the network", -limit);
            }
            for (int offset = 0; offset < limit; ) {
                offset = message.wrap(offset, limit);
                final RtnetlinkEvent event = decode(message);
                if (null != event) {
                    consumer.accept(event);
                    events++;
                }
            }
        }
    }

    /** The event, or null for a message of no interest. */
    static @Nullable RtnetlinkEvent decode(final NetlinkMessage message) {
        final int type = message.type();
        switch (type) {
            case MessageType.RTM_NEWLINK, MessageType.RTM_DELLINK -> {
                final Link link = LinkCodec.decode(message);
                return null == link ? null : new LinkChange(link, MessageType.RTM_DELLINK == type);
            }
            case MessageType.RTM_NEWADDR, MessageType.RTM_DELADDR -> {
                final InterfaceAddress address = AddressCodec.decode(message);
                return null == address ? null : new AddressChange(address, MessageType.RTM_DELADDR == type);
            }
            case MessageType.RTM_NEWROUTE, MessageType.RTM_DELROUTE -> {
                final Route route = RouteCodec.cached(message) ? null : RouteCodec.decode(message);
                return null == route ? null : new RouteChange(route, MessageType.RTM_DELROUTE == type);
            }
            case MessageType.RTM_NEWNEIGH, MessageType.RTM_DELNEIGH -> {
                return decodeNeighbourOrFdbEntry(message, MessageType.RTM_DELNEIGH == type);
            }
            default -> {
                return null;
            }
        }
    }

    private static @Nullable RtnetlinkEvent decodeNeighbourOrFdbEntry(
            final NetlinkMessage message, final boolean removed) {
        if (NeighbourCodec.isFdbEntry(message)) {
            final FdbEntry entry = NeighbourCodec.decodeFdbEntry(message);
            return null == entry ? null : new FdbChange(entry, removed);
        }
        final Neighbour neighbour = NeighbourCodec.decodeNeighbour(message);
        return null == neighbour ? null : new NeighbourChange(neighbour, removed);
    }

    /** Ends a wait in {@link #poll}. May be called from any thread. */
    public void wakeUp() {
        wakeUp.signal();
    }

    @Override
    public void close() {
        socket.close();
        wakeUp.close();
    }
}
