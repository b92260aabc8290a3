/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.bench.lab.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class KernelCountersTest {
    private static final String TEXT = """
            Udp: InDatagrams NoPorts RcvbufErrors
            Udp: 17 0 3
            UdpLite: InDatagrams NoPorts RcvbufErrors
            UdpLite: 1 2 4
            """;

    @Test
    void shouldReadTheCounterOfAGroup() {
        assertEquals(3, KernelCounters.parse(TEXT, "Udp", "RcvbufErrors"));
        assertEquals(4, KernelCounters.parse(TEXT, "UdpLite", "RcvbufErrors"));
    }

    @Test
    void shouldRefuseACounterThatIsNotThere() {
        assertThrows(Command.CommandException.class, () -> KernelCounters.parse(TEXT, "Udp", "Nonsense"));
        assertThrows(Command.CommandException.class, () -> KernelCounters.parse(TEXT, "Tcp", "NoPorts"));
    }

    @Test
    void shouldFindWhatThisKernelCounts() throws IOException {
        KernelCounters.parse(Files.readString(Path.of("/proc/self/net/netstat")), "TcpExt", "TCPTimeouts");
        KernelCounters.parse(Files.readString(Path.of("/proc/self/net/snmp")), "Udp", "RcvbufErrors");
    }
}
