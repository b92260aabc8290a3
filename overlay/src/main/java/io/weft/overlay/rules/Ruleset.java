/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

/** Firewall rules of one kind on this host. They stay when the daemon ends, as flanneld's do. The keeper's thread alone. */
interface Ruleset {
    /**
     * Puts the rules there, if any of them is missing, and takes away those that belong elsewhere.
     *
     * @return true when something was changed.
     * @throws RulesException when the tool refuses.
     */
    boolean repair();
}
