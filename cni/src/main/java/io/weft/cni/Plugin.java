/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The operations on one container: each is one call of the delegate, with the state kept so that every end can be undone.
 * What fails first is what is reported; what then fails in tidying up is added to its details.
 */
final class Plugin {
    private static final byte[] NO_OUTPUT = {};

    /** In the state of an ADD that has found a device of its name: that is another's, and DEL returns the address alone. */
    private static final String ADDRESS_ONLY = "io.weft.cni/addressOnly";

    /**
     * By the specification the container may be gone at DEL: a delegate then returns the address, and looks for no device. The
     * reference plugins do so where CNI_NETNS is missing or names no file; they fail where it names another file than a namespace,
     * and take away the node's device where it names the node's.
     */
    private static final Map<String, String> WITHOUT_NETNS = Map.of(Invocation.NETNS, "");

    private final Invocation invocation;
    private final NetworkConfig config;
    private final Map<String, String> environment;
    private final Attachment attachment;
    private final Deadline deadline;

    /**
     * @param invocation what is asked for.
     * @param config what the runtime wrote to standard input.
     * @param environment the process's variables, for the delegate.
     * @param deadline for all of the operation; the undo of an ADD has some more.
     */
    Plugin(
            final Invocation invocation,
            final NetworkConfig config,
            final Map<String, String> environment,
            final Deadline deadline) {
        this.invocation = invocation;
        this.config = config;
        this.environment = environment;
        this.deadline = deadline;
        attachment = new Attachment(config.dataDir(), invocation.containerId(), invocation.ifname());
    }

    /**
     * Does what is asked for.
     *
     * @return what goes to standard output.
     * @throws CniException if it could not be done.
     */
    byte[] run() throws CniException {
        switch (invocation.command()) {
            case ADD -> {
                return add();
            }
            case DEL -> delete();
            case CHECK -> check();
            case STATUS -> status();
            case GC -> new GarbageCollection(config, environment, deadline).run();
            case VERSION -> throw new IllegalStateException("VERSION needs no configuration");
        }
        return NO_OUTPUT;
    }

    private byte[] add() throws CniException {
        final SubnetEnv env = Overlay.ready(config.subnetFile());
        if (attachment.isAdded()) {
            throw new CniException(
                    CniException.ATTACHMENT_EXISTS,
                    Invocation.IFNAME + "=\"" + invocation.ifname() + "\" of " + Invocation.CONTAINER_ID + "=\""
                            + invocation.containerId() + "\" has been added already: " + attachment,
                    "a DEL must come first");
        }
        final Map<String, @Nullable Object> delegateConfig = config.delegate(env);
        final Delegate delegate = Delegate.of(delegateConfig, environment);
        // Without it ADD fails, and so does every DEL.
        Delegate.ipamOf(delegateConfig, environment);
        Netns.require(environment);
        attachment.begin(delegateConfig);
        try {
            final byte[] output = addByDelegate(delegate, delegateConfig);
            attachment.finish();
            return output;
        } catch (final CniException e) {
            throw undone(delegate, delegateConfig, e);
        }
    }

    /** The delegate's result in the configuration's version, also where the delegate only speaks an older one. */
    private byte[] addByDelegate(final Delegate delegate, final Map<String, @Nullable Object> delegateConfig)
            throws CniException {
        final byte[] output = delegate.call(Command.ADD, delegateConfig, Map.of(), deadline);
        final String what = "the result of delegate " + delegate.type();
        final Map<String, @Nullable Object> result = Json.readObject(output, what);
        Results.check(result, what);
        if (!config.version().text().equals(delegateConfig.get(NetworkConfig.CNI_VERSION))) {
            // Kept as it was called, so that flannel's plugin, which does not negotiate, could delete it as well.
            attachment.begin(delegateConfig);
        } else if (config.version().text().equals(result.get(NetworkConfig.CNI_VERSION))) {
            return output;
        }
        Results.convert(result, config.version());
        return Json.write(result);
    }

    /** The failure of an ADD, after a DEL of what the delegate may have done; the state is kept if that fails too. */
    private CniException undone(
            final Delegate delegate, final Map<String, @Nullable Object> delegateConfig, final CniException failure) {
        Map<String, String> variables = Map.of();
        if (Delegate.isNameTaken(failure, invocation.ifname())) {
            variables = WITHOUT_NETNS;
            keepAddressOnly(delegateConfig);
        }
        try {
            delegate.call(Command.DEL, delegateConfig, variables, Deadline.in(NetworkConfig.UNDO_TIMEOUT_MS));
            attachment.remove();
            return failure;
        } catch (final CniException e) {
            return failure.and("it could not be undone either, so a DEL must follow: " + e.inWords());
        }
    }

    /** So that a DEL which has to follow leaves the other's device alone as well. */
    private void keepAddressOnly(final Map<String, @Nullable Object> delegateConfig) {
        final Map<String, @Nullable Object> kept = new HashMap<>(delegateConfig);
        kept.put(ADDRESS_ONLY, true);
        try {
            attachment.begin(kept);
        } catch (final CniException e) {
            // Only of use if the undo fails, and no reason to leave that.
            System.err.println("weft-cni: " + e.inWords());
        }
    }

