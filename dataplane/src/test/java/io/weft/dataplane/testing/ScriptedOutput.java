/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.HostOutput;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** Keeps the packets that the host would send as its own. */
public final class ScriptedOutput implements HostOutput {
    private final List<byte[]> sent = new ArrayList<>();

    /** Nothing is sent yet. */
    public ScriptedOutput() {}

    /** The packets sent, IP header first. */
    public List<byte[]> sent() {
        return sent;
    }

    @Override
    public int send(final long address, final int length) {
        final byte[] packet = new byte[length];
        new UnsafeBuffer(address, length).getBytes(0, packet);
        sent.add(packet);
        return length;
    }
}
