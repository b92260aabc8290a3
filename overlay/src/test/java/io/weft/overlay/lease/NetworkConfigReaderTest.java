/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworkConfigReaderTest {
    private static NetworkConfig read(final String json) {
        final byte[] text = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return NetworkConfigReader.read(JsonReader.read(text, "config"), true, true);
    }

    /** The rows of flannel's own pkg/subnet/config_test.go, and of its documentation of SubnetLen. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'Network':'10.3.0.0/16'} | 10.3.1.0/24 | 10.3.255.0/24",
                "{'Network':'10.3.0.0/16','SubnetMin':'10.3.5.0','SubnetMax':'10.3.8.0','SubnetLen':28}"
                        + " | 10.3.5.0/28 | 10.3.8.0/28",
                "{'Network':'10.3.0.0/23'} | 10.3.0.128/25 | 10.3.1.128/25",
                "{'Network':'10.3.0.0/28'} | 10.3.0.4/30 | 10.3.0.12/30",
                "{'network':'10.3.7.9/16','subnetlen':22} | 10.3.4.0/22 | 10.3.252.0/22",
            })
    void shouldCutTheNetworkAsFlannel(final String json, final String first, final String last) {
        final NetworkConfig.Allocation allocation =
                Objects.requireNonNull(read(json).allocation());
        assertEquals(first, allocation.first().toString());
        assertEquals(last, allocation.last().toString());
    }

    @Test
    void shouldCutTheIpv6NetworkAsFlannel() {
        final NetworkConfig config = read("{'Network':'10.3.0.0/16','EnableIPv6':true,"
                + "'IPv6Network':'2001:cafe:42::/56','Backend':{'Type':'vxlan'}}");
        final NetworkConfig.Allocation allocation = Objects.requireNonNull(config.ipv6Allocation());
        assertEquals("2001:cafe:42:1::/64", allocation.first().toString());
        assertEquals("2001:cafe:42:ff::/64", allocation.last().toString());
    }

    @Test
    void shouldTakeFlannelsDefaultsWhenTheBackendSaysNoMore() {
        assertEquals(
                new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false),
                read("{'Network':'10.3.0.0/16','Backend':{'Type':'VXLAN'}}").backend());
        assertEquals(
                new BackendConfig(BackendType.UDP, 0, 8285, 0, false, false),
                read("{'Network':'10.3.0.0/16'}").backend());
        assertEquals(
                new BackendConfig(BackendType.UDP, 0, 8286, 0, false, false),
                read("{'Network':'10.3.0.0/16','Backend':{'Type':'udp','Port':8286}}")
                        .backend());
        assertEquals(
                new BackendConfig(BackendType.HOST_GW, 0, 0, 0, false, false),
                read("{'Network':'10.3.0.0/16','Backend':{'Type':'Host-GW'}}").backend());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | has no \"Network\"",
                "{'Network':'10.3.0.0'} | Network must be a network",
                "{'Network':'0.0.0.0/0'} | Network is 0.0.0.0/0, must be a network of pods' own",
                "{'Network':'fd00::/48'} | must be an IPv4 network",
                "{'Network':'10.3.0.0/29'} | too small for subnets: use /28 or shorter",
                "{'Network':'10.3.0.0/16','SubnetLen':17} | SubnetLen is 17, must be from 18 to 30",
                "{'Network':'10.3.0.0/16','SubnetLen':31} | SubnetLen is 31, must be from 18 to 30",
                "{'Network':'10.3.0.0/16','SubnetMin':'10.4.0.0'} | SubnetMin is 10.4.0.0, must lie in the network",
                "{'Network':'10.3.0.0/16','SubnetMax':'10.3.0.1'} | SubnetMax must be the first address of a subnet",
                "{'Network':'10.3.0.0/16','SubnetMin':'10.3.9.0','SubnetMax':'10.3.8.0'} | SubnetMin 10.3.9.0 above SubnetMax",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'wireguard'}} | Backend.Type is \"wireguard\", weft has",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'extension'}} | weft has the backends vxlan, udp, host-gw",
                "{'Network':'10.3.0.0/16','EnableIPv6':true,'IPv6Network':'fd00::/48'} | the backend udp, which carries",
                "{'Network':'10.3.0.0/16','Backend':{}} | Backend has no \"Type\"",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'vxlan','VNI':16777216}} | VNI is 16777216, must be a whole",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'vxlan','Port':-1}} | Port is -1, must be a whole number from 0",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'vxlan','GBP':true}} | group policy bits are not supported",
                "{'Network':'10.3.0.0/16','Backend':{'Type':'vxlan','Vnid':1}} | Backend.Vnid is an unknown key",
                "{'Network':'10.3.0.0/16','EnableIPv4':false} | one must be true",
                "{'Network':'10.3.0.0/16','EnableIPv6':true} | has no \"IPv6Network\"",
                "{'Network':'10.3.0.0/16' | config:1:",
            })
    void shouldNameKeyAndRangeWhenWrong(final String json, final String cause) {
        final JsonException failure = assertThrows(JsonException.class, () -> read(json));
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
    }
}
