/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

/** This process may not know which tables there are. */
final class UnreadableTablesException extends RulesException {
    private static final long serialVersionUID = 1L;

    UnreadableTablesException(final String message) {
        super(message);
    }
}
