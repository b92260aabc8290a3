/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.io.IOException;

/** A registry could not be reached, or refused a request, or answered what cannot be read. Worth another try later. */
public class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * An answer that is no use.
     *
     * @param message the request and its cause.
     */
    public UnavailableException(final String message) {
        super(message);
    }

    /**
     * With its cause.
     *
     * @param message the request and its cause.
     * @param cause kept for a stack trace.
     */
    public UnavailableException(final String message, final Throwable cause) {
        super(message, cause);
    }

    /** Nanoseconds in which the registry wants not to be asked again; 0 when it has not said so. */
    public long pauseNs() {
        return 0;
    }

    /**
     * There was no answer.
     *
     * @param whom the registry and its URL.
     * @param failure of the connection.
     */
    public static UnavailableException unreachable(final String whom, final IOException failure) {
        return new UnavailableException(whom + " cannot be reached: " + failure, failure);
    }
}
