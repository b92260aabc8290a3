/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.NotifySocket;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What systemd is told (sd_notify(3)), where it has asked by NOTIFY_SOCKET, and that the data threads go on (sd_watchdog_enabled(3)),
 * where it has asked by WATCHDOG_USEC. A manager that does not listen stops nothing.
 */
public final class ServiceManager implements AutoCloseable {
    /** So long what is ordered after this service waits for it: kubelet, which may have to start the registry first. */
    private static final long PATIENCE_MS = 10_000;

    private static final System.Logger LOG = System.getLogger(ServiceManager.class.getName());

    private final Consumer<String> manager;
    private final BooleanSupplier threadsGoOn;
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(ServiceManager::newThread);
    private boolean isReady;
    private boolean isStuck;

    private ServiceManager(final Consumer<String> manager, final BooleanSupplier threadsGoOn) {
        this.manager = manager;
        this.threadsGoOn = threadsGoOn;
    }

    private static Thread newThread(final Runnable task) {
        final Thread thread = new Thread(task, "weft-systemd");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Begins to tell.
     *
     * @param environment of this process.
     * @param threadsGoOn whether no data thread stands still.
     */
    public static ServiceManager start(final Map<String, String> environment, final BooleanSupplier threadsGoOn) {
        final String socket = environment.getOrDefault("NOTIFY_SOCKET", "");
        return socket.isEmpty()
                ? new ServiceManager(state -> {}, threadsGoOn)
                : start(state -> tell(socket, state), intervalUs(environment), threadsGoOn);
    }

    static ServiceManager start(
            final Consumer<String> manager, final long intervalUs, final BooleanSupplier threadsGoOn) {
        final ServiceManager started = new ServiceManager(manager, threadsGoOn);
        started.start(intervalUs);
        return started;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // a task that fails tells no more, and systemd ends this process
    private void start(final long intervalUs) {
        thread.schedule(this::tellThatOthersMayStart, PATIENCE_MS, TimeUnit.MILLISECONDS);
        if (intervalUs > 0) {
            thread.scheduleWithFixedDelay(this::watch, intervalUs, intervalUs, TimeUnit.MICROSECONDS);
        }
    }

    /** A quarter of the time after which systemd gives this process up; 0 where it never does. */
    static long intervalUs(final Map<String, String> environment) {
        final String timeoutUs = environment.getOrDefault("WATCHDOG_USEC", "");
        final String pid = environment.getOrDefault("WATCHDOG_PID", "");
        final boolean isMeant = timeoutUs.matches("\\d{1,18}")
                && (pid.isEmpty()
                        || pid.equals(String.valueOf(ProcessHandle.current().pid())));
        return isMeant ? Long.parseLong(timeoutUs) / 4 : 0;
    }

    /** Tells that pods can be wired. From any thread. */
    public synchronized void tellReady() {
        manager.accept((isReady ? "" : "READY=1\n") + "STATUS=forwards");
        isReady = true;
    }

    private synchronized void tellThatOthersMayStart() {
        if (!isReady) {
            manager.accept("READY=1\nSTATUS=does not forward yet, the log tells what it waits for");
            isReady = true;
        }
    }

    private void watch() {
        final boolean goesOn = threadsGoOn.getAsBoolean();
        if (goesOn) {
            manager.accept("WATCHDOG=1");
        } else if (!isStuck) {
            LOG.log(ERROR, "a data thread does not go on: systemd will end this process, unless it does in time");
        }
        isStuck = !goesOn;
    }

    private static void tell(final String socket, final String state) {
        try {
            NotifySocket.send(socket, state);
        } catch (final LinuxException failure) {
            LOG.log(WARNING, failure.getMessage());
        }
    }

    /** Tells no more; systemd knows that the process stops. */
    @Override
    public void close() {
        thread.shutdownNow();
    }
}
