/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A plugin that this one hands its work to: another executable, called as the runtime calls this one. It is called in the
 * version of its configuration; if that is refused, in the newest that it and its address plugin speak.
 */
final class Delegate {
    private final String type;
    private final Path executable;
    private final Map<String, String> environment;

    private Delegate(final String type, final Path executable, final Map<String, String> environment) {
        this.type = type;
        this.executable = executable;
        this.environment = environment;
    }

    /**
     * Looks the plugin up in CNI_PATH.
     *
     * @param key of the configuration that names it, for the message.
     * @param type the plugin's name.
     * @param environment that the runtime has set; the delegate gets the same.
     * @throws CniException code 7 if there is no such plugin.
     */
    static Delegate find(final String key, final String type, final Map<String, String> environment)
            throws CniException {
        final String path = environment.getOrDefault(Invocation.PATH, "");
        if (!type.isEmpty() && type.indexOf('/') < 0) {
            int from = 0;
            while (from <= path.length()) {
                final int end = path.indexOf(':', from) < 0 ? path.length() : path.indexOf(':', from);
                final Path executable = executable(path.substring(from, end), type);
                if (null != executable && Files.isExecutable(executable) && !Files.isDirectory(executable)) {
                    return new Delegate(type, executable, environment);
                }
                from = end + 1;
            }
        }
        throw new CniException(
                CniException.INVALID_CONFIGURATION,
                key + " is " + Json.show(type) + ", but no directory of " + Invocation.PATH + "=\"" + path
                        + "\" has such a plugin",
                "install the reference plugins (containernetworking-plugins) there");
    }

    /** The delegate that a whole configuration is for. */
    static Delegate of(final Map<String, @Nullable Object> configuration, final Map<String, String> environment)
            throws CniException {
        return find("delegate.type", Plugin.typeOf(configuration), environment);
    }

    /** The address plugin that a delegate's whole configuration is for. */
    static Delegate ipamOf(final Map<String, @Nullable Object> configuration, final Map<String, String> environment)
            throws CniException {
        final Map<String, @Nullable Object> ipam = Json.asObject(configuration.get(NetworkConfig.IPAM));
        return find("ipam.type", null == ipam ? "" : Plugin.typeOf(ipam), environment);
    }

    private static @Nullable Path executable(final String directory, final String type) {
        try {
            return directory.isEmpty() ? null : Path.of(directory, type);
        } catch (final InvalidPathException e) {
            return null; // A name that this locale cannot write is none of a file here.
        }
    }

    String type() {
        return type;
    }

    /**
     * Calls the plugin and waits for its end. Its standard error is this process's.
     *
     * @param command the operation.
     * @param configuration for its standard input; on return in the version that it was called in.
     * @param variables to set instead of the runtime's; an empty value removes one.
     * @param deadline by which it must have ended; it is killed then.
     * @return what it wrote to standard output.
     * @throws CniException with the code that the plugin gave, or 999 if it gave none; 5 if it could not be run; 101 if it
     *     did not end.
     */
    byte[] call(
            final Command command,
            final Map<String, @Nullable Object> configuration,
            final Map<String, String> variables,
            final Deadline deadline)
            throws CniException {
        try {
            return callOnce(command, configuration, variables, deadline);
        } catch (final CniException refusal) {
            if (CniException.INCOMPATIBLE_VERSION != refusal.code()) {
                throw refusal;
            }
            final boolean isOwn = lowerVersion(command, configuration, refusal, deadline);
            if (Command.ADD == command && !isOwn) {
                undoHalf(configuration, variables, deadline);
            }
            return callOnce(command, configuration, variables, deadline);
        }
    }

    /**
     * It is its address plugin that has refused, perhaps after it had made its devices. One that refuses by itself has made
     * none, so that a device of that name would be another's.
     */
    private void undoHalf(
            final Map<String, @Nullable Object> configuration,
            final Map<String, String> variables,
            final Deadline deadline) {
        try {
            callOnce(Command.DEL, configuration, variables, deadline);
        } catch (final CniException e) {
            System.err.println("weft-cni: before ADD in an older version: " + e.inWords());
        }
    }

    private byte[] callOnce(
            final Command command,
            final Map<String, @Nullable Object> configuration,
            final Map<String, String> variables,
            final Deadline deadline)
            throws CniException {
        if (deadline.hasPassed()) {
            // Better not begun than killed in the middle.
            throw new CniException(
                    CniException.TIMED_OUT,
                    "no time is left to call delegate " + type + " for " + command,
                    "all of the operation may take " + deadline.allowedMs() + " ms");
        }
        final DelegateProcess process = DelegateProcess.start(executable, command, environment, variables);
        final byte[] output = process.exchange(Json.write(configuration), deadline);
        if (0 != process.exitCode()) {
            throw failure(command, process.exitCode(), output, configuration);
        }
        return output;
    }

