/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * GC: deletes the network's attachments that the runtime does not know any more. Each is deleted by the delegate's DEL,
 * since most delegates installed today speak no version that has GC; to one that does it is passed on.
 */
final class GarbageCollection {
    private final NetworkConfig config;
    private final Map<String, String> environment;
    private final Deadline deadline;
    private @Nullable CniException failure;

    /**
     * @param config what the runtime wrote to standard input.
     * @param environment the process's variables, for the delegates.
     * @param deadline for all of it; what is left then is for the next GC.
     */
    GarbageCollection(final NetworkConfig config, final Map<String, String> environment, final Deadline deadline) {
        this.config = config;
        this.environment = environment;
        this.deadline = deadline;
    }

    /**
     * Deletes what is stale; goes on after a failure, and reports the first one.
     *
     * @throws CniException code 7 if the runtime does not say what is valid, or why an attachment could not be deleted.
     */
    void run() throws CniException {
        final List<@Nullable Object> valid = config.validAttachments();
        if (null == valid) {
            throw new CniException(
                    CniException.INVALID_CONFIGURATION,
                    NetworkConfig.VALID_ATTACHMENTS + " is missing or no array",
                    "without it every attachment of the node would be deleted");
        }
        final Set<String> validContainers = new HashSet<>();
        final Set<String> validDevices = new HashSet<>();
        for (final Object each : valid) {
            final Map<String, @Nullable Object> entry = Json.asObject(each);
            // With half an entry a device that is in use would be taken for one that nobody knows.
            if (null == entry
                    || !(entry.get("containerID") instanceof String containerId)
                    || !(entry.get("ifname") instanceof String ifname)) {
                throw new CniException(
                        CniException.INVALID_CONFIGURATION,
                        NetworkConfig.VALID_ATTACHMENTS + " has the entry " + Json.show(each),
                        "allowed: {\"containerID\": ..., \"ifname\": ...}");
            }
            validContainers.add(containerId);
            validDevices.add(containerId + ":" + ifname);
        }
        for (final Attachment attachment : Attachment.list(config.dataDir())) {
            // A file of flannel's plugin does not tell its device, so any device of its container keeps it.
            final boolean isValid = attachment.isOfFlannelsPlugin()
                    ? validContainers.contains(attachment.containerId())
                    : validDevices.contains(attachment.containerId() + ":" + attachment.ifname());
            if (!isValid) {
                collect(attachment);
            }
        }
        try {
            passOn(valid);
        } catch (final CniException e) {
            report(e);
        }
        if (null != failure) {
            throw failure;
        }
    }

    private void collect(final Attachment attachment) {
        try {
            delete(attachment);
        } catch (final CniException e) {
            report(new CniException(e.code(), "GC of " + attachment + ": " + e.message(), e.details()));
        }
    }

    private void report(final CniException e) {
        System.err.println("weft-cni: " + e.inWords());
        if (null == failure) {
            failure = e;
        }
    }

    private void delete(final Attachment attachment) throws CniException {
        final Map<String, @Nullable Object> kept;
        try {
            kept = attachment.read();
        } catch (final CniException e) {
            if (CniException.DECODING_FAILURE != e.code()) {
                throw e;
            }
            // Cut off by a loss of power: it may be another network's. The runtime's DEL knows which.
            System.err.println("weft-cni: GC leaves " + attachment + ": " + e.message());
            return;
        }
        if (!config.name().equals(kept.get("name"))) {
            return;
        }
        if (attachment.isUnfinished()) {
            UnfinishedAdd.awaitEnd(attachment, deadline);
        }
        final Delegate delegate = Delegate.of(kept, environment);
        for (final String ifname : devices(attachment, kept)) {
            delegate.call(
                    Command.DEL,
                    kept,
                    Map.of(
                            Invocation.CONTAINER_ID,
                            attachment.containerId(),
                            Invocation.IFNAME,
                            ifname,
                            Invocation.NETNS,
                            ""),
                    deadline);
        }
        attachment.remove();
    }

    /** Which device an attachment is of; by a DEL of another its address would not be returned. */
    private static Set<String> devices(final Attachment attachment, final Map<String, @Nullable Object> kept)
            throws CniException {
        final Set<String> devices =
                attachment.isOfFlannelsPlugin() ? HostLocal.devices(kept, attachment.containerId()) : Set.of();
        return devices.isEmpty() ? Set.of(attachment.ifname()) : devices;
    }

    private void passOn(final List<@Nullable Object> valid) throws CniException {
        final Map<String, @Nullable Object> delegateConfig = config.delegate(SubnetEnv.read(config.subnetFile()));
        final Delegate delegate = Delegate.of(delegateConfig, environment);
        if (config.version() == delegate.newestVersion(delegateConfig, config.version(), deadline)) {
            delegateConfig.put(NetworkConfig.VALID_ATTACHMENTS, valid);
            delegateConfig.put(NetworkConfig.VALID_ATTACHMENTS_OLD, valid);
            delegate.call(Command.GC, delegateConfig, Map.of(), deadline);
        }
    }
}
