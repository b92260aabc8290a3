/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.http.HttpProxy;
import java.net.URI;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The cases are those of golang.org/x/net/http/httpproxy, proxy_test.go, in other names. */
class ProxyChoiceTest {
    private static @Nullable HttpProxy choose(final String server, final Map<String, String> environment) {
        return ProxyChoice.of(URI.create(server), "", "", environment);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "https://10.0.0.1:6443      | 10.0.0.2                  | false",
                "https://10.0.0.1:6443      | 10.0.0.2,10.0.0.1         | true",
                "https://10.0.0.1:6443      | 10.0.0.0/8                | true",
                "https://10.0.0.1:6443      | 10.0.0.1:6443             | true",
                "https://10.0.0.1:6443      | 10.0.0.1:443              | false",
                "https://10.0.0.1:6443      | *                         | true",
                "https://[fd00::1]:6443     | fd00::1                   | true",
                "https://[fd00::1]:6443     | [fd00::1]:6443            | true",
                "https://[fd00::1]:6443     | fd00::/64                 | true",
                "http://[fd00::1]:6443      | fd01::/64                 | false",
                "https://api.example:6443   | example                   | true",
                "https://api.example:6443   | .example                  | true",
                "https://api.example:6443   | *.example                 | true",
                "https://example:6443       | .example                  | false",
                "https://EXAMPLE:6443       | example                   | true",
                "https://badexample:6443    | example                   | false",
                "https://127.0.0.1:6443     | x                         | true",
                "https://[::1]:6443         | x                         | true",
                "https://localhost:6443     | x                         | true",
            })
    void shouldLeaveTheProxyAwayWhereGoDoes(final String server, final String exceptions, final boolean isDirect) {
        final HttpProxy proxy = choose(
                server, Map.of("HTTPS_PROXY", "http://proxy:3128", "no_proxy", exceptions, "HTTP_PROXY", "proxy:3128"));
        assertEquals(isDirect ? null : new HttpProxy("proxy", 3128, null), proxy);
    }

    @Test
    void shouldTakeTheVariableOfTheServersScheme() {
        final Map<String, String> environment = Map.of("http_proxy", "one", "https_proxy", "http://u:p@two:1");
        assertEquals(new HttpProxy("one", 80, null), choose("http://10.0.0.1", environment));
        assertEquals(new HttpProxy("two", 1, "Basic dTpw"), choose("https://10.0.0.1", environment));
        assertEquals(
                new HttpProxy("fd00::2", 1, null),
                ProxyChoice.of(URI.create("https://10.0.0.1"), "", "http://[fd00::2]:1", environment));
    }

    @Test
    void shouldNameTheKindOfProxyThatIsNotKnown() {
        final RegistryException failure = assertThrows(
                RegistryException.class, () -> choose("https://10.0.0.1", Map.of("HTTPS_PROXY", "socks5://p:1")));
        assertTrue(
                String.valueOf(failure.getMessage()).startsWith("HTTPS_PROXY: the proxy is of the kind socks5"),
                failure::getMessage);
    }

    @Test
    void shouldRefuseAProxyThatTheHttpClientReachesNoIpv6AddressBy() {
        final URI server = URI.create("https://[fd00::1]:6443");
        final RegistryException byVariable = assertThrows(
                RegistryException.class,
                () -> choose(server.toString(), Map.of("HTTPS_PROXY", "http://proxy:3128", "NO_PROXY", "fd01::/64")));
        assertEquals(
                "HTTPS_PROXY: Java's HTTP client reaches no https server at an IPv6 address, as https://[fd00::1]:6443, by a"
                        + " proxy (proxy, port 3128): add fd00::1 to NO_PROXY, or name the server by a host name",
                byVariable.getMessage());
        final RegistryException byFile = assertThrows(
                RegistryException.class, () -> ProxyChoice.of(server, "config: proxy-url", "http://proxy", Map.of()));
        assertTrue(
                String.valueOf(byFile.getMessage())
                        .endsWith("(proxy, port 80): take the proxy away there, or name the server by a host name"),
                byFile::getMessage);
    }
}
