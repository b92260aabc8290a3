/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.overlay.host.ProcessLimits;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import javax.net.ssl.SSLException;

/** A registry could not be reached, or refused a request, or answered what cannot be read. Worth another try later. */
public class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    /** In the JDK's words for a record that is none of TLS (sun.security.ssl.SSLEngineInputRecord). */
    private static final String NO_TLS = "Unrecognized SSL message";

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

    /** What the operator can do something about is told deep inside of the failure, or by its class alone. */
    private static String reason(final IOException failure) {
        for (Throwable cause = failure; null != cause; cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
                return "the name has no address here: look at /etc/hosts and /etc/resolv.conf (getent hosts NAME)";
            }
            if (cause instanceof OutOfMemoryError) {
                return "no thread can be started to ask it: allow weftd more " + ProcessLimits.MORE_THREADS;
            }
            if (cause instanceof HttpConnectTimeoutException) {
                return "no answer in time: it is down, or a firewall or a route on the way loses what is sent there";
            }
            // The JDK's client closes the channel before it asks for the errno, ECONNREFUSED or EHOSTUNREACH.
            if (cause instanceof ClosedChannelException && failure instanceof ConnectException) {
                return "the connection was refused, or its host is not there: see whether it runs, and listens at that"
                        + " address and port";
            }
            if (cause instanceof SSLException
                    && String.valueOf(cause.getMessage()).contains(NO_TLS)) {
                return "what answers does not speak TLS: http:// is its scheme, or its port is another";
            }
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
