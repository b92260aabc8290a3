/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.overlay.json.JsonException;

/** Leases known before are read, or the file is as if it were not there. */
class KnownLeasesFuzzTest {
    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] text) {
        try {
            KnownLeases.read(text, "known", true);
        } catch (final JsonException refused) {
            // as it should
        }
    }
}
