/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import io.weft.overlay.registry.UnavailableException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Asks a server, in a process of its own, once for each line that it reads, and prints what came of it. */
final class ThreadLimitMain {
    private ThreadLimitMain() {}

    public static void main(final String[] arguments) throws IOException, InterruptedException {
        final HttpRequest request =
                HttpRequest.newBuilder(URI.create(arguments[0])).build();
        final RegistryHttp http = new RegistryHttp(null, Duration.ofSeconds(60));
        final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println("begun");
        while (null != lines.readLine()) {
            try {
                System.out.println("answered " + http.call(request).statusCode());
            } catch (final IOException failure) {
                System.out.println(
                        UnavailableException.unreachable("it", failure).getMessage());
            }
        }
    }
}
