/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.registry.RegistryStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon has on record while no node of it forwards: that it lives, and what it waits for. A thread of its own writes it, since what
 * waits is the control thread, which has all else here called. A start that takes less than a second leaves nothing.
 */
public final class StartRecord implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(StartRecord.class.getName());
    private static final long INTERVAL_MS = 1_000;
    private static final long END_PATIENCE_MS = 5_000;
    /** Of a daemon that does not know its device's name yet, which the registry tells. */
    private static final String NAMELESS = "weftd";

    private final Path runDirectory;
    private final String version;
    private final Thread thread = new Thread(this::run, "weft-start");
    private @Nullable RegistryStatus registry;
    private String registryKind = "";
    private String name;
    private String underlay = "";
    private String failure = "";
    private boolean isOver = true;
    private boolean wasOver;
    private @Nullable Path written;
    private String trouble = "";

    private StartRecord(final Path runDirectory, final String deviceName, final String version) {
        this.runDirectory = runDirectory;
        this.version = version;
        name = deviceName.isEmpty() ? NAMELESS : nameOf(deviceName);
    }

    /** What a daemon is called that is to have a device of this name. */
    public static String nameOf(final String deviceName) {
        return NAMELESS + '-' + deviceName;
    }

    /** Of this process, which has begun nothing yet; the device's name is empty unless it was asked for. */
    public static StartRecord open(final Path runDirectory, final String deviceName, final String version) {
        final StartRecord record = new StartRecord(runDirectory, deviceName, version);
        record.written = record.file(record.name); // by one that was killed while it waited
        record.delete();
        record.thread.setDaemon(true);
        record.thread.start();
        return record;
    }

    /** A node is to be set up. */
    public synchronized void begin(final RegistryStatus status, final String kind) {
        registry = status;
        registryKind = kind;
        isOver = false;
    }

    /** That could not be done, and is tried again. */
    public synchronized void failed(final String cause) {
        failure = cause;
    }

    /** The node's record is to have this name, which is nobody else's, and the node this interface to others. */
    public synchronized void found(final String deviceName, final String interfaceToOthers) {
        underlay = interfaceToOthers;
        if (!name.equals(deviceName)) {
            delete();
            name = deviceName;
        }
    }

    /** The node has a record of its own from now on, of this name. */
    public synchronized void over(final String deviceName) {
        if (null != written && !written.equals(file(deviceName))) {
            delete();
        }
        written = null;
        name = deviceName;
        failure = "";
        isOver = true;
        wasOver = true;
    }

    private Path file(final String of) {
        return runDirectory.resolve(of + NodeRecord.STATUS_SUFFIX);
    }

    private void run() {
        try {
            while (true) {
                TimeUnit.MILLISECONDS.sleep(INTERVAL_MS);
                write(false);
            }
        } catch (final InterruptedException closed) {
            // the process ends
        }
    }

    private synchronized void write(final boolean hasEnded) {
        final RegistryStatus status = registry;
        if (isOver || null == status) {
            return;
        }
        try {
            OwnDirectory.require("--run-dir", runDirectory);
            RecordFile.replace(file(name), out -> out.write(JsonOutput.of(content(status, hasEnded)) + '\n'));
            written = file(name);
            trouble = "";
        } catch (final IOException | StartupException refused) {
            tell("write " + file(name) + ": " + refused.getMessage()
                    + ". weft status does not tell what this start waits for");
        }
    }

    private Map<String, Object> content(final RegistryStatus status, final boolean hasEnded) {
        final Map<String, Object> conditions = new LinkedHashMap<>();
        conditions.put("registry", Objects.requireNonNullElse(status.loss(), ""));
        conditions.put("own_lease", Objects.requireNonNullElse(status.ownTrouble(), ""));
        final Map<String, Object> content =
                new LinkedHashMap<>(ProcessIdentity.own().description());
        content.put("version", version);
        content.put("ready", false);
        content.put("ended", hasEnded);
        content.put("registry", registryKind);
        content.put("underlay", underlay);
        content.put("failure", failure);
        content.put("devices", List.of());
        content.put("conditions", conditions);
        return content;
    }

    private void delete() {
        final Path old = written;
        written = null;
        try {
            if (null != old) {
                Files.deleteIfExists(old);
            }
        } catch (final IOException kept) {
            tell("delete " + old + ": " + kept);
        }
    }

    private void tell(final String words) {
        if (!words.equals(trouble)) {
            LOG.log(WARNING, words);
            trouble = words;
        }
    }

    /** The process ends: what it leaves is what its last node left, if there was one. */
    @Override
    public void close() {
        thread.interrupt();
        TakeDown.await(thread, END_PATIENCE_MS);
        synchronized (this) {
            if (wasOver && null != written) {
                write(true);
            } else {
                delete();
            }
        }
    }
}
