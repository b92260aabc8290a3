/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import org.agrona.concurrent.UnsafeBuffer;

/** What the kernel sends by netlink is read or refused by name, whatever it is. */
class NetlinkFuzzTest {
    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] datagram) {
        final NetlinkMessage message = new NetlinkMessage(new UnsafeBuffer(datagram));
        try {
            for (int offset = 0; offset < datagram.length; ) {
                offset = message.wrap(offset, datagram.length);
                if (NetlinkMessage.NLMSG_ERROR == message.type() || NetlinkMessage.NLMSG_DONE == message.type()) {
                    message.error();
                    message.errorText();
                } else {
                    RtnetlinkMonitor.decode(message);
                }
            }
        } catch (final LinuxException refused) {
            if (Errno.EBADMSG != refused.errno()) {
                throw refused;
            }
        }
    }
}
