/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.address.IpPrefix;
import io.weft.linux.Descriptors;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of a forwarder that could not be made. */
class ForwarderTest {
    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldLeaveNoCountersWhenTheLeaseIsNotFitForATunnel() throws Exception {
        final WeftOptions options = new WeftOptions();
        options.runDirectory = directory;
        final Inet4Address address = (Inet4Address) InetAddress.getByName("192.168.100.1");
        final Forwarder.Settings settings = new Forwarder.Settings(
                options,
                UnderlayFamily.IPV4,
                1450,
                new NetworkConfig(
                        IpPrefix.parse("10.244.0.0/16"),
                        null,
                        null,
                        null,
                        false,
                        new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false)),
                new Lease(LeaseKey.parse("10.244.1.0-24"), new LeaseAttributes(address, null, "vxlan", null, null)),
                new Underlay("eth0", 2, 1500, address, null, address, null, Set.of(address), false));
        final Descriptors none = Descriptors.inherited(Map.of());
        final StartupException failure = assertThrows(StartupException.class, () -> Forwarder.open(settings, none));
        assertEquals("the own lease " + settings.own() + " has no VtepMAC", failure.getMessage());
        try (Stream<Path> left = Files.list(directory)) {
            assertEquals(List.of(), left.toList());
        }
        final String mappings = Files.readString(Path.of("/proc/self/maps"));
        assertEquals(
                List.of(),
                mappings.lines()
                        .filter(line -> line.contains(directory.toString()))
                        .toList());
    }
}
