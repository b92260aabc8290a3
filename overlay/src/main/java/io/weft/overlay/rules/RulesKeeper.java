/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.TakeDown;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Sets the rules of a node and compares them ever after, on a thread of its own: the tools take their time, and one that hangs,
 * as when somebody keeps the lock of xtables, must stop nothing else.
 */
public final class RulesKeeper implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(RulesKeeper.class.getName());
    private static final long END_PATIENCE_MS = 2_000;

    private final NodeRules rules;
    private final long intervalMs;
    private final Listener listener;
    private final Thread thread = new Thread(this::run, "weft-rules");
    private String trouble = "";
    /** What changes of others is the first setting, however many attempts that takes. */
    private final Set<Ruleset> onceSet = new HashSet<>();

    private final Pace pace = new Pace();
    private Forwarding seen = Forwarding.WELL;
    /** By each check. */
    private final Map<Integer, Forwarding> lastSeen = new HashMap<>();

    private String unseen = "";
    private String dropping = "";

    /** Hears of each comparison, on the keeper's thread. */
    @FunctionalInterface
    public interface Listener {
        /**
         * A comparison has ended.
         *
         * @param trouble why a rule could not be set; empty when all are there.
         * @param isRepaired rules that had been there were missing or changed, and are there again.
         * @param forwarding what others' rules do with packets of pods.
         */
        void onCompared(String trouble, boolean isRepaired, Forwarding forwarding);
    }

    private RulesKeeper(final NodeRules rules, final long intervalMs, final Listener listener) {
        this.rules = rules;
        this.intervalMs = intervalMs;
        this.listener = listener;
        thread.setDaemon(true);
    }

    /** Starts to set the rules, and to compare them once in so many milliseconds. */
    public static RulesKeeper start(final NodeRules rules, final long intervalMs, final Listener listener) {
        final RulesKeeper keeper = new RulesKeeper(rules, intervalMs, listener);
        keeper.thread.start();
        return keeper;
    }

    private void run() {
        boolean isFirst = true;
        while (!Thread.currentThread().isInterrupted()) {
            compare(isFirst);
            if (isFirst) {
                rules.former().forEach(RulesKeeper::remove);
                isFirst = false;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(intervalMs);
            } catch (final InterruptedException stop) {
                return;
            }
        }
    }

    private static void remove(final NftablesRules former) {
        try {
            former.remove();
        } catch (final RulesException failure) {
            LOG.log(DEBUG, "rules of the kind not in use are not looked for: {0}", failure.getMessage());
        } catch (final RuntimeException | Error defect) {
            // As in a comparison, whatever it is: without this thread nobody keeps the rules.
            LOG.log(WARNING, "rules of the kind not in use may have stayed (nft list ruleset)", defect);
        }
    }

    private void compare(final boolean isFirst) {
        final List<String> failures = new ArrayList<>();
        boolean isRepaired = false;
        for (final Ruleset ruleset : rules.wanted()) {
            try {
                final boolean isChanged = ruleset.repair();
                isRepaired |= !onceSet.add(ruleset) && isChanged;
            } catch (final RuntimeException | Error failure) {
                // Not only what a tool refuses: this thread must not end, and the other rulesets are set all the same.
                failures.add(
                        failure instanceof RulesException ? String.valueOf(failure.getMessage()) : failure.toString());
            }
        }
        final Forwarding forwarding =
                isFirst ? Forwarding.WELL : lookInPace(); // a start waits for no more than its own rules
        if (Thread.currentThread().isInterrupted()) {
            return; // what a tool said that was ended for this is no trouble
        }
        if (isRepaired) {
            LOG.log(WARNING, "firewall rules were missing or changed, repaired");
        }
        final String found = String.join("; ", failures);
        if (!found.isEmpty() && !found.equals(trouble)) {
            LOG.log(
                    WARNING,
                    "{0}. Tried again every {1} s{2}",
                    found,
                    TimeUnit.MILLISECONDS.toSeconds(intervalMs),
                    LogFields.of("retryMs", intervalMs));
        }
        if (found.isEmpty() && !trouble.isEmpty()) {
            LOG.log(INFO, "the firewall rules are set");
        }
        trouble = found;
        tellOnce(forwarding.trouble());
        listener.onCompared(found, isRepaired, forwarding);
    }

    /** Of ten thousands of rules a look takes a tenth of a second: they are not read anew each time. */
    private Forwarding lookInPace() {
        final long startNs = System.nanoTime();
        if (pace.isDue(startNs)) {
            seen = look();
            pace.took(startNs, System.nanoTime());
        }
        return seen;
    }

    /** Of a check that fails, what it saw last stands. */
    private Forwarding look() {
        final HostFirewall firewall = new HostFirewall();
        final List<String> failures = new ArrayList<>();
        Forwarding all = Forwarding.WELL;
        for (int i = 0; i < rules.checks().size(); i++) {
            try {
                lastSeen.put(i, rules.checks().get(i).look(firewall));
            } catch (final RulesException unknown) {
                LOG.log(DEBUG, "what drops packets of pods is not known: {0}", unknown.getMessage());
            } catch (final RuntimeException | Error defect) {
                // As in a comparison, whatever it is: without this thread nobody keeps the rules.
                failures.add(defect.toString());
                LOG.log(DEBUG, "the cause", defect);
            }
            all = all.and(lastSeen.getOrDefault(i, Forwarding.WELL));
        }
        final String found = String.join("; ", failures);
        if (!found.isEmpty() && !found.equals(unseen)) {
            LOG.log(
                    WARNING,
                    "whether the host''s rules drop packets of pods cannot be found out: {0}. What was seen last stands",
                    found);
        }
        unseen = found;
        return all;
    }

    private void tellOnce(final String found) {
        if (!found.isEmpty() && !found.equals(dropping)) {
            LOG.log(WARNING, "{0}", found);
        }
        dropping = found;
    }

    /** Ends the comparisons, and a tool that runs; the rules stay, as flanneld's do. */
    @Override
    public void close() {
        thread.interrupt();
        TakeDown.await(thread, END_PATIENCE_MS);
    }
}
