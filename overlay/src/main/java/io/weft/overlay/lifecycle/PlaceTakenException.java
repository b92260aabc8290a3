/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

/** Another daemon has this one's place, by a handover: what is wanted when a supervisor starts again what has handed over. */
public final class PlaceTakenException extends StartupException {
    private static final long serialVersionUID = 1L;

    /** @param message cause and remedy. */
    public PlaceTakenException(final String message) {
        super(message);
    }
}
