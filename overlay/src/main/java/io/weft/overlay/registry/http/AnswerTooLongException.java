/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import java.io.IOException;

/** An answer, or a line of a stream, is longer than it may be; the rest of it was not read. */
public final class AnswerTooLongException extends IOException {
    private static final long serialVersionUID = 1L;

    AnswerTooLongException(final int lengthMax) {
        super("the answer is longer than " + lengthMax + " bytes");
    }
}
