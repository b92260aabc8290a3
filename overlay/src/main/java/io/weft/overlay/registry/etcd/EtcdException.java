/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

/** etcd could not be reached, or refused a request. Worth another try, later or at another endpoint. */
final class EtcdException extends Exception {
    private static final long serialVersionUID = 1L;

    EtcdException(final String message) {
        super(message);
    }

    EtcdException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
