/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Values of a registry that are ignored because they are wrong. All are counted, once; the log hears of each once per cause, and of so
 * many at most. Used by the registry's thread alone.
 */
public final class Refusals {
    private static final System.Logger LOG = System.getLogger(Refusals.class.getName());
    private static final int NAMED_MAX = 256;
    private static final int NAME_LENGTH_MAX = 80;

    private final String what;
    private final RegistryStatus status;
    /** Another from list to list; each is written by the registry's thread, and read by any. */
    private volatile Map<String, String> faults = new ConcurrentHashMap<>();

    private Map<String, String> faultsBefore = new HashMap<>();
    /** Wrong values beyond those that are remembered by name, of this list and of the one before. */
    private int unnamed;

    private int unnamedBefore;

    /**
     * For one kind of values.
     *
     * @param what one of them is called in the log.
     * @param status counts them.
     */
    public Refusals(final String what, final RegistryStatus status) {
        this.what = what;
        this.status = status;
        status.add(this);
    }

    /** What is wrong at present, by what it is and its name; of many the first. Any thread. */
    Map<String, String> present() {
        final Map<String, String> present = new HashMap<>();
        faults.forEach((name, fault) -> present.put(what + ' ' + name, fault));
        return present;
    }

    /** All values are read anew: those that are wrong as before are not told again, and those that are gone are forgotten. */
    public void beginList() {
        faultsBefore = faults;
        faults = new ConcurrentHashMap<>();
        unnamedBefore = unnamed;
        unnamed = 0;
    }

    /** A value is wrong. */
    public void refuse(final String name, final String fault) {
        final String shown = shown(name);
        if (fault.equals(faults.get(shown))) {
            return;
        }
        final boolean isTold = fault.equals(faultsBefore.remove(shown));
        if (faults.size() < NAMED_MAX || faults.containsKey(shown)) {
            faults.put(shown, fault);
            if (!isTold) {
                status.refusal();
                LOG.log(
                        WARNING,
                        "{0} {1} is ignored: {2}{3}",
                        what,
                        shown,
                        fault,
                        LogFields.of("kind", what, "value", shown));
            }
            return;
        }
        unnamed++;
        if (!isTold && unnamed > unnamedBefore) { // which they were in the list before is not known, only how many
            status.refusal();
        }
        if (1 == unnamed) {
            LOG.log(
                    WARNING,
                    "more than {0} values like {1} {2} are ignored: no more are named{3}",
                    NAMED_MAX,
                    what,
                    shown,
                    LogFields.of("kind", what, "named", NAMED_MAX));
        }
    }

    /** A value is right, or gone. */
    public void forget(final String name) {
        faults.remove(shown(name));
        faultsBefore.remove(shown(name));
    }

    private static String shown(final String name) {
        return name.length() <= NAME_LENGTH_MAX ? name : name.substring(0, NAME_LENGTH_MAX) + "…";
    }
}
