/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import io.weft.linux.Descriptors;
import io.weft.overlay.lifecycle.ServiceManager;
import io.weft.overlay.lifecycle.ThreadWatch;
import io.weft.overlay.ops.ListeningPort;
import io.weft.overlay.record.ProcessIdentity;
import io.weft.overlay.record.StartRecord;
import java.util.HashMap;
import java.util.Map;

/**
 * What a process has of its place on the host, through all the nodes that it sets up. Used by the control thread alone.
 */
public final class Tenure {
    private final Identity identity;
    private final ListeningPort health;
    private final ListeningPort statusPage;
    private final ServiceManager serviceManager;
    private final ThreadWatch watch;
    private final StartRecord start;
    private final DescriptorStore store;
    private final Descriptors inherited;
    private boolean hadPlace;
    private final Map<String, Integer> ends = new HashMap<>();
    private String lastEnd = "";
    private long lastEndNs;
    private boolean isPlaceFreed;
    private long placeFreedNs;
    private String former = "";

    /**
     * @param health opened when the place is this process's, as the status page is.
     * @param serviceManager that is told how the process is.
     * @param watch sees whether its data threads go on.
     * @param start of nodes, on record.
     * @param store of the service manager.
     * @param inherited what was in the store when this process began.
     */
    public Tenure(
            final Identity identity,
            final ListeningPort health,
            final ListeningPort statusPage,
            final ServiceManager serviceManager,
            final ThreadWatch watch,
            final StartRecord start,
            final DescriptorStore store,
            final Descriptors inherited) {
        this.identity = identity;
        this.health = health;
        this.statusPage = statusPage;
        this.serviceManager = serviceManager;
        this.watch = watch;
        this.start = start;
        this.store = store;
        this.inherited = inherited;
    }

    DescriptorStore store() {
        return store;
    }

    /** What was in the store when this process began, and has found no use yet. */
    Descriptors inherited() {
        return inherited;
    }

    /** Who is told how the process is. */
    public ServiceManager serviceManager() {
        return serviceManager;
    }

    /** Which data threads stand still, and what to do; empty when none does. */
    public String stalledThreads() {
        return watch.trouble().strip();
    }

    /** For how long they have, in milliseconds, by their names. */
    public Map<String, Long> stalledMs() {
        return watch.stalledMs();
    }

    /** What is on record while a node is set up. */
    public StartRecord start() {
        return start;
    }

    /** Listens where it was asked to. */
    void openPorts() {
        health.open();
        statusPage.open();
    }

    /** The same where a running daemon does not. */
    void openPortsBeside(final Predecessor running) {
        if (!health.address().equals(running.get(Description.HEALTH))) {
            health.open();
        }
        if (!statusPage.address().equals(running.get(Description.STATUS_PAGE))) {
            statusPage.open();
        }
    }

    void follows(final String instances) {
        former = instances;
    }

    /**
     * A node of this process has been ready, and is none any more. Who is found in its place later came while it had none, and keeps it.
     *
     * @param reason why it is taken down; empty if that failed.
     */
    public void nodeWasReady(final String reason) {
        hadPlace = true;
        lastEnd = reason;
        ends.merge(reason, 1, Integer::sum);
        lastEndNs = System.nanoTime();
    }

    /** How many nodes of this process were taken down for a reason. */
    public int ends(final String reason) {
        return ends.getOrDefault(reason, 0);
    }

    /** Why the node before was taken down, if that is not longer ago; else empty. */
    public String lastEnd(final long withinNs) {
        return System.nanoTime() - lastEndNs < withinNs ? lastEnd : "";
    }

    boolean hadPlace() {
        return hadPlace;
    }

    /** Who had the place has just ended, or lets go of it. */
    public void placeIsFreed() {
        isPlaceFreed = true;
        placeFreedNs = System.nanoTime();
    }

    /** Whether it did so just now, and may not be gone altogether. */
    boolean isPlaceJustFreed(final long patienceNs) {
        return isPlaceFreed && System.nanoTime() - placeFreedNs < patienceNs;
    }

    /** Whether the place was free when this process came. */
    public boolean isFirst() {
        return former.isEmpty();
    }

    /** Says who this process is. */
    public Description describe() {
        return new Description()
                .put(Description.PID, ProcessHandle.current().pid())
                .put(Description.NAMESPACE, ProcessIdentity.namespace("net"))
                .put(Description.IDENTITY, identity.service())
                .put(Description.INSTANCE, identity.instance())
                .put(Description.FORMER, former)
                .put(Description.HEALTH, health.address())
                .put(Description.STATUS_PAGE, statusPage.address());
    }
}
