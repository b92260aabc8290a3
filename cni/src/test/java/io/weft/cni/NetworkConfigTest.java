/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The delegate's configuration is what flannel's plugin makes of the same input. */
class NetworkConfigTest {
    private static final Path FILE = Path.of("/run/flannel/subnet.env");
    private static final String SINGLE_STACK =
            "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
    private static final String DUAL_STACK =
            SINGLE_STACK + "FLANNEL_IPV6_NETWORK=2001:cafe:42::/56\nFLANNEL_IPV6_SUBNET=2001:cafe:42:0:8::1/80\n";

    @Test
    void shouldMakeFlannelsDelegateWhenConflistIsFlannels() throws CniException {
        // Flannel's own state file for this input, byte for byte.
        assertEquals(
                "{\"cniVersion\":\"0.3.1\",\"hairpinMode\":true,\"ipMasq\":false,\"ipam\":{\"ranges\":[[{\"subnet\":"
                        + "\"10.244.1.0/24\"}]],\"routes\":[{\"dst\":\"10.244.0.0/16\"}],\"type\":\"host-local\"},"
                        + "\"isDefaultGateway\":true,\"isGateway\":true,\"mtu\":1450,\"name\":\"cbr0\","
                        + "\"type\":\"bridge\"}",
                delegate(
                        "{\"name\":\"cbr0\",\"cniVersion\":\"0.3.1\",\"type\":\"weft-cni\","
                                + "\"delegate\":{\"hairpinMode\":true,\"isDefaultGateway\":true}}",
                        SINGLE_STACK));
    }

    @Test
    void shouldGiveOneRangePerFamilyWhenDualStack() throws CniException {
        assertEquals(
                "{\"cniVersion\":\"1.0.0\",\"ipMasq\":false,\"ipam\":{\"ranges\":[[{\"subnet\":\"10.244.1.0/24\"}],"
                        + "[{\"subnet\":\"2001:cafe:42:0:8::/80\"}]],\"routes\":[{\"dst\":\"10.244.0.0/16\"},"
                        + "{\"dst\":\"2001:cafe:42::/56\"}],\"type\":\"host-local\"},\"isGateway\":true,"
                        + "\"mtu\":1450,\"name\":\"n\",\"type\":\"bridge\"}",
                delegate("{\"name\":\"n\",\"cniVersion\":\"1.0.0\"}", DUAL_STACK));
    }

    @Test
    void shouldKeepWhatIsGivenWhenDelegateSaysSo() throws CniException {
        assertEquals(
                "{\"args\":{\"cni\":{\"ips\":[\"10.244.1.9\"]}},\"bridge\":\"br9\",\"cniVersion\":\"1.0.0\","
                        + "\"dns\":{\"nameservers\":[\"10.96.0.10\"]},\"ipMasq\":true,"
                        + "\"ipam\":{\"dataDir\":\"/d\",\"ranges\":[[{\"subnet\":\"10.244.1.0/24\"}]],"
                        + "\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.244.0.0/16\"}],\"type\":\"host-local\"},"
                        + "\"isGateway\":false,\"mtu\":1280,\"name\":\"n\","
                        + "\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"},\"type\":\"bridge\"}",
                delegate(
                        "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"dns\":{\"nameservers\":[\"10.96.0.10\"]},"
                                + "\"args\":{\"cni\":{\"ips\":[\"10.244.1.9\"]}},"
                                + "\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"},"
                                + "\"ipam\":{\"dataDir\":\"/d\",\"ranges\":[],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},"
                                + "\"delegate\":{\"bridge\":\"br9\",\"ipMasq\":true,\"isGateway\":false,\"mtu\":1280}}",
                        SINGLE_STACK));
    }

    @Test
    void shouldMasqueradeByBridgeWhenDaemonDoesNot() throws CniException {
        final String delegate = delegate(
                "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"delegate\":{\"type\":\"ptp\"}}",
                SINGLE_STACK.replace("IPMASQ=true", "IPMASQ=false"));
        assertEquals(
                "{\"cniVersion\":\"1.0.0\",\"ipMasq\":true,\"ipam\":{\"ranges\":[[{\"subnet\":\"10.244.1.0/24\"}]],"
                        + "\"routes\":[{\"dst\":\"10.244.0.0/16\"}],\"type\":\"host-local\"},\"mtu\":1450,"
                        + "\"name\":\"n\",\"type\":\"ptp\"}",
                delegate);
    }

    private static String delegate(final String config, final String subnetEnv) throws CniException {
        final NetworkConfig parsed = NetworkConfig.parse(config.getBytes(StandardCharsets.UTF_8), Command.ADD);
        return new String(Json.write(parsed.delegate(SubnetEnv.parse(subnetEnv, FILE))), StandardCharsets.UTF_8);
    }
}
