/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SubnetEnvTest {
    private static final Path FILE = Path.of("/run/flannel/subnet.env");
    private static final String COMPLETE =
            "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";

    @Test
    void shouldReadAllWhenComplete() throws CniException {
        assertEquals(
                new SubnetEnv(List.of("10.42.0.0/16"), List.of("10.42.3.0/24"), 1450, true),
                SubnetEnv.parse(COMPLETE, FILE));
    }

    @Test
    void shouldWriteNetworksInCanonicalForm() throws CniException {
        final String text = COMPLETE.replace("10.42.3.1/24", "FD00:0042:0:3::1/64");
        assertEquals(List.of("fd00:42:0:3::/64"), SubnetEnv.parse(text, FILE).subnets());
    }

    @Test
    void shouldDropDuplicatesWhenNetworksAreAList() throws CniException {
        final String text = COMPLETE.replace("10.42.0.0/16", "10.42.0.0/16,10.43.0.0/16,10.42.7.7/16");
        assertEquals(
                List.of("10.42.0.0/16", "10.43.0.0/16"),
                SubnetEnv.parse(text, FILE).networks());
    }

    @Test
    void shouldIgnoreLineWhenItIsUnknown() throws CniException {
        final SubnetEnv env = SubnetEnv.parse("# by hand\n\nFLANNEL_NEW=a=b\n" + COMPLETE, FILE);
        assertEquals(SubnetEnv.parse(COMPLETE, FILE), env);
    }

    @Test
    void shouldReadLastLineWhenItHasNoEnd() throws CniException {
        assertTrue(SubnetEnv.parse(COMPLETE.stripTrailing(), FILE).ipMasq());
    }

    @Test
    void shouldReadAllWhenLinesEndAsOnWindows() throws CniException {
        assertEquals(SubnetEnv.parse(COMPLETE, FILE), SubnetEnv.parse(COMPLETE.replace("\n", "\r\n"), FILE));
        assertTrue(SubnetEnv.parse(COMPLETE.stripTrailing() + "\r", FILE).ipMasq());
    }

    @Test
    void shouldNotMasqueradeWhenNotExactlyTrue() throws CniException {
        assertFalse(SubnetEnv.parse(COMPLETE.replace("=true", "=True"), FILE).ipMasq());
    }

    @ParameterizedTest
    @ValueSource(strings = {"FLANNEL_NETWORK", "FLANNEL_SUBNET", "FLANNEL_MTU", "FLANNEL_IPMASQ"})
    void shouldNameKeyWhenItIsMissing(final String key) {
        final CniException e = assertThrows(
                CniException.class, () -> SubnetEnv.parse(COMPLETE.replaceAll("(?m)^" + key + "=.*\n", ""), FILE));
        // No daemon writes such a file, so that it will not pass by itself.
        assertEquals(CniException.INVALID_CONFIGURATION, e.code());
        assertTrue(e.message().contains(FILE + " has no " + key), e.message());
    }

    @ParameterizedTest
    @CsvSource({
        "10.42.0.0/16, 10.42.0.0, FLANNEL_NETWORK=10.42.0.0",
        "10.42.0.0/16, 10.42.0.0/33, FLANNEL_NETWORK=10.42.0.0/33",
        "10.42.3.1/24, 10.42.3.256/24, FLANNEL_SUBNET=10.42.3.256/24",
        "10.42.3.1/24, '', FLANNEL_SUBNET=",
        "10.42.3.1/24, ::ffff:10.42.3.1/120, FLANNEL_SUBNET=::ffff:10.42.3.1/120",
        "10.42.3.1/24, localhost/24, FLANNEL_SUBNET=localhost/24",
        "1450, 0, FLANNEL_MTU=0",
        "1450, 67, FLANNEL_MTU=67",
        "1450, 65536, FLANNEL_MTU=65536",
        "1450, -1450, FLANNEL_MTU=-1450",
        "1450, 1450.0, FLANNEL_MTU=1450.0",
        "1450, '', FLANNEL_MTU",
        "true, '', FLANNEL_IPMASQ",
        "1450, many, FLANNEL_MTU=many",
        "1450, 99999999999, FLANNEL_MTU=99999999999",
    })
    void shouldNameKeyAndValueWhenMalformed(final String good, final String bad, final String expected) {
        final CniException e =
                assertThrows(CniException.class, () -> SubnetEnv.parse(COMPLETE.replace(good, bad), FILE));
        assertEquals(CniException.INVALID_CONFIGURATION, e.code());
        assertTrue(e.message().contains(expected), e.message());
    }
}
