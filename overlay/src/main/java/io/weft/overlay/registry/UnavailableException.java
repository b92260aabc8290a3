/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.io.IOException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

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
        return new UnavailableException(whom + " cannot be reached: " + reason(failure), failure);
    }

    /** TLS tells deep inside of its failure what the operator can do something about. */
    private static String reason(final IOException failure) {
        for (Throwable cause = failure; null != cause; cause = cause.getCause()) {
            final String clock = " by this node's clock, which says "
                    + Instant.now().truncatedTo(ChronoUnit.SECONDS) + " (" + cause.getMessage() + ")";
            if (cause instanceof CertificateNotYetValidException) {
                return "its certificate is not valid yet" + clock + ": set the clock (timedatectl, chronyc tracking)";
            }
            if (cause instanceof CertificateExpiredException) {
                return "its certificate has expired" + clock + ": renew it, or set the clock";
            }
        }
        return failure.toString();
    }
}