    /**
     * Has a configuration speak the newest version that the plugin understands, or throws the refusal again.
     *
     * @return whether it was the plugin itself that has refused, and not its address plugin.
     */
    private boolean lowerVersion(
            final Command command,
            final Map<String, @Nullable Object> configuration,
            final CniException refusal,
            final Deadline deadline)
            throws CniException {
        final SpecVersion refused = SpecVersion.of(String.valueOf(configuration.get(NetworkConfig.CNI_VERSION)));
        final SpecVersion limit = null == refused ? SpecVersion.NEWEST : refused;
        final List<@Nullable Object> own;
        final SpecVersion version;
        try {
            own = versions(limit, deadline);
            version = newestVersion(own, configuration, limit, deadline);
        } catch (final CniException e) {
            throw refusal.and("its VERSION could not be found out either: " + e.inWords());
        }
        if (null == version || version == refused || version.isBefore(command.since())) {
            throw refusal;
        }
        configuration.put(NetworkConfig.CNI_VERSION, version.text());
        final Map<String, @Nullable Object> prevResult = Json.asObject(configuration.get(NetworkConfig.PREV_RESULT));
        if (null != prevResult) {
            Results.convert(prevResult, version);
        }
        return !own.contains(limit.text());
    }

    /**
     * The newest version that the plugin, the address plugin that it calls, and this one speak.
     *
     * @param configuration the plugin's own.
     * @param limit a version that it must not exceed.
     * @return the version, or null if there is none in common.
     * @throws CniException if a plugin does not answer, or the address plugin is not there.
     */
    @Nullable
    SpecVersion newestVersion(
            final Map<String, @Nullable Object> configuration, final SpecVersion limit, final Deadline deadline)
            throws CniException {
        return newestVersion(versions(limit, deadline), configuration, limit, deadline);
    }

    private @Nullable SpecVersion newestVersion(
            final List<@Nullable Object> own,
            final Map<String, @Nullable Object> configuration,
            final SpecVersion limit,
            final Deadline deadline)
            throws CniException {
        final List<@Nullable Object> ipam = ipamOf(configuration, environment).versions(limit, deadline);
        SpecVersion newest = null;
        for (final SpecVersion version : SpecVersion.values()) {
            if (!limit.isBefore(version)
                    && limit.hasOldResults() == version.hasOldResults()
                    && own.contains(version.text())
                    && ipam.contains(version.text())) {
                newest = version;
            }
        }
        return newest;
    }

    private List<@Nullable Object> versions(final SpecVersion asked, final Deadline deadline) throws CniException {
        final Map<String, @Nullable Object> question = new HashMap<>();
        question.put(NetworkConfig.CNI_VERSION, asked.text());
        final byte[] answer = callOnce(Command.VERSION, question, Map.of(), deadline);
        final Object supported =
                Json.readObject(answer, "the VERSION of delegate " + type).get("supportedVersions");
        final List<@Nullable Object> versions = Json.asArray(supported);
        if (null == versions) {
            throw new CniException(
                    CniException.DECODING_FAILURE,
                    "the VERSION of delegate " + type + " has supportedVersions " + Json.show(supported),
                    "allowed: an array of versions");
        }
        return versions;
    }

    /**
     * Whether an ADD has failed because the container had a device of that name, which the plugin has not made then. Only the
     * message says so (containernetworking/plugins 1.1 to 1.9: pkg/ip makeVeth, and what plugins/main do with RenameLink). That
     * something exists is said of addresses and routes as well, once the plugin has made its device.
     *
     * @param failure of an ADD.
     * @param ifname the device's name.
     */
    static boolean isNameTaken(final CniException failure, final String ifname) {
        final String message = failure.message();
        final boolean isNamed = message.contains("\"" + ifname + "\"") || message.contains("(" + ifname + ")");
        if (message.endsWith(" already exists")) {
            return isNamed && message.contains("container veth name ");
        }
        return message.endsWith(": file exists")
                && ((isNamed && message.contains("failed to rename "))
                        // Made under its name at once, which is not told.
                        || message.endsWith(": failed to create dummy: file exists"));
    }

    private CniException failure(
            final Command command,
            final int exitCode,
            final byte[] output,
            final Map<String, @Nullable Object> configuration) {
        final String prefix = "delegate " + type + " failed " + command + ": ";
        try {
            final Map<String, @Nullable Object> error = Json.readObject(output, "the error of delegate " + type);
            // Runtimes read an unsigned number, and take 0 for success.
            final int code = error.get("code") instanceof Integer number && number > 0 ? number : CniException.INTERNAL;
            final String message = text(error.get("msg"));
            final String details = text(error.get("details"));
            return new CniException(
                    code,
                    prefix + (message.isEmpty() ? "exit code " + exitCode : message),
                    details.isEmpty() ? Remedy.of(message, configuration) : details);
        } catch (final CniException e) {
            return new CniException(
                    CniException.INTERNAL,
                    prefix + "exit code " + exitCode,
                    new String(output, StandardCharsets.UTF_8));
        }
    }

    private static String text(final @Nullable Object value) {
        if (null == value) {
            return "";
        }
        return value instanceof String string ? string : Json.show(value);
    }
}
