/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.ThreadingMode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What weftd makes of its command line and its environment, without starting anything. */
class WeftdCommandLineTest {
    private final Map<String, String> environment = new HashMap<>();
    private final StringWriter errors = new StringWriter();
    private final StringWriter output = new StringWriter();
    private final Checked command = new Checked();

    /** weftd, up to the point where it would begin. */
    @Command(name = "weftd", mixinStandardHelpOptions = true, versionProvider = Version.class)
    static final class Checked implements Callable<Integer> {
        @Mixin
        private final FlanneldOptions flanneld = new FlanneldOptions();

        @Mixin
        private final WeftOptions weft = new WeftOptions();

        @Spec
        private CommandSpec spec = CommandSpec.create();

        @Override
        public Integer call() {
            new WeftdOptions(flanneld, weft).validate();
            return 0;
        }
    }

    @Test
    void shouldTellVersionCommitAndJavaWhenAskedForTheVersion() {
        assertEquals(0, execute("--version"));
        assertTrue(
                output.toString()
                        .matches("weft [0-9]+\\.[0-9]+\\.[0-9]+\\S* \\(([0-9a-f]{7,}(-dirty)?|unknown)\\)\\RJava "
                                + Pattern.quote(Runtime.version().toString()) + " \\(.+\\)\\R"),
                output::toString);
    }

