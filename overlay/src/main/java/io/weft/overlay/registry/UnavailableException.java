/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.overlay.host.ProcessLimits;
import io.weft.overlay.lifecycle.FileFailure;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** A registry could not be reached, or refused a request, or answered what cannot be read. Worth another try later. */
public class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    /** In the JDK's words for a record that is none of TLS (sun.security.ssl.SSLEngineInputRecord). */
    private static final String NO_TLS = "Unrecognized SSL message";

    /**
     * The same for an alert (RFC 8446, 6.2) by which a server refuses what a client has shown; from JDK 25 on with the alert in front, in
     * brackets.
     */
    private static final String REFUSED_CERTIFICATE =
            "(\\(\\w+\\) )?Received fatal alert: (bad_certificate|unsupported_certificate|certificate_\\w+|unknown_ca)";

    /** And for an end before the handshake's, and before an answer's. */
    private static final String ENDED_HANDSHAKE = "Remote host terminated the handshake";

    private static final String NO_ANSWER = "header parser received no bytes";

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
        for (Throwable cause = failure; null != cause; cause = cause.getCause()) {
            final String handshake = handshakeReason(cause, String.valueOf(cause.getMessage()));
            if (null != handshake) {
                return handshake;
            }
        }
        return FileFailure.words(failure);
    }

    /** What the two ends of a connection do not agree about, in the JDK's words for it. */
    private static @Nullable String handshakeReason(final Throwable cause, final String message) {
        if (cause instanceof CertPathBuilderException) {
            return "its certificate is signed by nobody that this node trusts: name the file of the authority that has signed"
                    + " it (etcd: --etcd-cafile; kubeconfig: certificate-authority)";
        }
        if (cause instanceof CertificateException
                && (message.startsWith("No subject alternative ") || message.startsWith("No name matching "))) {
            return "its certificate is of another name or address (" + message
                    + "): call it by one that the certificate has, or have one issued with this one";
        }
        if (cause instanceof SSLException && message.matches(REFUSED_CERTIFICATE)) {
            return "it wants a certificate of this node, or another than it gets (" + message
                    + "): name one that an authority of its own has signed, and its key (etcd: --etcd-certfile,"
                    + " --etcd-keyfile; kubeconfig: client-certificate, client-key)";
        }
        if (cause instanceof SSLException && message.contains(ENDED_HANDSHAKE)) {
            return "it ended the handshake of TLS: where it speaks none, http:// is its scheme; else its log says why";
        }
        return message.contains(NO_ANSWER)
                ? "it ended the connection without an answer, as one that speaks TLS does where http:// is named and https:// is"
                        + " its scheme; else its log says why"
                : null;
    }
}
