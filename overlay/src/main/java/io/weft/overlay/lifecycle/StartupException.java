/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import org.jspecify.annotations.Nullable;

/** The daemon cannot start or go on. The message names the cause and the remedy, and is all that the user needs. */
public class StartupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A failure of its own.
     *
     * @param message cause and remedy.
     */
    public StartupException(final String message) {
        super(message);
    }

    /**
     * A failure with its cause.
     *
     * @param message cause and remedy.
     * @param cause kept for a stack trace; null if there is none.
     */
    public StartupException(final String message, final @Nullable Throwable cause) {
        super(message, cause);
    }
}
