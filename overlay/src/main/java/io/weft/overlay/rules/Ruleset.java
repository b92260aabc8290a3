/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

/** Firewall rules of one kind on this host. They stay when the daemon ends, as flanneld's do. Control thread alone. */
public interface Ruleset {
    /**
     * Puts the rules there, if any of them is missing.
     *
     * @return true when something was missing.
     * @throws RulesException when the tool refuses.
     */
    boolean repair();

    /** Takes the rules away, where there are any: those of the kind that is not used any more. */
    void remove();
}
