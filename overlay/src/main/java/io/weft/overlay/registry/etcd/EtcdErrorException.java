/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.registry.UnavailableException;
import java.util.Set;

/** etcd itself has answered with an error. */
final class EtcdErrorException extends UnavailableException {
    private static final long serialVersionUID = 1L;
    /**
     * gRPC's INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE (grpc
     * doc/statuscodes.md): what the data says, not the state of one member.
     */
    private static final Set<Integer> CODES_OF_CLUSTER = Set.of(3, 5, 6, 7, 9, 11);

    private final String text;
    private final int code;

    EtcdErrorException(final String message, final String text, final int code) {
        super(message);
        this.text = text;
        this.code = code;
    }

    /** True when the text that etcd has for the error is this one. */
    boolean says(final String part) {
        return text.contains(part);
    }

    /** True when another member would answer the same. */
    boolean isOfCluster() {
        return CODES_OF_CLUSTER.contains(code);
    }
}