    /** As Go's flag package reads a boolean flag, by its last value. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-version=false",
                "--version=false",
                "-version=0",
                "-version=f",
                "-version=F",
                "-version=FALSE",
                "-version=False",
                "-version -version=false"
            })
    void shouldNotTellTheVersionWhenTheFlagIsFalse(final String arguments) {
        assertTakes(arguments.split(" ", -1));
        assertEquals("", output.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-version", "-version=1", "-version=T", "-version=True", "-version=false -version"})
    void shouldTellTheVersionWhenTheFlagIsTrue(final String arguments) {
        assertTakes(arguments.split(" ", -1));
        assertTrue(output.toString().startsWith("weft "), output::toString);
    }

    @Test
    void shouldRefuseAValueThatIsNoneOfABooleanFlag() {
        assertRefuses(2, "--version=no: must be true or false", "-version=no");
    }

    private int execute(final String... arguments) {
        final WeftdCommandLine line = WeftdCommandLine.of(command, environment);
        command.spec.commandLine().setErr(new PrintWriter(errors, true));
        command.spec.commandLine().setOut(new PrintWriter(output, true));
        return line.execute(arguments);
    }

    private void assertTakes(final String... arguments) {
        assertEquals(0, execute(arguments), errors::toString);
        assertEquals("", errors.toString());
    }

    private void assertRefuses(final int exitCode, final String message, final String... arguments) {
        assertEquals(exitCode, execute(arguments), errors::toString);
        assertTrue(errors.toString().startsWith("weftd: " + message), errors::toString);
        assertEquals(1, errors.toString().lines().count(), errors::toString);
    }

    /** Each flag with a value that it does not take: exit code, the value, and what is allowed. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1 | --iface=127.0.0.1 | must be an address by which other nodes reach this one, not one of loopback",
                "1 | --iface=127.8.8.8 | must be an address by which other nodes reach this one, not one of loopback",
                "1 | --iface=::1 | must be an address by which other nodes reach this one, not one of loopback",
                "1 | --iface=0.0.0.0 | must be an address by which other nodes reach this one",
                "1 | --iface=fe80::1 | must be an address by which other nodes reach this one",
                "1 | --iface-regex=eth( | must be a regular expression, Unclosed group at character",
                "1 | --iface-regex=[ | must be a regular expression",
                "1 | --iface-can-reach=example.com | must be an IPv4 or IPv6 address",
                "1 | --iface-can-reach=10.0.0.0/8 | must be an IPv4 or IPv6 address",
                "1 | --iface-can-reach=127.0.0.1 | must be an address by which other nodes reach this one",
                "1 | --public-ip=1.2.3 | must be an IPv4 address",
                "1 | --ingress-allow=192.0.2.0/33 | must be a prefix such as 192.0.2.0/24 or an address",
                "1 | --ingress-allow=nat.example | must be a prefix such as 192.0.2.0/24 or an address",
                "1 | --ingress-allow=192.0.2.1/24 | must be a prefix such as 192.0.2.0/24 or an address",
                "2 | --ingress-sources=some | must be KNOWN or STRICT or ANY",
                "1 | --public-ip=1.2.3.4/24 | must be an IPv4 address",
                "1 | --public-ip=256.1.1.1 | must be an IPv4 address",
                "1 | --public-ip=fd00::1 | must be an IPv4 address",
                "1 | --public-ip=127.0.0.1 | must be an address by which other nodes reach this one",
                "1 | --public-ip=0.0.0.0 | must be an address by which other nodes reach this one",
                "1 | --public-ip=224.0.0.1 | must be an address by which other nodes reach this one",
                "1 | --public-ip=255.255.255.255 | must be an address by which other nodes reach this one",
                "1 | --public-ipv6=10.0.0.1 | must be an IPv6 address",
                "1 | --public-ipv6=::1 | must be an address by which other nodes reach this one",
                "1 | --public-ipv6=:: | must be an address by which other nodes reach this one",
                "1 | --public-ipv6=fe80::1 | must be an address by which other nodes reach this one",
                "1 | --public-ipv6=fd00::1%eth0 | must be an IPv6 address",
                "1 | --kube-api-url=nonsense | must be a URL such as https://10.0.0.1:6443",
                "1 | --kube-api-url=10.0.0.1:6443/api | must be a URL such as https://10.0.0.1:6443",
                "1 | --kube-api-url=http://[ | must be a URL such as https://10.0.0.1:6443",
                "1 | --kube-api-url=ftp://10.0.0.1 | must be a URL such as https://10.0.0.1:6443",
                "1 | --subnet-file= | must be the path of a file",
                "1 | --subnet-file=/ | must be the path of a file",
                "1 | --net-config-path= | must be the path of a file",
                "1 | --subnet-lease-renew-margin=0 | must be from 1 to 1439",
                "1 | --subnet-lease-renew-margin=1440 | must be from 1 to 1439",
                "2 | --subnet-lease-renew-margin=1h | must be a whole number from 1 to 1439",
                "2 | --ip-masq=yes | must be true or false",
                "2 | --ip-masq= | must be true or false",
                "2 | --ip-masq-fully-random-disable=2 | must be true or false",
                "2 | --kube-subnet-mgr=on | must be true or false",
                "2 | --iptables-forward-rules=no | must be true or false",
                "2 | --ip-blackhole-route=tRUE | must be true or false",
                "2 | --set-node-network-unavailable=enabled | must be true or false",
                "1 | --status-page=0 | must be a port from 1 to 65535, or an address before it",
                "1 | --status-page=127.0.0.1:65536 | must be a port from 1 to 65535, or an address before it",
                "1 | --status-page=127.0.0.1 | must be a port from 1 to 65535, or an address before it",
                "1 | --status-page=localhost:8090 | must be a port from 1 to 65535, or an address before it",
                "1 | --status-page=::1:8090 | must be a port from 1 to 65535, or an address before it",
                "1 | --status-page=256.0.0.1:8090 | must be a port from 1 to 65535, or an address before it",
                "1 | --healthz-port=-1 | must be from 0 to 65535",
                "1 | --healthz-port=65536 | must be from 0 to 65535",
                "2 | --healthz-port=http | must be a whole number from 0 to 65535",
                "2 | --healthz-port= | must be a whole number from 0 to 65535",
                "2 | --healthz-port=99999999999 | must be a whole number from 0 to 65535",
                "1 | --iptables-resync=0 | must be from 1 to 86400",
                "1 | --iptables-resync=-5 | must be from 1 to 86400",
                "2 | --iptables-resync=5s | must be a whole number from 1 to 86400",
                "2 | --v=debug | must be a whole number from 0",
                "1 | --v=-1 | must be from 0",
                "1 | --registry=consul | must be file:PATH, etcd or kube",
                "1 | --registry=file: | must be file:PATH, etcd or kube",
                "1 | --device-name=seventeen-letters | must be a name of 1 to 15 characters",
                "1 | --device-name=ääääääää | must be a name of 1 to 15 characters",
                "1 | --device-name=a/b | must be a name of 1 to 15 characters without space, slash",
                "1 | --device-name=.. | must be a name of 1 to 15 characters",
                "1 | --device-name=weft%d | must be a name of 1 to 15 characters without",
                "1 | --device-name=all | must be a name of 1 to 15 characters",
                "1 | --workers=65 | must be from 1 to 64",
                "1 | --workers=0 | must be from 1 to 64",
                "2 | --workers= | must be a whole number from 1 to 64",
                "1 | --workers=-1 | must be from 1 to 64",
                "2 | --workers=two | must be a whole number from 1 to 64",
                "2 | --workers=1.5 | must be a whole number from 1 to 64",
                "1 | --spin=-1 | must be from 0 to 1000000",
                "1 | --spin=1000001 | must be from 0 to 1000000",
                "2 | --spin=120us | must be a whole number from 0 to 1000000",
                "1 | --real-time-priority=-1 | must be from 0 to 99",
                "1 | --real-time-priority=100 | must be from 0 to 99",
                "2 | --busy-poll=maybe | must be true or false",
                "2 | --threading-mode=FAST | must be SHARED or SHARED_NETWORK or DEDICATED",
                "1 | --threading-mode=INVOKER | must be SHARED, SHARED_NETWORK or DEDICATED",
                "2 | --tunnel-offload=maybe | must be AUTO or OFF",
                "2 | --underlay-port=tcp | must be AUTO or UDP or PACKET",
                "2 | --underlay-port= | must be AUTO or UDP or PACKET",
                "2 | --pod-port=veth | must be AUTO or TUN or PACKET",
                "1 | --counters-file=/ | must be the path of a file",
                "1 | --run-dir= | must be a directory",
            })
    void shouldNameFlagValueAndRangeWhenAValueHasNoMeaning(
            final int exitCode, final String argument, final String allowed) {
        assertRefuses(exitCode, argument + ": " + allowed, argument);
    }

    /** The API server would refuse each write with them, and by that time the node is set up. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Flannel.example.com",
                "a_b.example.com",
                ".example.com",
                "example.com/a/b",
                "example.com/-a",
                "/a",
                "example.com/a b",
                "example.com/a2345678901234567890123456789012345678901x"
            })
    void shouldRefuseAPrefixThatNoAnnotationMayHave(final String prefix) {
        assertRefuses(
                1,
                "--kube-annotation-prefix=" + prefix + ": must be a DNS name in small letters",
                "--kube-subnet-mgr",
                "--kube-annotation-prefix=" + prefix);
    }

    @Test
    void shouldTakeAnyPrefixWhereThereAreNoAnnotations() {
        assertTakes("--kube-annotation-prefix=");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "flannel.alpha.coreos.com",
                "example.com/",
                "example.com/a",
                "example.com/A_b.c-",
                "example.com/a2345678901234567890123456789012345678901"
            })
    void shouldTakeAPrefixThatAnnotationsMayHave(final String prefix) {
        assertTakes("--kube-subnet-mgr", "--kube-annotation-prefix=" + prefix);
    }

    @Test
    void shouldNotTellAPasswordInAUrl() {
        assertRefuses(
                1,
                "--kube-api-url=https://10.0.0.1: must be a URL such as https://10.0.0.1:6443, without a user",
                "--kube-api-url=https://root:pw@10.0.0.1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "2 | FLANNELD_HEALTHZ_PORT | http | --healthz-port=http: must be a whole number from 0 to 65535",
                "1 | FLANNELD_HEALTHZ_PORT | 70000 | --healthz-port=70000: must be from 0 to 65535",
                "2 | FLANNELD_IP_MASQ | yes | --ip-masq=yes: must be true or false",
                "1 | FLANNELD_IFACE | 127.0.0.1 | --iface=127.0.0.1: must be an address by which",
                "1 | FLANNELD_PUBLIC_IP | here | --public-ip=here: must be an IPv4 address",
                "1 | FLANNELD_IFACE_REGEX | ( | --iface-regex=(: must be a regular expression",
                "1 | WEFTD_WORKERS | 65 | --workers=65: must be from 1 to 64",
                "2 | WEFTD_TUNNEL_OFFLOAD | perhaps | --tunnel-offload=perhaps: must be AUTO or OFF",
                "2 | WEFTD_UNDERLAY_PORT | raw | --underlay-port=raw: must be AUTO or UDP or PACKET",
                "2 | WEFTD_POD_PORT | tap | --pod-port=tap: must be AUTO or TUN or PACKET",
                "1 | WEFTD_DEVICE_NAME | a b | --device-name=a b: must be a name",
            })
    void shouldNameFlagValueAndRangeWhenAVariableHasNoMeaning(
            final int exitCode, final String variable, final String value, final String message) {
        environment.put(variable, value);
        assertRefuses(exitCode, message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--wurkers=1 | Unknown option: '--wurkers=1'",
                "-wurkers=1 | Unknown option",
                "eth0 | Unmatched argument at index 0: 'eth0'",
                "--iface | Missing required parameter for option '--iface'",
            })
    void shouldRefuseWhatItDoesNotKnow(final String argument, final String message) {
        assertRefuses(2, message, argument);
    }

    static Stream<String> options() {
        return Stream.of(FlanneldOptions.class, WeftOptions.class)
                .flatMap(options -> Stream.of(options.getDeclaredFields()))
                .filter(field -> null != field.getAnnotation(Option.class))
                .map(WeftdCommandLineTest::variable);
    }

    private static String variable(final Field field) {
        return (FlanneldOptions.class == field.getDeclaringClass() ? "FLANNELD_" : "WEFTD_")
                + field.getAnnotation(Option.class)
                        .names()[0]
                        .substring(2)
                        .replace('-', '_')
                        .toUpperCase(java.util.Locale.ROOT);
    }

    @ParameterizedTest
    @MethodSource("options")
    void shouldTakeAnEmptyVariableAsNotSet(final String variable) {
        assertTakes();
        final String usual = values();
        environment.put(variable, "");
        assertTakes();
        assertEquals(usual, values());
    }

    private String values() {
        return command.spec.options().stream()
                .map(option -> option.longestName() + "=" + option.getValue())
                .toList()
                .toString();
    }

    /** flanneld's way to say "not set", as a template with an empty variable does. */
    @Test
    void shouldTakeAnEmptyValueAsNotSetWhereFlanneldDoes() {
        assertTakes(
                "--iface=",
                "--iface-regex=",
                "--iface-can-reach=",
                "--public-ip=",
                "--public-ipv6=",
                "--kube-api-url=",
                "--kubeconfig-file=",
                "--etcd-keyfile=",
                "--etcd-certfile=",
                "--etcd-cafile=",
                "--etcd-username=",
                "--etcd-password=",
                "--healthz-ip=",
                "--healthz-port=0",
                "--counters-file=");
        assertEquals("0.0.0.0", command.flanneld.healthzIp());
        assertEquals(0, command.flanneld.healthzPort);
        assertEquals(null, command.flanneld.kubeconfigFile);
        assertEquals(null, command.weft.countersFile);
    }

