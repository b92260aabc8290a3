/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** What comes by the control socket and by HTTP is answered, or is not all yet. */
class QuestionFuzzTest {
    @FuzzTest(maxDuration = "10m")
    void shouldAnswer(final byte[] received) {
        requireAnswer(ControlSocket.answer(ByteBuffer.wrap(received), true, CompletableFuture::completedFuture));
        ControlSocket.answer(ByteBuffer.wrap(received), false, CompletableFuture::completedFuture);
        final HttpServer.Handler handler = HealthServer.handler(() -> "", () -> "", () -> "metrics");
        final String answer = requireAnswer(HttpServer.answer(ByteBuffer.wrap(received), true, handler));
        if (!answer.startsWith("HTTP/1.1 ")) {
            throw new AssertionError(answer);
        }
        HttpServer.answer(ByteBuffer.wrap(received), false, handler);
    }

    private static String requireAnswer(final @Nullable CompletionStage<ByteBuffer> answer) {
        if (null == answer) {
            throw new AssertionError("no answer to all that comes");
        }
        return StandardCharsets.UTF_8
                .decode(answer.toCompletableFuture().join())
                .toString();
    }
}
