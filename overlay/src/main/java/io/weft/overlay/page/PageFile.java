/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Map;
import java.util.Objects;

/**
 * The page itself, one file, and what browsers are told of it.
 *
 * @param html its text.
 * @param headers of the answer that has it.
 */
record PageFile(String html, Map<String, String> headers) {
    private static final String NAME = "status.html";

    static PageFile load() {
        try (InputStream stream = Objects.requireNonNull(PageFile.class.getResourceAsStream(NAME), NAME)) {
            final String html = new String(stream.readAllBytes(), UTF_8);
            return new PageFile(
                    html,
                    Map.of(
                            "Content-Security-Policy",
                            policy(html),
                            "Cache-Control",
                            "no-store",
                            "Cross-Origin-Resource-Policy",
                            "same-origin",
                            "Referrer-Policy",
                            "no-referrer",
                            "X-Content-Type-Options",
                            "nosniff"));
        } catch (final IOException failure) {
            throw new UncheckedIOException("read " + NAME, failure);
        }
    }

    /**
     * The style and the script that stand in the page, told by their hashes, and questions to where it comes from: nothing else is
     * loaded or run, whatever the answers should hold (https://www.w3.org/TR/CSP3/).
     */
    private static String policy(final String html) {
        return "default-src 'none'; style-src '" + hash(html, "style") + "'; script-src '" + hash(html, "script")
                + "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    }

    private static String hash(final String html, final String element) {
        final String begin = '<' + element + '>';
        final String content = html.substring(html.indexOf(begin) + begin.length(), html.indexOf("</" + element + '>'));
        try {
            return "sha256-"
                    + Base64.getEncoder()
                            .encodeToString(MessageDigest.getInstance("SHA-256").digest(content.getBytes(UTF_8)));
        } catch (final NoSuchAlgorithmException each) {
            throw new IllegalStateException("each Java has SHA-256", each);
        }
    }
}
