/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

/** A text has more values than the heap has room for. */
public final class JsonTooLargeException extends JsonException {
    private static final long serialVersionUID = 1L;

    JsonTooLargeException(final String source, final int line, final int column, final String cause) {
        super(source, line, column, cause);
    }
}
