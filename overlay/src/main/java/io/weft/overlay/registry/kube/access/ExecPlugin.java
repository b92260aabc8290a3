/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.tls.PemSource;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A program that makes the caller's token or certificate (client-go plugin/pkg/client/auth/exec): run when there is none, when what it
 * made has expired, and when the server does not know it. May be used by several threads.
 */
final class ExecPlugin {
    private static final Set<String> KEYS =
            Set.of("apiVersion", "command", "args", "env", "installHint", "provideClusterInfo", "interactiveMode");
    private static final Set<String> VERSIONS =
            Set.of("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1");
    private static final String INFO = "KUBERNETES_EXEC_INFO";
    private static final byte[] NONE = new byte[0];

    private final List<String> command;
    private final Map<String, String> environment;
    private final String apiVersion;
    private final String installHint;
    private @Nullable Credential credential;

    /**
     * What it made.
     *
     * @param token empty without.
     * @param certificate in PEM; empty without.
     * @param key in PEM; empty without.
     * @param expiry null where it does not expire.
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Credential(
            String token,
            byte[] certificate,
            byte[] key,
            @Nullable Instant expiry) {
        boolean isExpired() {
            return null != expiry && !Instant.now().isBefore(expiry);
        }
    }

    private ExecPlugin(
            final List<String> command,
            final Map<String, String> environment,
            final String apiVersion,
            final String installHint) {
        this.command = command;
        this.environment = environment;
        this.apiVersion = apiVersion;
        this.installHint = installHint;
    }

    /**
     * Reads how it is run; it is not run yet.
     *
     * @throws JsonException for what is not understood.
     */
    static ExecPlugin read(
            final JsonValue exec, final Kubeconfig.Entry user, final Kubeconfig.Entry cluster, final URI server) {
        Kubeconfig.tellUnknown(exec, KEYS);
        final JsonValue version = exec.required("apiVersion");
        if (!VERSIONS.contains(version.string())) {
            throw version.error("is not known, must be one of " + String.join(", ", VERSIONS));
        }
        final JsonValue mode = exec.member("interactiveMode");
        if (null != mode && "Always".equals(mode.string())) {
            throw mode.error("is Always, and nobody sits before weftd");
        }
        final List<String> command = new ArrayList<>();
        final String program = exec.required("command").string();
        command.add(program.contains("/") ? user.resolve(program).toString() : program);
        final JsonValue args = exec.member("args");
        if (null != args) {
            args.elements().forEach(argument -> command.add(argument.string()));
        }
        final Map<String, String> environment = new HashMap<>();
        final JsonValue variables = exec.member("env");
        if (null != variables) {
            variables
                    .elements()
                    .forEach(variable -> environment.put(
                            variable.required("name").string(),
                            variable.required("value").string()));
        }
        final JsonValue provides = exec.member("provideClusterInfo");
        environment.put(INFO, info(version.string(), null != provides && provides.bool() ? cluster : null, server));
        return new ExecPlugin(command, environment, version.string(), Kubeconfig.text(exec, "installHint"));
    }

    /** The plugin's input: an ExecCredential with its spec (k8s.io/client-go/pkg/apis/clientauthentication). */
    private static String info(final String version, final Kubeconfig.@Nullable Entry cluster, final URI server) {
        final StringBuilder text = new StringBuilder(512);
        text.append("{\"kind\":\"ExecCredential\",\"apiVersion\":")
                .append(JsonValue.quote(version))
                .append(",\"spec\":{");
        if (null != cluster) {
            final JsonValue value = cluster.value();
            text.append("\"cluster\":{\"server\":").append(JsonValue.quote(server.toString()));
            for (final String key : new String[] {"tls-server-name", "proxy-url"}) {
                final String given = Kubeconfig.text(value, key);
                if (!given.isEmpty()) {
                    text.append(",\"").append(key).append("\":").append(JsonValue.quote(given));
                }
            }
            for (final String key : new String[] {"insecure-skip-tls-verify", "disable-compression"}) {
                final JsonValue given = value.member(key);
                if (null != given) {
                    text.append(",\"").append(key).append("\":").append(given.bool());
                }
            }
            final PemSource authority = Kubeconfig.pem(cluster, "certificate-authority");
            if (null != authority) {
                text.append(",\"certificate-authority-data\":\"")
                        .append(Base64.getEncoder().encodeToString(textOf(authority, value)))
                        .append('"');
            }
            final JsonValue config = config(value);
            if (null != config) {
                text.append(",\"config\":").append(config.compact());
            }
            text.append("},");
        }
        return text.append("\"interactive\":false}}").toString();
    }

