/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import io.weft.address.MacAddress;
import io.weft.linux.DeviceFeatures;
import io.weft.linux.Errno;
import io.weft.linux.FrameSocket;
import io.weft.linux.LinuxException;
import io.weft.linux.PacketPort;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.PacketSocketList;
import io.weft.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.agrona.CloseHelper;

/**
 * A veth pair in the place of a TUN device: the host has the near end, and packet sockets the far one.
 *
 * <pre>
 *   host's routes -> weft.1 ===== weft.1-far -> packet sockets -> data plane
 *   host's IP     <- weft.1 ===== weft.1-far <- packet sockets <- data plane
 * </pre>
 *
 * The near end resolves no neighbours, so that the host sends every frame to the near end's own MAC address. The far end has
 * another one, and so the host's IP drops there, as another host's, what the sockets have a copy of
 * (docs/decisions/0009-packet-sockets-for-pods.md).
 */
final class VethPodDevice implements PodDevice {
    /** Locally administered, the same everywhere: no frame leaves the pair. They tell whose a left pair is. */
    private static final MacAddress HOST_MAC = MacAddress.parse("02:77:65:66:74:01");

    private static final MacAddress FAR_MAC = MacAddress.parse("02:77:65:66:74:02");

    private static final String FAR_SUFFIX = "-far";
    private static final String VETH = "veth";

    /** As many superframes as a congestion window has, some times over. */
    private static final int BUFFER_LENGTH = 8 << 20;

    /**
     * What a veth device takes and a vnet header does not tell: other checksums, other superframes, tunnels in tunnels, tags. A
     * TUN device takes none of it either, so the host cuts and completes it before it comes here.
     */
    private static final String[] UNTOLD = {
        "tx-checksum-sctp",
        "tx-tcp-ecn-segmentation",
        "tx-tcp-accecn-segmentation",
        "tx-tcp-mangleid-segmentation",
        "tx-sctp-segmentation",
        "tx-gre-segmentation",
        "tx-gre-csum-segmentation",
        "tx-ipxip4-segmentation",
        "tx-ipxip6-segmentation",
        DeviceFeatures.TUNNEL_SEGMENTATION,
        DeviceFeatures.TUNNEL_CHECKSUM_SEGMENTATION,
        "tx-gso-list",
        "tx-gso-partial",
        "tx-esp-segmentation",
        "tx-vlan-hw-insert",
        "tx-vlan-stag-hw-insert"
    };

    private static final String UDP_SEGMENTATION = "tx-udp-segmentation";

    private static final Path PACKET_SOCKETS = Path.of("/proc/thread-self/net/packet");
    private static final int INTERFACE_COLUMN = 4;

    private final Rtnetlink rtnetlink;
    private final String name;
    private final int nearIndex;
    private final int farIndex;
    private final List<FrameSocket> sockets;
    private boolean isOwn;
    private long repairs;
    private long transmitDropsBefore;

    private VethPodDevice(
            final Rtnetlink rtnetlink,
            final String name,
            final int nearIndex,
            final int farIndex,
            final List<FrameSocket> sockets) {
        this.rtnetlink = rtnetlink;
        this.name = name;
        this.nearIndex = nearIndex;
        this.farIndex = farIndex;
        this.sockets = sockets;
    }

    /** Makes the pair: the near end is down still, for the host's side to set up. */
    static VethPodDevice make(final Rtnetlink rtnetlink, final String name, final int workers) {
        final String farName = SiblingName.of(name, FAR_SUFFIX);
        try {
            rtnetlink.addVeth(name, HOST_MAC, farName, FAR_MAC);
        } catch (final LinuxException failure) {
            throw explained(failure, name, farName);
        }
        final int nearIndex = index(rtnetlink, name);
        final List<FrameSocket> sockets = new ArrayList<>();
        boolean isMade = false;
        try {
            final int farIndex = index(rtnetlink, farName);
            rtnetlink.setNoAddressGeneration(farIndex);
            switchOff(name, UNTOLD);
            rtnetlink.setUp(farIndex);
            sockets.addAll(FrameSocket.open(farIndex, HOST_MAC.value(), FAR_MAC.value(), workers, BUFFER_LENGTH));
            final VethPodDevice device = new VethPodDevice(rtnetlink, name, nearIndex, farIndex, sockets);
            if (!sockets.get(0).framing().takesUdpSuperframes()) {
                switchOff(name, UDP_SEGMENTATION);
            }
            device.own();
            isMade = true;
            return device;
        } finally {
            if (!isMade) {
                CloseHelper.quietCloseAll(sockets);
                rtnetlink.deleteLink(nearIndex);
            }
        }
    }

