/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.overlay.json.JsonException;

/** The file registry, with the network's configuration and leases, is read or refused with its place. */
class RegistryFuzzTest {
    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] text) {
        try {
            RegistryFile.read(text, text.length, "leases.json");
        } catch (final JsonException refused) {
            requireMessage(refused);
        }
    }

    private static void requireMessage(final JsonException refused) {
        if (!String.valueOf(refused.getMessage()).startsWith("leases.json:")) {
            throw refused;
        }
    }
}
