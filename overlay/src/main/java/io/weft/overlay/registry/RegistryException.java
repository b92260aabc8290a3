/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

/** A registry, or what it holds for this node, is not usable. The message names the cause and the remedy. */
public final class RegistryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * A failure of its own.
     *
     * @param message cause and remedy.
     */
    public RegistryException(final String message) {
        super(message);
    }

    /**
     * A failure with its cause.
     *
     * @param message cause and remedy.
     * @param cause kept for a stack trace.
     */
    public RegistryException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