    @Test
    void shouldPassOverArgumentsWithoutALetter() {
        assertTakes("", "--ip-masq", "", "--iface", "", "");
        assertTrue(command.flanneld.ipMasq);
        assertEquals(List.of(""), command.flanneld.iface);
    }

    @ParameterizedTest
    @CsvSource({
        "true, --ip-masq, true",
        "true, --ip-masq=true, true",
        "true, --ip-masq=false, false",
        "false, --ip-masq, true",
        "false, --ip-masq=false, false",
        "1, --ip-masq=f, false",
        "T, --ip-masq=0, false",
        "0, --ip-masq=T, true",
        "TRUE, --ip-masq, true",
        "F, -ip-masq, true",
    })
    void shouldTakeVariableAndFlagAsOneValueThatTheFlagGives(
            final String variable, final String flag, final boolean expected) {
        environment.put("FLANNELD_IP_MASQ", variable);
        assertTakes(flag);
        assertEquals(expected, command.flanneld.ipMasq);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ip-masq",
                "ip-masq-fully-random-disable",
                "kube-subnet-mgr",
                "iptables-forward-rules",
                "ip-blackhole-route",
                "set-node-network-unavailable",
                "busy-poll"
            })
    void shouldTakeEachSwitchOnceHoweverOftenItIsGiven(final String name) {
        final String variable = ("busy-poll".equals(name) ? "WEFTD_" : "FLANNELD_")
                + name.replace('-', '_').toUpperCase(java.util.Locale.ROOT);
        for (final String value : List.of("true", "false")) {
            environment.put(variable, value);
            assertTakes();
            assertEquals(Boolean.valueOf(value), (Boolean)
                    command.spec.findOption("--" + name).getValue());
            assertTakes("--" + name);
            assertEquals(true, (Boolean) command.spec.findOption("--" + name).getValue());
            assertTakes("--" + name, "--" + name, "-" + name);
            assertEquals(true, (Boolean) command.spec.findOption("--" + name).getValue());
            assertTakes("--" + name + "=true", "-" + name + "=false");
            assertEquals(false, (Boolean) command.spec.findOption("--" + name).getValue());
        }
    }

    @Test
    void shouldTakeListsFromTheFlagsOrElseFromTheVariable() {
        environment.put("FLANNELD_IFACE", "eth0");
        environment.put("FLANNELD_IFACE_REGEX", "^(eth|en).*,x$");
        assertTakes();
        assertEquals(List.of("eth0"), command.flanneld.iface);
        assertEquals(List.of("^(eth|en).*,x$"), command.flanneld.ifaceRegex);
        assertTakes("--iface=eth1", "-iface", "10.0.0.1");
        assertEquals(List.of("eth1", "10.0.0.1"), command.flanneld.iface);
    }

    @Test
    void shouldTakeSendersWithCommasAndRepeated() {
        assertTakes("--ingress-allow=192.0.2.0/24,2001:db8::/32", "--ingress-allow", "198.51.100.7");
        assertEquals(
                "[192.0.2.0/24, 2001:db8::/32, 198.51.100.7/32]",
                command.weft.ingressAllow().toString());
        environment.put("WEFTD_INGRESS_ALLOW", "192.0.2.1,192.0.2.2");
        assertTakes();
        assertEquals("[192.0.2.1/32, 192.0.2.2/32]", command.weft.ingressAllow().toString());
    }

    @ParameterizedTest
    @CsvSource({
        "8090, /127.0.0.1:8090",
        ":8090, /127.0.0.1:8090",
        "192.0.2.7:1, /192.0.2.7:1",
        "0.0.0.0:80, /0.0.0.0:80",
        "[::1]:8090, /[0:0:0:0:0:0:0:1]:8090"
    })
    void shouldListenForBrowsersOnThisHostAloneUnlessToldAnAddress(final String value, final String address) {
        assertTakes();
        assertNull(command.weft.statusPage());
        assertTakes("--status-page=" + value);
        assertEquals(address, String.valueOf(command.weft.statusPage()));
    }

    @Test
    void shouldLetTheLastOfOneFlagCount() {
        assertTakes("--workers=1", "--workers=2", "-workers", "3");
        assertEquals(3, command.weft.workers());
    }

    @Test
    void shouldReadWordsAsGosFlagPackageDoes() {
        assertTakes("-etcd-password", "-secret", "--etcd-username", "--iface", "-v=2", "-workers=0x2");
        assertEquals("-secret", command.flanneld.etcdPassword);
        assertEquals("--iface", command.flanneld.etcdUsername);
        assertEquals(List.of(), command.flanneld.iface);
        assertEquals(2, command.flanneld.verbosity);
        assertEquals(2, command.weft.workers());
        assertRefuses(2, "Unmatched argument at index", "--ip-masq", "false");
    }

    /** What a library could take for its own syntax. */
    @ParameterizedTest
    @ValueSource(strings = {"@file", "pa${x}ss", "a$$b", "${env:HOME}", "\"quoted\"", "a,b c=d", "%s", "ünïcode"})
    void shouldTakeAPasswordAsItIs(final String password) {
        assertTakes("--etcd-password=" + password);
        assertEquals(password, command.flanneld.etcdPassword);
        assertTakes("--etcd-password", password);
        assertEquals(password, command.flanneld.etcdPassword);
        environment.put("FLANNELD_ETCD_PASSWORD", password);
        assertTakes();
        assertEquals(password, command.flanneld.etcdPassword);
    }

    /** Kubernetes gives pods such variables for a Service named weftd, and images have a version. */
    @Test
    void shouldNotMindVariablesOfOthers() {
        environment.put("WEFTD_VERSION", "1.2.3");
        environment.put("WEFTD_HELP", "see the docs");
        environment.put("WEFTD_PORT", "tcp://10.0.0.1:80");
        environment.put("WEFTD_SERVICE_HOST", "10.0.0.1");
        assertTakes();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1:6443", "localhost:8001", "[fd00::1]:8080/"})
    void shouldTakeAHostAndItsPortForAUrl(final String url) {
        assertTakes("--kube-api-url=" + url);
    }

    @Test
    void shouldTakeUnusualValuesThatHaveAMeaning() {
        assertTakes(
                "--threading-mode=dedicated",
                "--tunnel-offload=off",
                "--underlay-port=packet",
                "--pod-port=packet",
                "--device-name=flannel.1",
                "--counters-file=counters",
                "--iface=lo",
                "--public-ipv6=FD00:0:0::1",
                "--kube-api-url=https://[fd00::1]:6443/k8s/clusters/c-m-1/",
                "--spin=0",
                "--v=10",
                "--vmodule=*=2",
                "--log_backtrace_at=main.go:1");
        assertEquals(ThreadingMode.DEDICATED, command.weft.threadingMode);
        assertEquals(WeftOptions.TunnelOffloading.OFF, command.weft.tunnelOffload);
        assertEquals(WeftOptions.UnderlayPort.PACKET, command.weft.underlayPort);
        assertEquals(WeftOptions.PodPorts.PACKET, command.weft.podPort);
        assertEquals(Path.of("counters"), command.weft.countersFile);
    }

    @Test
    void shouldListAllOptionsWithTheirDefaults() {
        assertTakes("--help");
        assertTrue(output.toString().contains("/coreos.com/network"), output::toString);
        assertTrue(output.toString().contains("/run/weft"), output::toString);
        assertFalse(output.toString().contains("${"), output::toString);
    }
}
