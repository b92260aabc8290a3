/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import java.net.URI;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HostAddressesTest {
    @Test
    void shouldKnowLiteralsOfBothFamiliesAndPassOverWhatNobodyKnows() {
        assertEquals(
                Set.of(
                        IpAddress.parse("10.200.0.1").toInetAddress(),
                        IpAddress.parse("fd00::1").toInetAddress()),
                HostAddresses.of(List.of(
                        URI.create("https://10.200.0.1:2379"),
                        URI.create("http://[fd00::1]:2379/path"),
                        URI.create("https://no-such-host.invalid"))));
    }
}
