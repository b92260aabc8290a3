/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

/** The registry has answered: this node has no lease at present, so that another may have what it had before. */
public final class NoLeaseException extends UnavailableException {
    private static final long serialVersionUID = 1L;

    /**
     * What the registry has said.
     *
     * @param message what is missing, and what to do if it does not come.
     */
    public NoLeaseException(final String message) {
        super(message);
    }
}