    /** Goes on with a pair and its sockets that another process left. */
    static VethPodDevice adopt(final Rtnetlink rtnetlink, final String name, final List<Integer> left) {
        final List<FrameSocket> sockets = FrameSocket.adopt(left, HOST_MAC.value(), FAR_MAC.value());
        boolean isAdopted = false;
        try {
            final VethPodDevice device = new VethPodDevice(
                    rtnetlink,
                    name,
                    index(rtnetlink, name),
                    index(rtnetlink, SiblingName.of(name, FAR_SUFFIX)),
                    sockets);
            isAdopted = true;
            return device;
        } finally {
            if (!isAdopted) {
                CloseHelper.quietCloseAll(sockets);
            }
        }
    }

    private static LinuxException explained(final LinuxException failure, final String name, final String farName) {
        return switch (failure.errno()) {
            case Errno.EEXIST ->
                new LinuxException(
                        "create device " + name,
                        Errno.EEXIST,
                        "An interface " + name + " or " + farName
                                + " of another kind exists: remove it, or choose another name with --device-name");
            case Errno.EOPNOTSUPP ->
                new LinuxException(
                        "create device " + name,
                        Errno.EOPNOTSUPP,
                        "The kernel knows no veth pairs: 'modprobe veth', or build CONFIG_VETH");
            default -> failure;
        };
    }

    private static int index(final Rtnetlink rtnetlink, final String name) {
        return rtnetlink
                .link(name)
                .orElseThrow(() -> new LinuxException("look up link " + name, Errno.ENODEV))
                .index();
    }

    private static void switchOff(final String device, final String... names) {
        try (DeviceFeatures features = new DeviceFeatures(device, names)) {
            features.switchOff();
        }
    }

    /**
     * Deletes a pair that a process left, known by an end that has its name still: the other may have another one, or be in another
     * network namespace.
     *
     * @throws LinuxException if a process reads from its far end.
     */
    static void removeLeft(final Rtnetlink rtnetlink, final String name) {
        rtnetlink
                .link(name)
                .filter(VethPodDevice::isNear)
                .ifPresent(near -> removeUnread(rtnetlink, name, near, peer(rtnetlink, near)));
        rtnetlink
                .link(SiblingName.of(name, FAR_SUFFIX))
                .filter(VethPodDevice::isFar)
                .ifPresent(far -> removeUnread(rtnetlink, name, far, Optional.of(far)));
    }

    /** A far end that is in another network namespace has no reader any more: the kernel unbinds its sockets. */
    private static void removeUnread(
            final Rtnetlink rtnetlink, final String name, final Link end, final Optional<Link> far) {
        if (far.isPresent() && hasReader(far.get().index())) {
            throw new LinuxException(
                    "create device " + name,
                    Errno.EBUSY,
                    "Another process reads from " + far.get().name()
                            + " (ss --packet --processes shows which): stop it, or choose another"
                            + " name with --device-name");
        }
        rtnetlink.deleteLink(end.index());
    }

    /** Deletes the pairs of processes that were killed, whatever their names, and returns those of the ends that were found. */
    static List<String> removeLeft(final Rtnetlink rtnetlink) {
        final List<String> removed = new ArrayList<>();
        for (final Link end : rtnetlink.links()) {
            if (isLeft(rtnetlink, end) && rtnetlink.deleteLink(end.index())) {
                removed.add(end.name());
            }
        }
        return removed;
    }

    /**
     * Whether this is the near end of a pair that nobody reads from, or one end of a pair whose other is in another network namespace. A
     * veth end of somebody else may have one of the MAC addresses, copied or by chance: of an end alone another sign is asked.
     */
    static boolean isLeft(final Rtnetlink rtnetlink, final Link end) {
        final Optional<Link> peer = peer(rtnetlink, end);
        if (isNear(end)) {
            if (0 == end.peerIndex()) {
                return !end.resolvesNeighbours();
            }
            return peer.filter(VethPodDevice::isFar).isPresent() && !hasReader(end.peerIndex());
        }
        return peer.isEmpty() && isFar(end) && end.name().endsWith(FAR_SUFFIX) && !hasReader(end.index());
    }

