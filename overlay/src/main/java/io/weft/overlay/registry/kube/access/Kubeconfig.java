/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.json.YamlReader;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.BoundedFile;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.ServerCheck;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Kubeconfig files, in YAML or JSON, merged as client-go does (tools/clientcmd/loader.go): of a name that several files have the first
 * counts, and paths are relative to the file that has them. A key that is not known here is passed over, as by client-go, but not without
 * a word: what it asks for is not done.
 */
final class Kubeconfig {
    private static final System.Logger LOG = System.getLogger(Kubeconfig.class.getName());
    private static final Set<String> ROOT = Set.of(
            "apiVersion", "kind", "preferences", "clusters", "users", "contexts", "current-context", "extensions");
    private static final Set<String> CONTEXT = Set.of("cluster", "user", "namespace", "extensions");
    private static final Set<String> CLUSTER = Set.of(
            "server",
            "tls-server-name",
            "insecure-skip-tls-verify",
            "certificate-authority",
            "certificate-authority-data",
            "proxy-url",
            "disable-compression", // nothing is asked for compressed
            "extensions");

    private final List<Path> files;
    private final boolean isRequired;
    private final String apiUrl;
    private final Map<String, String> environment;
    private List<byte[]> texts = List.of();

    /** A part of a file that has a name. */
    record Entry(JsonValue value, Path file) {
        /** A path that stands in it. */
        Path resolve(final String path) {
            final Path directory = file.toAbsolutePath().getParent();
            return null == directory ? Path.of(path) : directory.resolve(path);
        }
    }

    /**
     * Files to be read.
     *
     * @param isRequired each of them has to be there; of those in KUBECONFIG one is enough.
     * @param apiUrl stands for the server's URL; empty for none.
     */
    Kubeconfig(
            final List<Path> files,
            final boolean isRequired,
            final String apiUrl,
            final Map<String, String> environment) {
        this.files = List.copyOf(files);
        this.isRequired = isRequired;
        this.apiUrl = apiUrl;
        this.environment = environment;
    }

    /**
     * What they say now.
     *
     * @throws RegistryException when that cannot be read, or is not understood.
     */
    KubeAccess.Connection read() {
        texts = readTexts();
        return parse(texts);
    }

    /** The same; null when it is what was read last, whether that could be used or not. */
    KubeAccess.@Nullable Connection readChanged() {
        final List<byte[]> now = readTexts();
        if (Arrays.deepEquals(now.toArray(), texts.toArray())) {
            return null;
        }
        final KubeAccess.Connection changed = parse(now);
        texts = now;
        return changed;
    }

    /** One text for each file; empty for one that is not there. */
    private List<byte[]> readTexts() {
        final List<byte[]> read = new ArrayList<>(files.size());
        for (final Path file : files) {
            try {
                read.add(
                        !isRequired && !Files.exists(file)
                                ? new byte[0]
                                : BoundedFile.read(file, BoundedFile.SETTING_LENGTH_MAX));
            } catch (final IOException failure) {
                throw new RegistryException(this + ": cannot be read: " + failure.getMessage(), failure);
            }
        }
        return read;
    }

    private KubeAccess.Connection parse(final List<byte[]> read) {
        try {
            final List<Entry> roots = new ArrayList<>();
            for (int i = 0; i < files.size(); i++) {
                if (0 != read.get(i).length) {
                    final JsonValue root =
                            YamlReader.read(read.get(i), files.get(i).toString());
                    tellUnknown(root, ROOT);
                    roots.add(new Entry(root, files.get(i)));
                }
            }
            return connection(roots);
        } catch (final JsonException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
        }
    }

    private KubeAccess.Connection connection(final List<Entry> roots) {
        final String contextName = currentContext(roots);
        if (contextName.isEmpty()) {
            return KubeAccess.ofUrl(apiUrl, environment);
        }
        final Entry context = required(roots, "contexts", "context", contextName, CONTEXT);
        final Entry cluster = cluster(roots, context);
        final URI server = apiUrl.isEmpty()
                ? KubeAccess.server(
                        cluster.file + ": server",
                        cluster.value.required("server").string())
                : KubeAccess.server("--kube-api-url", apiUrl);
        final boolean isTls = "https".equals(server.getScheme());
        final Entry caller = caller(roots, context, isTls);
        final KubeUser user = null == caller ? KubeUser.NOBODY : KubeUser.read(caller, cluster, server);
        final String proxyUrl = text(cluster.value, "proxy-url");
        return new KubeAccess.Connection(
                server,
                isTls ? tls(cluster, user) : null,
                ProxyChoice.of(server, cluster.file + ": proxy-url", proxyUrl, environment),
                isTls ? user.caller() : user.caller().withoutCredentials());
    }

