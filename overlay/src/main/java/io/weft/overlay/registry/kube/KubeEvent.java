/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

/**
 * One line of a watch.
 *
 * @param type ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.
 * @param node of all but ERROR.
 * @param code of a Status, as of HTTP; 0 for what is none.
 * @param message of a Status.
 */
record KubeEvent(String type, KubeNode node, int code, String message) {
    /** k8s.io/apimachinery pkg/apis/meta/v1: the bookmark that ends a streaming list. */
    static final String INITIAL_EVENTS_END = "k8s.io/initial-events-end";

    /** True for the mark behind the objects that were there when the watch began. */
    boolean isEndOfList() {
        return "BOOKMARK".equals(type) && "true".equals(node.annotations().get(INITIAL_EVENTS_END));
    }
}
