/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.json.JsonOutput;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The condition NetworkUnavailable as weft sets it.
 *
 * @param status {@code True} when pods cannot be wired.
 * @param reason one word.
 * @param message for people, with what to do.
 */
record KubeCondition(String status, String reason, String message) {
    /** Pods cannot be wired. */
    static final String UNREADY = "WeftIsNotReady";
    /** They can, and something is wrong all the same. */
    static final String DEGRADED = "WeftIsDegraded";
    /** Word for word flannel's (pkg/subnet/kube/kube.go), which others look for. */
    static final KubeCondition UP = new KubeCondition("False", "FlannelIsUp", "Flannel is running on this node");

    /**
     * The strategic merge patch of the node's status that sets it.
     *
     * @param present as the node has it; null where it is not set.
     */
    String patch(final KubeNode.@Nullable Condition present) {
        final String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        final Map<String, Object> condition = new LinkedHashMap<>();
        condition.put("type", "NetworkUnavailable");
        condition.put("status", status);
        condition.put("reason", reason);
        condition.put("message", message);
        condition.put("lastHeartbeatTime", now);
        if (null == present || !status.equals(present.status())) {
            condition.put("lastTransitionTime", now);
        }
        return JsonOutput.of(Map.of("status", Map.of("conditions", List.of(condition))));
    }
}