    private static byte[] textOf(final PemSource authority, final JsonValue cluster) {
        try {
            return authority.read();
        } catch (final IOException failure) {
            throw cluster.error("has " + authority + ", which cannot be read: " + failure.getMessage());
        }
    }

    /** The extension of the cluster that is meant for plugins. */
    private static @Nullable JsonValue config(final JsonValue cluster) {
        final JsonValue extensions = cluster.member("extensions");
        if (null != extensions) {
            for (final JsonValue extension : extensions.elements()) {
                if ("client.authentication.k8s.io/exec"
                        .equals(extension.required("name").string())) {
                    return extension.member("extension");
                }
            }
        }
        return null;
    }

    /** The token; empty where it makes certificates. */
    String token() throws UnavailableException, InterruptedException {
        return current().token;
    }

    /** The certificate as it is now, in PEM; empty where there is none. */
    synchronized byte[] certificate() {
        return null == credential ? NONE : credential.certificate;
    }

    /** Its key. */
    synchronized byte[] key() {
        return null == credential ? NONE : credential.key;
    }

    /** What it made counts no more; true when it made something. */
    synchronized boolean forget() {
        final boolean wasThere = null != credential;
        credential = null;
        return wasThere;
    }

    private synchronized Credential current() throws UnavailableException, InterruptedException {
        Credential made = credential;
        if (null == made || made.isExpired()) {
            made = make();
            credential = made;
        }
        return made;
    }

    private Credential make() throws UnavailableException, InterruptedException {
        final byte[] output;
        try {
            output = ExecRun.output(command, environment);
        } catch (final IOException failure) {
            throw new UnavailableException(
                    "the kubeconfig's exec plugin " + command.get(0) + ": " + failure.getMessage()
                            + (installHint.isEmpty() ? "" : ". " + installHint.strip()),
                    failure);
        }
        try {
            return credential(JsonReader.read(output, command.get(0)));
        } catch (final JsonException failure) {
            throw new UnavailableException(
                    "the kubeconfig's exec plugin made no credential: " + failure.getMessage(), failure);
        }
    }

    private Credential credential(final JsonValue made) {
        final JsonValue kind = made.required("kind");
        final JsonValue version = made.required("apiVersion");
        if (!"ExecCredential".equals(kind.string())) {
            throw kind.error("must be ExecCredential");
        }
        if (!apiVersion.equals(version.string())) {
            throw version.error("is " + version.string() + ", the kubeconfig says " + apiVersion);
        }
        final JsonValue status = made.required("status");
        final String token = Kubeconfig.text(status, "token");
        final String certificate = Kubeconfig.text(status, "clientCertificateData");
        final String key = Kubeconfig.text(status, "clientKeyData");
        if (certificate.isEmpty() != key.isEmpty() || (token.isEmpty() && certificate.isEmpty())) {
            throw status.error("must have a token, or clientCertificateData and clientKeyData");
        }
        final JsonValue expiry = status.member("expirationTimestamp");
        try {
            return new Credential(
                    token,
                    certificate.getBytes(StandardCharsets.UTF_8),
                    key.getBytes(StandardCharsets.UTF_8),
                    null == expiry
                            ? null
                            : OffsetDateTime.parse(expiry.string()).toInstant());
        } catch (final DateTimeParseException failure) {
            throw status.error("has an expirationTimestamp that is no time of RFC 3339: " + failure.getMessage());
        }
    }
}
