/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import io.weft.linux.PacketPort;
import java.util.List;

/** A device that the host routes pods' packets to, with the data plane at its other side. Control thread alone. */
public interface PodDevice extends AutoCloseable {
    /** The data plane's side, a port for each worker. */
    List<? extends PacketPort> ports();

    /**
     * From now on several frames are read or written with one call, where that is not so already; before any thread reads or writes.
     *
     * @throws io.weft.linux.LinuxException with the remedy, if the kernel refuses: then it is one frame for each call.
     */
    void batch();

    /** What another process needs to make use of the device's ports in the place of this one. */
    List<Integer> descriptors();

    /**
     * Puts right what somebody changed at what is not the host's side: MTU, address and state of that are the host's.
     *
     * @return false when the device is gone.
     */
    boolean repair();

    /** Differences that were put right. */
    long repairs();

    /**
     * Frames that the host dropped since the last call, or since the device was made, instead of handing them to the data plane.
     *
     * @throws io.weft.linux.LinuxException if the kernel does not tell.
     */
    long takeLosses();

    /** The process that left the device is gone: from now on it goes with this, as one that was made here does from the beginning. */
    void own();

    /** Whether the kernel takes the device away by itself when this process ends. */
    boolean endsWithProcess();

    /** Takes the device away, if it is this process's own; packets that lie in it are gone. */
    @Override
    void close();
}
