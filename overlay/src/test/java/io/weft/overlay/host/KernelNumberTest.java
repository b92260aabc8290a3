/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Numbers as this kernel has them, in a namespace of their own. */
class KernelNumberTest {
    @Test
    @RequiresRoot
    void shouldReadAllDigits() {
        try (NetworkNamespace host = NetworkNamespace.create("host")) {
            for (final String value : List.of("1", "64", "255")) {
                host.exec("sysctl", "-qw", "net.ipv4.ip_default_ttl=" + value);
                host.exec("sysctl", "-qw", "net.ipv6.conf.lo.hop_limit=" + value);
                assertEquals(Integer.parseInt(value), number(host, "/proc/sys/net/ipv4/ip_default_ttl"));
                assertEquals(Integer.parseInt(value), number(host, "/proc/sys/net/ipv6/conf/lo/hop_limit"));
            }
        }
    }

    private static int number(final NetworkNamespace host, final String file) {
        return host.call(() -> KernelNumber.read(Path.of(file)));
    }

    @Test
    void shouldRefuseWhatIsNoNumber() {
        assertThrows(NumberFormatException.class, () -> KernelNumber.read(Path.of("/proc/sys/kernel/ostype")));
        assertThrows(NumberFormatException.class, () -> KernelNumber.read(Path.of("/dev/null")));
    }
}
