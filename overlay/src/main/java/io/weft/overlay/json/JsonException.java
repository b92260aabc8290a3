/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

/** A JSON text that is broken, or whose value is not what its reader needs. The message starts with source:line:column. */
public class JsonException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int line;
    private final int column;

    JsonException(final String source, final int line, final int column, final String cause) {
        super(source + ":" + line + ":" + column + ": " + cause);
        this.line = line;
        this.column = column;
    }

    /** Line of the fault, from 1. */
    public int line() {
        return line;
    }

    /** Column of the fault, from 1. */
    public int column() {
        return column;
    }
}