    private static Optional<Link> peer(final Rtnetlink rtnetlink, final Link end) {
        return 0 == end.peerIndex() ? Optional.empty() : rtnetlink.link(end.peerIndex());
    }

    private static boolean isNear(final Link link) {
        return VETH.equals(link.kind()) && HOST_MAC.equals(link.mac());
    }

    private static boolean isFar(final Link link) {
        return VETH.equals(link.kind()) && FAR_MAC.equals(link.mac());
    }

    /** Whether a weft reads from the link: those that only watch (tcpdump, lldpd) ask for no vnet header. */
    private static boolean hasReader(final int linkIndex) {
        try {
            return PacketSocketList.read().stream()
                    .anyMatch(socket -> linkIndex == socket.linkIndex() && socket.hasVnetHeader());
        } catch (final LinuxException withoutDiagnosis) {
            return hasSocket(linkIndex); // without CONFIG_PACKET_DIAG they cannot be told apart
        }
    }

    /** Whether any packet socket of the namespace is bound to the link (net/packet/af_packet.c, {@code packet_seq_show}). */
    private static boolean hasSocket(final int linkIndex) {
        try {
            return Files.readAllLines(PACKET_SOCKETS).stream()
                    .map(line -> line.strip().split("\\s+", -1))
                    .anyMatch(columns -> columns.length > INTERFACE_COLUMN
                            && columns[INTERFACE_COLUMN].equals(Integer.toString(linkIndex)));
        } catch (final IOException failure) {
            throw new UncheckedIOException("read " + PACKET_SOCKETS, failure);
        }
    }

    @Override
    public void own() {
        isOwn = true;
    }

    @Override
    public void batch() {
        // packet sockets have calls for it
    }

    @Override
    public List<? extends PacketPort> ports() {
        return sockets;
    }

    /** What the backlog of a CPU had no room for is a loss of the far end, and counted by the near one, which sends to it. */
    @Override
    public long takeLosses() {
        long losses = losses(rtnetlink.transmitDrops(name));
        for (final FrameSocket socket : sockets) {
            losses += socket.takeLosses();
        }
        return losses;
    }

    private long losses(final long transmitDrops) {
        final long losses = transmitDrops - transmitDropsBefore;
        transmitDropsBefore = transmitDrops;
        return Math.max(0, losses);
    }

    @Override
    public List<Integer> descriptors() {
        return sockets.stream().map(FrameSocket::fd).toList();
    }

    @Override
    public boolean repair() {
        final Optional<Link> near = rtnetlink.link(nearIndex);
        final Optional<Link> far = rtnetlink.link(farIndex);
        if (near.isEmpty() || far.isEmpty()) {
            return false;
        }
        if (far.get().mtu() != near.get().mtu()) {
            rtnetlink.setMtu(farIndex, near.get().mtu()); // follows, for what is longer is refused there, and counted
        }
        if (near.get().resolvesNeighbours()) {
            rtnetlink.setNoArp(nearIndex);
            repairs++;
        }
        repairMac(near.get(), HOST_MAC);
        repairMac(far.get(), FAR_MAC);
        if (!far.get().up()) {
            rtnetlink.setUp(farIndex);
            repairs++;
        }
        return true;
    }

    private void repairMac(final Link link, final MacAddress mac) {
        if (!mac.equals(link.mac())) {
            rtnetlink.setMac(link.index(), mac);
            repairs++;
        }
    }

    @Override
    public long repairs() {
        return repairs;
    }

    @Override
    public boolean endsWithProcess() {
        return false;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(sockets);
        if (isOwn) {
            rtnetlink
                    .link(nearIndex)
                    .filter(link -> isNear(link) || name.equals(link.name()))
                    .or(() -> rtnetlink.link(farIndex).filter(VethPodDevice::isFar))
                    .ifPresent(end -> rtnetlink.deleteLink(end.index()));
        }
    }
}
