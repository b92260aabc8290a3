/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import org.jspecify.annotations.Nullable;

/** The daemon whose place this one was about to take has ended by itself: this one starts as if none had run. */
public final class PlaceFreeException extends StartupException {
    private static final long serialVersionUID = 1L;

    /**
     * The other is gone.
     *
     * @param message who.
     * @param cause by which that was seen; null if no call failed.
     */
    public PlaceFreeException(final String message, final @Nullable Throwable cause) {
        super(message, cause);
    }
}
