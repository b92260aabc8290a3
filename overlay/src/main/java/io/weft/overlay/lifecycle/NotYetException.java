/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

/**
 * The daemon cannot start at present, and what is missing comes by itself, as a default route does at boot: it is waited for.
 * What an operator has to put right is a {@link StartupException} and nothing more.
 */
public final class NotYetException extends StartupException {
    private static final long serialVersionUID = 1L;

    /**
     * Something that is missing.
     *
     * @param message what is missing, and what to do if it does not come.
     */
    public NotYetException(final String message) {
        super(message);
    }
}