    /** With a URL from elsewhere a context needs no cluster. */
    private Entry cluster(final List<Entry> roots, final Entry context) {
        if (apiUrl.isEmpty()) {
            return required(
                    roots,
                    "clusters",
                    "cluster",
                    context.value.required("cluster").string(),
                    CLUSTER);
        }
        final Entry found = named(roots, "clusters", "cluster", text(context.value, "cluster"), CLUSTER);
        return null == found ? new Entry(context.value.withoutMembers(), context.file) : found;
    }

    /**
     * Who calls; null for nobody in particular. A name that is not there is refused only where the server would be told who calls: as a
     * caller without a name it would answer 401 or 403, which does not say why.
     */
    private @Nullable Entry caller(final List<Entry> roots, final Entry context, final boolean isTls) {
        final String name = text(context.value, "user");
        if (name.isEmpty()) {
            return null;
        }
        return isTls
                ? required(roots, "users", "user", name, KubeUser.KEYS)
                : named(roots, "users", "user", name, KubeUser.KEYS);
    }

    private TlsFiles tls(final Entry cluster, final KubeUser user) {
        final PemSource authority = pem(cluster, "certificate-authority");
        final JsonValue insecure = cluster.value.member("insecure-skip-tls-verify");
        final boolean isSkipped = null != insecure && insecure.bool();
        if (null != insecure && isSkipped && null != authority) {
            throw insecure.error("is true, and there is a certificate-authority too: leave one of the two away");
        }
        return new TlsFiles(
                authority,
                user.certificate(),
                user.key(),
                // The name is the server's that the file names, not that of another.
                new ServerCheck(isSkipped, apiUrl.isEmpty() ? text(cluster.value, "tls-server-name") : ""));
    }

    /** Empty where none is needed, since the server is named elsewhere. */
    private String currentContext(final List<Entry> roots) {
        for (final Entry root : roots) {
            final String name = text(root.value, "current-context");
            if (!name.isEmpty()) {
                return name;
            }
        }
        if (!apiUrl.isEmpty()) {
            return "";
        }
        throw new RegistryException(
                this + ": has no current-context, so that no server is chosen: kubectl config use-context NAME");
    }

    private Entry required(
            final List<Entry> roots,
            final String list,
            final String member,
            final String name,
            final Set<String> known) {
        final Entry found = named(roots, list, member, name, known);
        if (null == found) {
            throw new RegistryException(this + ": has no \"" + name + "\" in its " + list);
        }
        return found;
    }

    /** Null where no file has it. One that is null or missing beside its name has no members, as for Go. */
    private static @Nullable Entry named(
            final List<Entry> roots,
            final String list,
            final String member,
            final String name,
            final Set<String> known) {
        for (final Entry root : roots) {
            final JsonValue elements = root.value.member(list);
            if (null == elements) {
                continue;
            }
            for (final JsonValue element : elements.elements()) {
                if (name.equals(element.required("name").string())) {
                    tellUnknown(element, Set.of("name", member));
                    final JsonValue value = element.member(member);
                    if (null == value) {
                        return new Entry(element.withoutMembers(), root.file);
                    }
                    tellUnknown(value, known);
                    return new Entry(value, root.file);
                }
            }
        }
        return null;
    }

    /** Tells of keys that ask for what is not done here. */
    static void tellUnknown(final JsonValue object, final Set<String> known) {
        object.members().forEach((key, value) -> {
            if (!known.contains(key)) {
                final JsonException fault = value.error("is not understood by weft, and passed over");
                LOG.log(WARNING, "{0}{1}", fault.getMessage(), LogFields.of("registry", "kube", "key", value.path()));
            }
        });
    }

    /** A text; empty without. */
    static String text(final JsonValue object, final String key) {
        final JsonValue value = object.member(key);
        return null == value ? "" : value.string();
    }

    /** Content in base64 under the name with {@code -data}, else a file's name; null without either. */
    static @Nullable PemSource pem(final Entry entry, final String key) {
        final JsonValue inline = entry.value.member(key + "-data");
        if (null != inline && !inline.string().isEmpty()) {
            try {
                return PemSource.ofText(inline.path(), Base64.getMimeDecoder().decode(inline.string()));
            } catch (final IllegalArgumentException failure) {
                throw inline.error("is no base64: " + failure.getMessage());
            }
        }
        final JsonValue file = entry.value.member(key);
        return null == file || file.string().isEmpty()
                ? null
                : PemSource.ofFile(file.path(), entry.resolve(file.string()));
    }

    @Override
    public String toString() {
        final String names = String.join(":", files.stream().map(Path::toString).toList());
        return (isRequired ? "--kubeconfig-file=" : "KUBECONFIG=") + names;
    }
}