    private void delete() throws CniException {
        if (!attachment.exists()) {
            return;
        }
        final boolean isUnfinished = attachment.isUnfinished();
        if (isUnfinished) {
            UnfinishedAdd.awaitEnd(attachment, deadline);
        }
        final Map<String, @Nullable Object> kept = keptConfig();
        final boolean isOfAnyDevice = attachment.isOfFlannelsPlugin();
        if (isOfAnyDevice && isOfAnother(kept)) {
            return; // This one is gone.
        }
        final boolean isAddressOnly = null != kept.remove(ADDRESS_ONLY) || null != Netns.fault(environment);
        final Map<String, String> variables = isAddressOnly ? WITHOUT_NETNS : Map.of();
        try {
            deleteByDelegate(kept, variables);
        } catch (final CniException e) {
            if (!isUnfinished) {
                throw e;
            }
            deleteByCorrected(variables, e);
        }
        // flannel's plugin has one file for all devices of a container.
        if (!isOfAnyDevice || HostLocal.devices(kept, invocation.containerId()).isEmpty()) {
            attachment.remove();
        }
    }

    /** Whether a file that does not tell its device is another's: of another network, or of those that have an address yet. */
    private boolean isOfAnother(final Map<String, @Nullable Object> kept) throws CniException {
        final Set<String> devices = HostLocal.devices(kept, invocation.containerId());
        if (!devices.isEmpty() && !devices.contains(invocation.ifname())) {
            return true;
        }
        return !Attachment.IFNAME_DEFAULT.equals(invocation.ifname())
                && !config.name().equals(kept.get("name"));
    }

    /**
     * An ADD with a configuration or arguments that the delegate refuses cannot be undone with them either. Once the
     * configuration has been corrected, this way leads out.
     */
    private void deleteByCorrected(final Map<String, String> variables, final CniException failure)
            throws CniException {
        final Map<String, String> corrected = new HashMap<>(variables);
        corrected.put(Invocation.ARGS, "");
        try {
            deleteByDelegate(config.delegate(SubnetEnv.read(config.subnetFile())), corrected);
        } catch (final CniException e) {
            throw failure.and("with the configuration of now: " + e.inWords());
        }
    }

    private void deleteByDelegate(
            final Map<String, @Nullable Object> delegateConfig, final Map<String, String> variables)
            throws CniException {
        putPrevResult(delegateConfig);
        Delegate.of(delegateConfig, environment).call(Command.DEL, delegateConfig, variables, deadline);
    }

    private void check() throws CniException {
        if (!attachment.exists()) {
            throw new CniException(
                    CniException.UNKNOWN_CONTAINER,
                    Invocation.CONTAINER_ID + "=\"" + invocation.containerId() + "\", " + Invocation.IFNAME + "=\""
                            + invocation.ifname() + "\" is not attached: " + config.dataDir() + " has no file of it",
                    "");
        }
        final Map<String, @Nullable Object> prevResult = Json.asObject(config.prevResult());
        if (null == prevResult) {
            throw new CniException(
                    CniException.INVALID_CONFIGURATION,
                    NetworkConfig.PREV_RESULT
                            + (null == config.prevResult() ? " is missing" : " is " + Json.show(config.prevResult())),
                    "CHECK compares the container with the result of its ADD");
        }
        Overlay.ready(config.subnetFile());
        Netns.require(environment);
        final Map<String, @Nullable Object> delegateConfig = keptConfig();
        final SpecVersion kept = SpecVersion.of(String.valueOf(delegateConfig.get(NetworkConfig.CNI_VERSION)));
        if (null != kept && kept.isBefore(Command.CHECK.since())) {
            System.err.println("weft-cni: not checked: " + attachment + " was added by a delegate that speaks "
                    + kept.text() + ", which has no CHECK");
            return;
        }
        Results.completeRoutes(prevResult);
        putPrevResult(delegateConfig);
        Delegate.of(delegateConfig, environment).call(Command.CHECK, delegateConfig, Map.of(), deadline);
    }

    private void status() throws CniException {
        try {
            final SubnetEnv env = Overlay.ready(config.subnetFile());
            final Map<String, @Nullable Object> delegateConfig = config.delegate(env);
            final Delegate delegate = Delegate.of(delegateConfig, environment);
            if (config.version() == delegate.newestVersion(delegateConfig, config.version(), deadline)) {
                delegate.call(Command.STATUS, delegateConfig, Map.of(), deadline);
            }
        } catch (final CniException e) {
            throw new CniException(CniException.NOT_AVAILABLE, e.message(), e.details());
        }
    }

    /** The configuration that ADD has kept, or, if the machine lost power while it was written, what it must have been. */
    private Map<String, @Nullable Object> keptConfig() throws CniException {
        try {
            final Map<String, @Nullable Object> kept = attachment.read();
            if (!typeOf(kept).isEmpty()) {
                return kept;
            }
            System.err.println("weft-cni: " + attachment + " has no \"type\"; its content is made anew");
        } catch (final CniException e) {
            if (CniException.DECODING_FAILURE != e.code()) {
                throw e;
            }
            System.err.println("weft-cni: " + e.message() + "; its content is made anew");
        }
        return config.delegate(SubnetEnv.read(config.subnetFile()));
    }

    private void putPrevResult(final Map<String, @Nullable Object> delegateConfig) {
        final SpecVersion version = SpecVersion.of(String.valueOf(delegateConfig.get(NetworkConfig.CNI_VERSION)));
        final Map<String, @Nullable Object> prevResult = Json.asObject(config.prevResult());
        if (null != prevResult && null != version && !version.isBefore(SpecVersion.V0_4_0)) {
            Results.convert(prevResult, version);
            delegateConfig.put(NetworkConfig.PREV_RESULT, prevResult);
        }
    }

    /** The plugin that a delegate's configuration is for; empty if it does not say. */
    static String typeOf(final Map<String, @Nullable Object> delegateConfig) {
        return delegateConfig.get(NetworkConfig.TYPE) instanceof String type ? type : "";
    }
}
