/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;

/** An underlay where nothing is heard and every datagram is taken. */
public class SilentPort implements DatagramPort {
    @Override
    public int fd() {
        return -1;
    }

    @Override
    public int receive(final MessageVector messages, final int from, final int count) {
        return -Errno.EAGAIN;
    }

    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        return count;
    }

    @Override
    public void sendBufferLength(final int bytes) {
        // sends nothing
    }
}
