/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DropReason;
import io.weft.linux.Errno;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is done about each errno of a send. */
class SendPolicyTest {
    @ParameterizedTest
    @CsvSource({
        Errno.EINTR + ", 1, TRY_AGAIN",
        Errno.EAGAIN + ", 1, KEEP",
        Errno.EAGAIN + ", 44, KEEP",
        Errno.EIO + ", 44, SEND_ALL_ONE_BY_ONE",
        Errno.EIO + ", 1, DROP",
        Errno.EMSGSIZE + ", 44, SEND_ONE_BY_ONE",
        Errno.EMSGSIZE + ", 1, DROP",
        Errno.EINVAL + ", 2, SEND_ONE_BY_ONE",
        Errno.EINVAL + ", 1, DROP",
        Errno.ENOBUFS + ", 44, DROP",
        Errno.EPERM + ", 44, DROP",
        Errno.ENETDOWN + ", 1, DROP",
        "0, 1, DROP",
    })
    void shouldDecideByErrnoAndNumberOfDatagrams(
            final int errno, final int datagrams, final SendPolicy.Action expected) {
        assertEquals(expected, SendPolicy.onFailure(errno, datagrams));
    }

    @ParameterizedTest
    @CsvSource({
        Errno.EAGAIN + ", UNDERLAY_BUSY",
        Errno.ENOBUFS + ", UNDERLAY_BUSY",
        Errno.ENOMEM + ", UNDERLAY_BUSY",
        Errno.ENETUNREACH + ", UNDERLAY_UNREACHABLE",
        Errno.EHOSTUNREACH + ", UNDERLAY_UNREACHABLE",
        Errno.ENETDOWN + ", UNDERLAY_UNREACHABLE",
        Errno.EPERM + ", UNDERLAY_REFUSED",
        Errno.EACCES + ", UNDERLAY_UNREACHABLE",
        Errno.EIO + ", UNDERLAY_ERROR",
        "0, UNDERLAY_ERROR",
    })
    void shouldNameWhyADatagramWasGivenUp(final int errno, final DropReason expected) {
        assertEquals(expected, SendPolicy.reason(errno));
    }
}
