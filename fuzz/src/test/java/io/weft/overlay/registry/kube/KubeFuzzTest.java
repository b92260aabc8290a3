/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.registry.RegistryStatus;

/** A Node object of Kubernetes is a lease, or none. */
class KubeFuzzTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";

    private final KubeNodes nodes = new KubeNodes(PREFIX, new RegistryStatus());

    @FuzzTest
    void shouldReadOrRefuse(final byte[] text) {
        try {
            nodes.lease(JsonReader.read(text, "node"));
        } catch (final JsonException refused) {
            // no JSON, or without a name
        }
    }
}
