/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Sees whether data threads go on, and names those that stand still, for {@code /healthz}, the service manager and the log. It looks once
 * a second, on a thread of its own. Looks are counted, and not time: where the whole machine stands still, nobody is at fault.
 */
public final class ThreadWatch implements AutoCloseable {
    /** In vain, before a thread is said to stand still: one that goes on ends a duty cycle within a good second. */
    static final int LOOKS_MAX = 10;

    private static final System.Logger LOG = System.getLogger(ThreadWatch.class.getName());
    private static final long INTERVAL_MS = 1_000;

    private final Supplier<Map<String, Long>> dutyCycles;
    private final Map<String, Long> seen = new HashMap<>();
    private final Map<String, Integer> looksInVain = new HashMap<>();
    /** When it was seen to go on last. */
    private final Map<String, Long> goneOnNs = new HashMap<>();

    private final Set<String> told = new HashSet<>();
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(ThreadWatch::newThread);
    private volatile String trouble = "";
    private volatile Map<String, Long> stalledSinceNs = Map.of();

    /** @param dutyCycles that each data thread has ended, by its name. */
    ThreadWatch(final Supplier<Map<String, Long>> dutyCycles) {
        this.dutyCycles = dutyCycles;
    }

    private static Thread newThread(final Runnable task) {
        final Thread thread = new Thread(task, "weft-watch");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Begins to look.
     *
     * @param dutyCycles that each data thread has ended, by its name; asked by the watch's thread.
     */
    @SuppressWarnings("FutureReturnValueIgnored") // a look does nothing that fails
    public static ThreadWatch start(final Supplier<Map<String, Long>> dutyCycles) {
        final ThreadWatch started = new ThreadWatch(dutyCycles);
        started.thread.scheduleWithFixedDelay(started::look, INTERVAL_MS, INTERVAL_MS, TimeUnit.MILLISECONDS);
        return started;
    }

    void look() {
        final Map<String, Long> now = dutyCycles.get();
        seen.keySet().retainAll(now.keySet());
        looksInVain.keySet().retainAll(now.keySet());
        goneOnNs.keySet().retainAll(now.keySet());
        told.retainAll(now.keySet());
        final List<String> stalled = new ArrayList<>();
        final Map<String, Long> sinceNs = new HashMap<>();
        final long nowNs = System.nanoTime();
        now.forEach((name, ended) -> {
            final boolean goesOn = !ended.equals(seen.put(name, ended));
            if (goesOn) {
                goneOnNs.put(name, nowNs);
            }
            final int looks = goesOn ? 0 : looksInVain.getOrDefault(name, 0) + 1;
            looksInVain.put(name, looks);
            if (looks >= LOOKS_MAX) {
                stalled.add(name);
                sinceNs.put(name, goneOnNs.getOrDefault(name, nowNs));
            }
            tell(name, looks);
        });
        stalledSinceNs = Map.copyOf(sinceNs);
        trouble = stalled.isEmpty()
                ? ""
                : "data thread " + String.join(" and ", stalled) + " stands still: kill -QUIT "
                        + ProcessHandle.current().pid() + " has it tell what it does, then restart weftd\n";
    }

    private void tell(final String name, final int looks) {
        if (looks >= LOOKS_MAX && told.add(name)) {
            LOG.log(
                    ERROR,
                    "data thread {0} stands still: what it has taken in is not forwarded.{1}",
                    name,
                    LogFields.of("thread", name));
        } else if (0 == looks && told.remove(name)) {
            LOG.log(INFO, "data thread {0} goes on again.{1}", name, LogFields.of("thread", name));
        }
    }

    /** Which data threads stand still, and what to do; empty when none does. From any thread. */
    public String trouble() {
        return trouble;
    }

    /** For how long data threads have stood still, in milliseconds, by their names. From any thread. */
    public Map<String, Long> stalledMs() {
        final long nowNs = System.nanoTime();
        final Map<String, Long> stalledMs = new TreeMap<>();
        stalledSinceNs.forEach((name, sinceNs) -> stalledMs.put(name, TimeUnit.NANOSECONDS.toMillis(nowNs - sinceNs)));
        return stalledMs;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
