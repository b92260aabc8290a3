/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.io.IOException;

/** Answers questions whose answer goes on until who asks has enough. */
public interface StreamAnswerer {
    /** Has no such answers. */
    StreamAnswerer NONE = new StreamAnswerer() {
        @Override
        public boolean takes(final String question) {
            return false;
        }

        @Override
        public void answer(final String question, final AnswerStream stream) {
            throw new IllegalArgumentException(question);
        }
    };

    /** Whether a question is of this kind. Called on the socket's thread, which must not be made to wait. */
    boolean takes(String question);

    /**
     * Answers, on a thread of its own, until the stream {@linkplain AnswerStream#isEnded is ended} or there is no more to say.
     *
     * @throws IllegalArgumentException whose message is the answer, before {@link AnswerStream#begin}.
     * @throws IOException if who asked is gone.
     */
    void answer(String question, AnswerStream stream) throws IOException;
}
