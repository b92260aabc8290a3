/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LeaseAttributesTest {
    /** Lease values that flannel itself wrote: its documentation, and issues of its users. */
    private static final String VXLAN = "{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"c6:d2:32:6f:8f:44\"}}";

    private static final String DUAL_STACK =
            "{\"PublicIP\":\"192.168.64.3\",\"PublicIPv6\":\"fd00::3\",\"BackendType\":\"vxlan\","
                    + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"c6:d2:32:6f:8f:44\"},"
                    + "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:06\"}}";
    private static final String UDP = "{\"PublicIP\":\"1.2.3.4\",\"PublicIPv6\":null}";
    private static final String IPV6_ALONE =
            "{\"PublicIP\":\"0.0.0.0\",\"PublicIPv6\":\"2001:db8::1\",\"BackendType\":\"vxlan\","
                    + "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:06\"}}";

    private static LeaseAttributes read(final String json) {
        return LeaseAttributes.read(JsonReader.read(json.getBytes(StandardCharsets.UTF_8), "lease"), true);
    }

    @ParameterizedTest
    @ValueSource(strings = {VXLAN, DUAL_STACK, UDP, IPV6_ALONE})
    void shouldWriteTheSameBytesWhenReadFromFlannel(final String json) {
        assertEquals(json, read(json).json());
    }

    @Test
    void shouldHaveNoPublicIpWhenFlannelWritesTheUnspecifiedAddress() {
        assertNull(read(IPV6_ALONE).publicIp());
    }

    /** As Go's decoder, with which flannel reads it. */
    @Test
    void shouldTakeTheLastValueWhenAKeyComesTwice() {
        assertEquals(
                "/10.0.0.2",
                String.valueOf(read("{\"PublicIP\":\"10.0.0.1\",\"PublicIP\":\"10.0.0.2\"}")
                        .publicIp()));
    }

    @Test
    void shouldAcceptLeaseWithoutVniWhenWrittenByAnOldFlannel() {
        final LeaseAttributes attributes = read("{\"PublicIP\":\"10.0.0.1\",\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VtepMAC\":\"C6-D2-32-6F-8F-44\"}}");
        assertEquals("VtepData[vni=0, mac=c6:d2:32:6f:8f:44]", String.valueOf(attributes.vtep()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan'} | has no \"BackendData\"",
                "{'BackendType':'vxlan','BackendData':{'VtepMAC':'02:00:00:00:00:01'}} | has no \"PublicIP\", and no \"PublicIPv6\"",
                "{'PublicIP':'0.0.0.0','BackendType':'vxlan'} | has no \"PublicIPv6\", and as its \"PublicIP\" 0.0.0.0",
                "{'PublicIP':'10.0.0.256'} | 1:13: PublicIP must be an IPv4 address: ",
                "{'PublicIP':'node1'} | PublicIP must be an IPv4 address: ",
                "{'PublicIP':7} | PublicIP must be a string, is 7",
                "{'PublicIP':'10.0.0.1','Colour':'red'} | Colour is an unknown key, known here: BackendData,",
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan','BackendData':{'VtepMAC':'02:00:00:00:00'}} | is not a MAC address",
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan','BackendData':{'VtepMAC':'01:00:5e:00:00:01'}} | unicast",
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan','BackendData':{'VtepMAC':'00:00:00:00:00:00'}} | unicast",
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan','BackendData':{}} | BackendData has no \"VtepMAC\"",
                "{'PublicIP':'10.0.0.1','BackendType':'vxlan','BackendData':'x'} | BackendData must be an object, is",
                "[] | must be an object, is an array",
            })
    void shouldNameTheCauseWhenALeaseIsWrong(final String json, final String cause) {
        final String quoted = json.replace('\'', '"');
        final JsonException failure = assertThrows(JsonException.class, () -> read(quoted));
        assertTrue(String.valueOf(failure.getMessage()).contains(cause), failure::getMessage);
    }
}
