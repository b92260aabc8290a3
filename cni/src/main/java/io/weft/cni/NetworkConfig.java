/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The configuration that the runtime passes on standard input. Its keys are those of flannel's plugin, so that a conflist
 * for flannel works with the type's name changed.
 *
 * <p>The delegate's configuration is made of it by flannel's rules (flannel-io/cni-plugin flannel_linux.go). Beyond
 * flannel's, {@code args} and {@code dns} are handed on as well, since the reference plugins read them.
 */
final class NetworkConfig {
    static final String SUBNET_FILE_DEFAULT = "/run/flannel/subnet.env";

    /** flannel's directory, so that a plugin swapped for the other finds what it needs to delete a pod. */
    static final String DATA_DIR_DEFAULT = "/var/lib/cni/flannel";

    static final String CNI_VERSION = "cniVersion";
    static final String PREV_RESULT = "prevResult";
    static final String VALID_ATTACHMENTS = "cni.dev/valid-attachments";

    /** As the specification's tag 1.1.0 has it; runtimes that use libcni 1.3 send both. */
    static final String VALID_ATTACHMENTS_OLD = "cni.dev/attachments";

    static final String RUNTIME_CONFIG = "runtimeConfig";
    static final String TYPE = "type";

    static final String IPAM = "ipam";

    /**
     * All that an operation may take, and what is added for the undo of an ADD that took too long. Together less than the
     * 2 minutes after which kubelet gives up (--runtime-request-timeout), so that the reason reaches the pod's events.
     */
    static final int TIMEOUT_DEFAULT_S = 90;

    static final int UNDO_TIMEOUT_MS = 20_000;

    private static final int TIMEOUT_MAX_S = 3600;
    private static final int MS_PER_SECOND = 1_000;

    private static final String TIMEOUT = "timeoutSeconds";
    private static final String DELEGATE = "delegate";
    private static final String NAME = "name";
    static final String NAME_ALLOWED = "a letter or digit, then letters, digits, '_', '.' or '-'";

    private final Map<String, @Nullable Object> json;
    private final SpecVersion version;
    private final String name;

    private NetworkConfig(final Map<String, @Nullable Object> json, final SpecVersion version, final String name) {
        this.json = json;
        this.version = version;
        this.name = name;
    }

    /**
     * @param stdin what the runtime wrote.
     * @param command that is asked for.
     * @return the configuration, checked.
     * @throws CniException code 6 for what is no JSON, 1 for a version that is not spoken or lacks the operation, 7 for
     *     a key with a value that is not allowed; key and value are in the message.
     */
    static NetworkConfig parse(final byte[] stdin, final Command command) throws CniException {
        final Map<String, @Nullable Object> json =
                Json.readObject(stdin, "the network configuration on standard input");
        final SpecVersion version = version(json, command);
        final Object name = json.get(NAME);
        if (!(name instanceof String text) || !Invocation.isIdentifier(text)) {
            throw json.containsKey(NAME) ? invalid(NAME, name, NAME_ALLOWED) : missing(NAME, NAME_ALLOWED);
        }
        requirePath(json, "subnetFile");
        requirePath(json, "dataDir");
        requireObject(json, RUNTIME_CONFIG);
        requireObject(json, "args");
        requireObject(json, "dns");
        requireTimeout(json);
        requireDelegate(json);
        requireIpam(json);
        return new NetworkConfig(json, version, text);
    }

    private static void requireDelegate(final Map<String, @Nullable Object> json) throws CniException {
        requireObject(json, DELEGATE);
        final Map<String, @Nullable Object> delegate = Json.asObject(json.get(DELEGATE));
        if (null != delegate) {
            forbid(delegate, NAME);
            forbid(delegate, IPAM);
            requirePluginName(delegate, DELEGATE);
        }
    }

    private static void requireIpam(final Map<String, @Nullable Object> json) throws CniException {
        requireObject(json, IPAM);
        final Map<String, @Nullable Object> ipam = Json.asObject(json.get(IPAM));
        if (null == ipam) {
            return;
        }
        requirePluginName(ipam, IPAM);
        final List<@Nullable Object> routes = Json.asArray(ipam.get("routes"));
        if (null != ipam.get("routes") && null == routes) {
            throw invalid("ipam.routes", ipam.get("routes"), "an array of routes");
        }
        for (int i = 0; null != routes && i < routes.size(); i++) {
            if (null == Json.asObject(routes.get(i))) {
                throw invalid("ipam.routes", routes, "an array of {\"dst\": network, \"gw\": address}");
            }
        }
    }

