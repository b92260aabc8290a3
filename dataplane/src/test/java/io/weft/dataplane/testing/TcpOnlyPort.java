/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.Framing;
import io.weft.linux.PacketPort;

/**
 * A port of a kernel that knows no superframes of UDP.
 *
 * @param port whose kernel does.
 */
record TcpOnlyPort(PacketPort port) implements PacketPort {
    @Override
    public Framing framing() {
        final Framing framing = port.framing();
        return new Framing(
                framing.vnetHeaderLength(),
                framing.linkHeaderLength(),
                framing.destinationMac(),
                framing.sourceMac(),
                false);
    }

    @Override
    public int fd() {
        return port.fd();
    }

    @Override
    public int read(final long address, final int capacity) {
        return port.read(address, capacity);
    }

    @Override
    public int write(final long address, final int length) {
        return port.write(address, length);
    }

    @Override
    public int writev(final long iovecs, final int count) {
        return port.writev(iovecs, count);
    }
}
