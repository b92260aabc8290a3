/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What weft needs of a Node object, which is some 20 to 150 KB long.
 *
 * @param name empty for an object that has none.
 * @param version of the object, or of all of them in a bookmark; empty for an object that has none.
 * @param uid tells a node that was made again from the one before.
 * @param annotations those of interest, by their whole names.
 * @param podCidrs one for each address family.
 * @param addresses that the node has (core/v1 NodeAddress, InternalIP and ExternalIP), as they are written: names may be among them.
 * @param networkUnavailable status, reason and message of that condition; null where it is not set.
 */
record KubeNode(
        String name,
        String version,
        String uid,
        Map<String, String> annotations,
        List<String> podCidrs,
        Set<String> addresses,
        @Nullable Condition networkUnavailable) {
    /** One of status.conditions. */
    record Condition(String status, String reason, String message) {}
}
