/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** Whether a daemon works. */
public enum Liveness {
    /** Its control thread has shown a sign of life just now. */
    LIVE,
    /** It is there, and its control thread shows no sign of life. Data threads may forward all the same. */
    HUNG,
    /** A signal (SIGSTOP) or a debugger keeps it from running: nothing is forwarded by a TUN. */
    STOPPED,
    /** It is gone, and did not say goodbye: killed, or crashed. */
    DEAD,
    /** It was told to stop, and has taken everything down. */
    ENDED,
    /** It could not start, and has ended by itself. */
    FAILED,
    /** The same, in another network namespace, since a daemon that lives has the device: nothing is missing here. */
    REFUSED;

    /** The control thread shows one every second; the host's tools may keep it for a while. */
    private static final long SIGN_OF_LIFE_MS = 5_000;

    /** That of a name; empty for one that another version may have. */
    static Optional<Liveness> of(final String name) {
        return Arrays.stream(values())
                .filter(liveness -> liveness.name().equals(name))
                .findFirst();
    }

    /** For people and scripts: in small letters. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether nothing of it runs any more. */
    public boolean isGone() {
        return DEAD == this || ENDED == this || FAILED == this || REFUSED == this;
    }

    /**
     * That of a daemon whose start did not fail.
     *
     * @param hasEnded as it left on record.
     * @param ageMs since its last sign of life.
     */
    static Liveness of(final ProcessIdentity process, final boolean hasEnded, final long ageMs) {
        final Optional<Character> state = process.state();
        final boolean isGone = state.isEmpty() || "ZX".indexOf(state.get()) >= 0;
        if (hasEnded) {
            return isGone ? ENDED : LIVE; // then another node is being set up in the same process
        }
        if (isGone) {
            return state.isEmpty() && ageMs < SIGN_OF_LIFE_MS && isElsewhere(process) ? LIVE : DEAD;
        }
        if ("Tt".indexOf(state.get()) >= 0) {
            return STOPPED;
        }
        return ageMs < SIGN_OF_LIFE_MS ? LIVE : HUNG;
    }

    /** A process of another PID namespace may be one that this process cannot see. */
    private static boolean isElsewhere(final ProcessIdentity process) {
        return process.pidNamespace() != ProcessIdentity.namespace("pid");
    }
}
