/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.registry.RegistryException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EtcdEndpointsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "http://10.0.0.1:2379 | [http://10.0.0.1:2379]",
                "http://10.0.0.1:2379/ | [http://10.0.0.1:2379]",
                "http://10.0.0.1:2379, https://e2:2379//, | [http://10.0.0.1:2379, https://e2:2379]",
                "HTTP://[fd00::1]:2379 | [http://[fd00::1]:2379]",
                "10.0.0.1:2379 | [http://10.0.0.1:2379]",
                "http://proxy/etcd/ | [http://proxy/etcd]",
                "http://e1:2379/a@b | [http://e1:2379/a@b]",
                "http://e1:2379/a@b,http://e2:2379 | [http://e1:2379/a@b, http://e2:2379]",
            })
    void shouldTakeUrlsAsOperatorsWriteThem(final String text, final String endpoints) {
        assertEquals(endpoints, EtcdEndpoints.parse(text, false).toString());
    }

    @ParameterizedTest
    @CsvSource({"etcd.example:2379,https://etcd.example:2379", "http://etcd.example:2379,http://etcd.example:2379"})
    void shouldTakeHttpsForWhatHasNoSchemeWhenThereAreTlsFiles(final String text, final String endpoint) {
        assertEquals(endpoint, EtcdEndpoints.parse(text, true).get(0).toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | must be one or more URLs",
                ", | must be one or more URLs",
                "unix:///run/etcd.sock | has the scheme \"unix\", must be http or https",
                "ftp://e1:21 | has the scheme \"ftp\"",
                "http:// | is no URL such as http://127.0.0.1:2379",
                "http://:2379 | has no host",
                "fd00::1:2379 | has no host; an IPv6 address needs brackets",
                "http://e1:99999 | has port 99999, must be up to 65535",
                "http://e1:port | has no host",
                "http://net_etcd_1:2379 | has a name with an underscore",
                "http://e 1:2379 | is no URL",
                "http://root:pw@e1:2379 | has a user, or is no URL such as http://127.0.0.1:2379; name a user by --etcd",
                "http://root:pw@e1:2379,http://e2:2379/a@b | \"http://b\" has a user",
                "http://root:99999,w@e1:2379 | \"http://e1:2379\" has a user",
                "http://root:pw@e1:2379 | \"http://e1:2379\" has a user",
                "http://root:p/w@e1:2379 | \"http://e1:2379\" has",
                "http://root:p w@e1:2379 | \"http://e1:2379\" has a user",
                "http://root:p,w@e1:2379 | \"http://e1:2379\" has a user",
                "http://root:p,w/x@e1:2379,http://e2:2379 | \"http://e1:2379,http://e2:2379\" has a user",
                "root:pw@e1:99999 | \"e1:99999\" has a user",
                "http://e1:2379?x=1 | has a query",
                "http://e1:2379,nonsense://x | \"nonsense://x\"",
            })
    void shouldNameWhatIsWrongWithAUrl(final String text, final String cause) {
        final RegistryException failure = assertThrows(RegistryException.class, () -> EtcdEndpoints.parse(text, false));
        final String message = String.valueOf(failure.getMessage());
        assertTrue(message.startsWith("--etcd-endpoints") && message.contains(cause), failure::getMessage);
        assertFalse(message.contains("root"), failure::getMessage);
        assertNull(failure.getCause(), "its message has all of the URL");
    }

    /** Go's path.Join, by which flannel makes its keys. */
    @ParameterizedTest
    @CsvSource({
        "/coreos.com/network,/coreos.com/network/config",
        "/coreos.com/network/,/coreos.com/network/config",
        "//coreos.com///network//,/coreos.com/network/config",
        "/coreos.com/./x/../network,/coreos.com/network/config",
        "coreos.com/network,coreos.com/network/config",
        "/,/config",
        "'',config",
        "/../x,/x/config",
        "../x,../x/config",
    })
    void shouldMakeKeysAsFlannelDoes(final String prefix, final String key) {
        assertEquals(key, EtcdEndpoints.key(prefix, "config"));
    }
}