    private static SpecVersion version(final Map<String, @Nullable Object> json, final Command command)
            throws CniException {
        final Object value = json.get(CNI_VERSION);
        final SpecVersion version;
        if (null == value || "".equals(value)) {
            version = SpecVersion.UNNAMED;
        } else {
            version = value instanceof String text ? SpecVersion.of(text) : null;
        }
        if (null == version) {
            throw new CniException(
                    CniException.INCOMPATIBLE_VERSION,
                    CNI_VERSION + " is " + Json.show(value),
                    "allowed: " + SpecVersion.list());
        }
        if (version.isBefore(command.since())) {
            throw new CniException(
                    CniException.INCOMPATIBLE_VERSION,
                    CNI_VERSION + " is \"" + version.text() + "\", which has no " + command,
                    command + " came with " + command.since().text());
        }
        return version;
    }

    SpecVersion version() {
        return version;
    }

    /** The network's name. */
    String name() {
        return name;
    }

    /** Where the overlay daemon describes the node. */
    Path subnetFile() {
        return path("subnetFile", SUBNET_FILE_DEFAULT);
    }

    /** How long the whole operation may take. */
    int timeoutMs() {
        return Math.multiplyExact(
                json.get(TIMEOUT) instanceof Integer seconds ? seconds : TIMEOUT_DEFAULT_S, MS_PER_SECOND);
    }

    /** Where the attachments' state is kept. */
    Path dataDir() {
        return path("dataDir", DATA_DIR_DEFAULT);
    }

    /** The result of the ADD that a DEL or CHECK belongs to, or null. */
    @Nullable
    Object prevResult() {
        return json.get(PREV_RESULT);
    }

    /** The attachments that a GC must leave alone, or null where the runtime has not sent them. */
    @Nullable
    List<@Nullable Object> validAttachments() {
        final Object value =
                json.containsKey(VALID_ATTACHMENTS) ? json.get(VALID_ATTACHMENTS) : json.get(VALID_ATTACHMENTS_OLD);
        return Json.asArray(value);
    }

    /** The delegate plugin's name. */
    String delegateType() {
        final Map<String, @Nullable Object> delegate = Json.asObject(json.get(DELEGATE));
        return null != delegate && delegate.get(TYPE) instanceof String type ? type : "bridge";
    }

    /** The address plugin's name. */
    String ipamType() {
        final Map<String, @Nullable Object> ipam = Json.asObject(json.get(IPAM));
        return null != ipam && ipam.get(TYPE) instanceof String type ? type : HostLocal.TYPE;
    }

    /**
     * The delegate's whole configuration.
     *
     * @param env the node, as the overlay daemon describes it.
     */
    Map<String, @Nullable Object> delegate(final SubnetEnv env) {
        final Map<String, @Nullable Object> delegate = new TreeMap<>();
        final Map<String, @Nullable Object> given = Json.asObject(json.get(DELEGATE));
        if (null != given) {
            delegate.putAll(given);
        }
        delegate.put(NAME, name);
        delegate.put(CNI_VERSION, version.text());
        delegate.put(TYPE, delegateType());
        delegate.putIfAbsent("ipMasq", !env.ipMasq());
        delegate.putIfAbsent("mtu", env.mtu());
        if ("bridge".equals(delegateType())) {
            delegate.putIfAbsent("isGateway", true);
        }
        if (json.containsKey(RUNTIME_CONFIG)) {
            delegate.put(RUNTIME_CONFIG, json.get(RUNTIME_CONFIG));
        }
        handOn(delegate, "args");
        handOn(delegate, "dns");
        delegate.put(IPAM, ipam(env));
        return delegate;
    }

