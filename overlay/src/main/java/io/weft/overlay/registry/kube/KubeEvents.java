/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.registry.UnavailableException;
import java.net.HttpURLConnection;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Says of a Node what {@code kubectl describe node} shows under Events: each thing once in ten minutes, and so many different ones at
 * most. What nobody may write, or cannot at present, is left out; the log has it in any case. From any thread.
 */
final class KubeEvents {
    /** Of an event that was there: kubectl shows when it was last of one that was more often than once. */
    private static final int REPEATED = 2;

    private static final System.Logger LOG = System.getLogger(KubeEvents.class.getName());
    /** The events of objects without a namespace are in this one (apimachinery validation of Event). */
    private static final String EVENTS = "/api/v1/namespaces/default/events";

    private static final long AGAIN_NS = TimeUnit.MINUTES.toNanos(10);
    private static final int TOLD_MAX = 20;
    /** events.k8s.io/v1 allows a note of 1 KiB. */
    private static final int MESSAGE_LENGTH_MAX = 1_000;

    private final KubeClient client;
    private final Map<String, Long> toldNs = new HashMap<>();

    KubeEvents(final KubeClient client) {
        this.client = client;
    }

    /** Something is wrong with a node: the reason as one word, the message with what to do. */
    void warn(final String node, final String reason, final String message) throws InterruptedException {
        final String shown =
                message.length() <= MESSAGE_LENGTH_MAX ? message : message.substring(0, MESSAGE_LENGTH_MAX) + "…";
        if (!isDue(node + ' ' + reason + ' ' + shown, System.nanoTime())) {
            return;
        }
        try {
            write(node, reason, shown);
        } catch (final UnavailableException failure) {
            LOG.log(DEBUG, "no event says {0} of node {1}: {2}", reason, node, failure.getMessage());
        }
    }

    private synchronized boolean isDue(final String what, final long nowNs) {
        toldNs.values().removeIf(before -> nowNs - before >= AGAIN_NS);
        return toldNs.size() < TOLD_MAX && null == toldNs.putIfAbsent(what, nowNs);
    }

    /** The same thing has the same name, so that a daemon that is started again and again does not make more and more. */
    private void write(final String node, final String reason, final String message)
            throws UnavailableException, InterruptedException {
        final String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        final String name = node + ".weft-" + Integer.toHexString((reason + message).hashCode());
        try {
            client.post(
                    EVENTS,
                    JsonOutput.of(Map.of(
                            "apiVersion",
                            "v1",
                            "kind",
                            "Event",
                            "metadata",
                            Map.of("name", name, "namespace", "default"),
                            // kubectl looks for the kubelet's events of a node, which have its name for its uid.
                            "involvedObject",
                            Map.of("kind", "Node", "name", node, "uid", node),
                            "type",
                            "Warning",
                            "reason",
                            reason,
                            "message",
                            message,
                            "source",
                            Map.of("component", "weftd", "host", node),
                            "firstTimestamp",
                            now,
                            "lastTimestamp",
                            now)));
        } catch (final KubeClient.RefusedException refused) {
            if (HttpURLConnection.HTTP_CONFLICT != refused.statusCode()) {
                throw refused;
            }
            client.patch(EVENTS + '/' + name, JsonOutput.of(Map.of("lastTimestamp", now, "count", REPEATED)));
        }
    }
}
