/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import io.weft.linux.PacketPort;
import io.weft.linux.TunDevice;
import io.weft.linux.netlink.Rtnetlink;
import java.util.List;
import org.agrona.CloseHelper;

/** A TUN device: all of it is the host's, and it goes with its last queue. */
final class TunPodDevice implements PodDevice {
    private final Rtnetlink rtnetlink;
    private final String name;
    private final List<TunDevice> queues;
    private long transmitDropsBefore;

    /** @param queues of the device of this name. */
    TunPodDevice(final Rtnetlink rtnetlink, final String name, final List<TunDevice> queues) {
        this.rtnetlink = rtnetlink;
        this.name = name;
        this.queues = queues;
    }

    @Override
    public List<? extends PacketPort> ports() {
        return queues;
    }

    @Override
    public void batch() {
        TunDevice.batch(queues);
    }

    @Override
    public List<Integer> descriptors() {
        return TunDevice.descriptors(queues);
    }

    @Override
    public void own() {
        // it goes with its last queue, wherever that is
    }

    @Override
    public boolean repair() {
        return true;
    }

    @Override
    public long repairs() {
        return 0;
    }

    /** What a queue has no room for, or finds nobody to read, the device counts as dropped (drivers/net/tun.c, {@code tun_net_xmit}). */
    @Override
    public long takeLosses() {
        final long transmitDrops = rtnetlink.transmitDrops(name);
        final long losses = transmitDrops - transmitDropsBefore;
        transmitDropsBefore = transmitDrops;
        return Math.max(0, losses);
    }

    @Override
    public boolean endsWithProcess() {
        return true;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(queues);
    }
}
