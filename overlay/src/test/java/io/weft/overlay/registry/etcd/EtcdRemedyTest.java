/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers as etcd 3.4 has given them. */
class EtcdRemedyTest {
    @ParameterizedTest
    @CsvSource({
        "'{\"error\":\"CommonName of client sending a request against gateway will be ignored and not used as expected\",\"code\":3}',"
                + " --etcd-username",
        "'{\"error\":\"write tcp 192.0.2.1:51916->192.0.2.1:2379: write: broken pipe\",\"code\":14}', clientAuth",
        "'{\"error\":\"connection closed\",\"code\":14}', clientAuth",
        "'{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}', etcdctl alarm disarm",
        "404 page not found, enable-grpc-gateway: true"
    })
    void shouldNameTheRemedy(final String answer, final String remedy) {
        assertTrue(EtcdRemedy.of(answer).contains(remedy), () -> EtcdRemedy.of(answer));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{\"error\":\"etcdserver: permission denied\",\"code\":7}"})
    void shouldSayNothingOfOthers(final String answer) {
        assertEquals("", EtcdRemedy.of(answer));
    }
}