    private Map<String, @Nullable Object> ipam(final SubnetEnv env) {
        final Map<String, @Nullable Object> ipam = new TreeMap<>();
        final Map<String, @Nullable Object> given = Json.asObject(json.get(IPAM));
        if (null != given) {
            ipam.putAll(given);
        }
        ipam.put(TYPE, ipamType());
        final List<@Nullable Object> ranges = new ArrayList<>();
        for (final String subnet : env.subnets()) {
            if (!hasRangeIn(subnet)) {
                ranges.add(List.of(Map.of("subnet", subnet)));
            }
        }
        ipam.put("ranges", ranges);
        final List<@Nullable Object> routes = new ArrayList<>();
        final List<@Nullable Object> givenRoutes = Json.asArray(ipam.get("routes"));
        if (null != givenRoutes) {
            routes.addAll(givenRoutes);
        }
        for (final String network : env.networks()) {
            routes.add(Map.of("dst", network));
        }
        ipam.put("routes", routes);
        return ipam;
    }

    /** Whether the runtime asks for a range of the subnet: host-local refuses ranges that overlap. */
    private boolean hasRangeIn(final String subnet) {
        final Map<String, @Nullable Object> runtimeConfig = Json.asObject(json.get(RUNTIME_CONFIG));
        final List<@Nullable Object> sets = null == runtimeConfig ? null : Json.asArray(runtimeConfig.get("ipRanges"));
        if (null == sets) {
            return false;
        }
        final IpPrefix prefix = IpPrefix.parse(subnet);
        for (final Object set : sets) {
            final List<@Nullable Object> ranges = Json.asArray(set);
            for (int i = 0; null != ranges && i < ranges.size(); i++) {
                final Map<String, @Nullable Object> range = Json.asObject(ranges.get(i));
                final String of = String.valueOf(null == range ? null : range.get("subnet"));
                if (isIn(of, prefix)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether the address of a range is in the subnet; a range that is none is left for host-local to name. */
    private static boolean isIn(final String range, final IpPrefix subnet) {
        final int slash = range.indexOf('/');
        try {
            return slash >= 0 && subnet.contains(IpAddress.parse(range.substring(0, slash)));
        } catch (final IllegalArgumentException e) {
            return false;
        }
    }

    private void handOn(final Map<String, @Nullable Object> delegate, final String key) {
        if (json.containsKey(key)) {
            delegate.putIfAbsent(key, json.get(key));
        }
    }

    private Path path(final String key, final String byDefault) {
        return Path.of(json.get(key) instanceof String text && !text.isEmpty() ? text : byDefault);
    }

    private static void requirePath(final Map<String, @Nullable Object> json, final String key) throws CniException {
        final Object value = json.get(key);
        if (null != value && !"".equals(value) && !(value instanceof String text && isAbsolutePath(text))) {
            throw invalid(key, value, "an absolute path");
        }
    }

    private static boolean isAbsolutePath(final String text) {
        try {
            return Path.of(text).isAbsolute();
        } catch (final InvalidPathException e) {
            return false; // A NUL, or a letter that this locale does not have.
        }
    }

    private static void requireTimeout(final Map<String, @Nullable Object> json) throws CniException {
        final Object value = json.get(TIMEOUT);
        if (null != value && !(value instanceof Integer seconds && seconds >= 1 && seconds <= TIMEOUT_MAX_S)) {
            throw invalid(TIMEOUT, value, "a whole number from 1 to " + TIMEOUT_MAX_S);
        }
    }

    private static void requirePluginName(final Map<String, @Nullable Object> json, final String key)
            throws CniException {
        if (json.containsKey(TYPE) && !(json.get(TYPE) instanceof String type && !type.isEmpty())) {
            throw invalid(key + "." + TYPE, json.get(TYPE), "the name of a plugin");
        }
    }

    private static void requireObject(final Map<String, @Nullable Object> json, final String key) throws CniException {
        if (null != json.get(key) && null == Json.asObject(json.get(key))) {
            throw invalid(key, json.get(key), "an object");
        }
    }

    private static void forbid(final Map<String, @Nullable Object> delegate, final String key) throws CniException {
        if (delegate.containsKey(key)) {
            throw new CniException(
                    CniException.INVALID_CONFIGURATION,
                    "delegate." + key + " is " + Json.show(delegate.get(key)) + ", but it is not allowed there",
                    "the plugin fills it in from the network configuration's own " + key);
        }
    }

    private static CniException invalid(final String key, final @Nullable Object value, final String allowed) {
        return new CniException(
                CniException.INVALID_CONFIGURATION, key + " is " + Json.show(value), "allowed: " + allowed);
    }

    private static CniException missing(final String key, final String allowed) {
        return new CniException(CniException.INVALID_CONFIGURATION, key + " is missing", "allowed: " + allowed);
    }
}
