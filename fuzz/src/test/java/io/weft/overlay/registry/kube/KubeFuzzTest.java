/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;

/** A Node object of Kubernetes is a lease, or none. */
class KubeFuzzTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";

    private final KubeNodes nodes = new KubeNodes(PREFIX, new RegistryStatus());

    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] text) {
        try {
            nodes.lease(new NodeReader(PREFIX + '/').node(text));
        } catch (final UnavailableException refused) {
            // no JSON
        }
    }
}
