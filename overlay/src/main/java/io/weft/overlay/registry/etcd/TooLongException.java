/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.registry.UnavailableException;

/** etcd has answered with more than can be read at a time: less may be asked for. */
final class TooLongException extends UnavailableException {
    private static final long serialVersionUID = 1L;

    TooLongException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
