/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import java.nio.charset.StandardCharsets;

/** A key and its value from etcd, one line each, are a lease or none. */
class EtcdFuzzTest {
    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] text) {
        final String[] parts = new String(text, StandardCharsets.UTF_8).split("\n", 2);
        final LeaseKey key = EtcdLeaseReader.keyOf(parts[0]);
        if (null != key && !key.equals(LeaseKey.parse(key.toString()))) {
            throw new AssertionError(key + " is not what it says");
        }
        try {
            LeaseAttributes.read(
                    JsonReader.read(parts[parts.length - 1].getBytes(StandardCharsets.UTF_8), "etcd"), false);
        } catch (final JsonException | IllegalArgumentException refused) {
            // as a lease's value may be
        }
    }
}
