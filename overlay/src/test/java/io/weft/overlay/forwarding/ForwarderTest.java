/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.weft.linux.Descriptors;
import io.weft.overlay.LoneNode;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.StartupException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of a forwarder that could not be made. */
class ForwarderTest {
    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldLeaveNoCountersWhenTheLeaseIsNotFitForATunnel() throws Exception {
        final Forwarder.Settings settings = new Forwarder.Settings(
                LoneNode.options(directory),
                UnderlayFamily.IPV4,
                1450,
                LoneNode.config("10.244.0.0/16"),
                new Lease(
                        LeaseKey.parse("10.244.1.0-24"),
                        new LeaseAttributes(LoneNode.ADDRESS, null, "vxlan", null, null)),
                LoneNode.underlay(2));
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
