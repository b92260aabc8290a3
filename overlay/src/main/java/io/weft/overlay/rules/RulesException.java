/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

/** The firewall tool is missing or refused. The message has its own words and the remedy. */
public class RulesException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RulesException(final String message) {
        super(message);
    }
}
