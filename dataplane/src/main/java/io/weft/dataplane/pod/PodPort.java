/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.FrameSocket;
import io.weft.linux.KernelFeatures;
import io.weft.linux.TunDevice;
import io.weft.linux.netlink.Rtnetlink;
import java.util.List;

/** By what the data plane takes pods' packets from the host, and gives them to it. */
public enum PodPort {
    /** A TUN device, whose queues are read and written. */
    TUN {
        @Override
        public void require() {
            KernelFeatures.requireTun();
        }

        @Override
        PodDevice make(final Rtnetlink rtnetlink, final String name, final int workers) {
            return new TunPodDevice(rtnetlink, name, TunDevice.open(name, workers, VirtioNetHeaderFlyweight.LENGTH));
        }

        @Override
        PodDevice adopt(final Rtnetlink rtnetlink, final String name, final int workers, final List<Integer> left) {
            return new TunPodDevice(
                    rtnetlink, name, TunDevice.adopt(left, workers, name, VirtioNetHeaderFlyweight.LENGTH));
        }
    },

    /** A veth pair, whose far end packet sockets read and write: for where there is no {@code /dev/net/tun}. */
    PACKET {
        @Override
        public void require() {
            FrameSocket.require();
        }

        @Override
        PodDevice make(final Rtnetlink rtnetlink, final String name, final int workers) {
            return VethPodDevice.make(rtnetlink, name, workers);
        }

        @Override
        PodDevice adopt(final Rtnetlink rtnetlink, final String name, final int workers, final List<Integer> left) {
            return VethPodDevice.adopt(rtnetlink, name, left);
        }
    };

    /**
     * Checks that this process may have such a port.
     *
     * @throws io.weft.linux.LinuxException with the remedy if it may not.
     */
    public abstract void require();

    abstract PodDevice make(Rtnetlink rtnetlink, String name, int workers);

    abstract PodDevice adopt(Rtnetlink rtnetlink, String name, int workers, List<Integer> left);

    /** The same, without ports that another process left. */
    public PodDevice open(final Rtnetlink rtnetlink, final String name, final int workers) {
        return open(rtnetlink, name, workers, List.of());
    }

    /**
     * Makes the device, in the place of one that a process left which is no more.
     *
     * @param rtnetlink of the calling thread's network namespace, open for as long as the device.
     * @param name of the device.
     * @param workers how many ports it shall have, 1 or more.
     * @param left {@link PodDevice#descriptors} that another process left, for as many workers, or none to make the device: they
     *     belong to this from now on, and the device from {@link PodDevice#own} on.
     * @throws io.weft.linux.LinuxException if the name is another's, or the kernel refuses.
     */
    public PodDevice open(final Rtnetlink rtnetlink, final String name, final int workers, final List<Integer> left) {
        if (!left.isEmpty()) {
            return adopt(rtnetlink, name, workers, left);
        }
        VethPodDevice.removeLeft(rtnetlink, name);
        return make(rtnetlink, name, workers);
    }

    /**
     * Deletes the devices that outlive a process which was killed, unless another reads from them.
     *
     * @param rtnetlink of the calling thread's network namespace.
     * @return their names.
     * @throws io.weft.linux.LinuxException if the kernel refuses.
     */
    public static List<String> removeLeft(final Rtnetlink rtnetlink) {
        return VethPodDevice.removeLeft(rtnetlink);
    }

    /**
     * Deletes one device if it is such a one.
     *
     * @param rtnetlink of the calling thread's network namespace.
     * @param linkIndex of the device.
     * @return whether it was.
     * @throws io.weft.linux.LinuxException if the kernel refuses.
     */
    public static boolean removeLeft(final Rtnetlink rtnetlink, final int linkIndex) {
        return rtnetlink
                .link(linkIndex)
                .filter(link -> VethPodDevice.isLeft(rtnetlink, link))
                .filter(link -> rtnetlink.deleteLink(linkIndex))
                .isPresent();
    }
}
