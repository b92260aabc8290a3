/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

/** The API server could not be reached, or refused a request. Worth another try later. */
final class KubeException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int statusCode;

    KubeException(final String message, final int statusCode) {
        super(message);
        this.statusCode = statusCode;
    }

    KubeException(final String message, final Throwable cause) {
        super(message, cause);
        statusCode = 0;
    }

    /** HTTP's status; 0 when there was no answer. */
    int statusCode() {
        return statusCode;
    }
}
