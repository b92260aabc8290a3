/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.counters.Direction;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which packets of pods are wanted. */
final class PacketFilter {
    /** As in /etc/protocols. */
    private static final Map<String, Integer> PROTOCOLS =
            Map.of("icmp", 1, "tcp", 6, "udp", 17, "icmpv6", 58, "ipv6-icmp", 58, "sctp", 132);

    private static final int PROTOCOL_MAX = 0xFF;
    private static final int PORT_MAX = 0xFFFF;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--from", paramLabel = "ADDRESS|PREFIX", description = "those from a pod, or from pods of a subnet")
    private @Nullable String source;

    @Option(names = "--to", paramLabel = "ADDRESS|PREFIX", description = "those to a pod, or to pods of a subnet")
    private @Nullable String destination;

    @Option(names = "--proto", paramLabel = "PROTOCOL", description = "tcp, udp, icmp, icmpv6, sctp or a number")
    private @Nullable String protocol;

    @Option(names = "--port", paramLabel = "PORT", description = "those with this TCP or UDP port at either end")
    private @Nullable Integer port;

    /** For picocli. */
    PacketFilter() {}

    /**
     * What a daemon is asked for.
     *
     * @throws ParameterException naming the option that is wrong.
     */
    CaptureFilter of(final CaptureFilter.Kind kind, final @Nullable Direction direction) {
        return new CaptureFilter(
                kind, direction, prefix("--from", source), prefix("--to", destination), protocol(), port());
    }

    private @Nullable IpPrefix prefix(final String name, final @Nullable String text) {
        if (null == text) {
            return null;
        }
        try {
            return text.indexOf('/') < 0 ? IpPrefix.host(IpAddress.parse(text)) : IpPrefix.parse(text);
        } catch (final IllegalArgumentException malformed) {
            throw new ParameterException(spec.commandLine(), name + ": " + malformed.getMessage(), malformed);
        }
    }

    private int protocol() {
        final String text = protocol;
        if (null == text) {
            return CaptureFilter.ANY;
        }
        final Integer known = PROTOCOLS.get(text.toLowerCase(Locale.ROOT));
        if (null != known) {
            return known;
        }
        if (!text.matches("\\d{1,3}") || Integer.parseInt(text) > PROTOCOL_MAX) {
            throw new ParameterException(
                    spec.commandLine(), "--proto=" + text + ": tcp, udp, icmp, icmpv6, sctp or a number up to 255");
        }
        return Integer.parseInt(text);
    }

    private int port() {
        if (null == port) {
            return CaptureFilter.ANY;
        }
        if (port < 1 || port > PORT_MAX) {
            throw new ParameterException(spec.commandLine(), "--port=" + port + ": is not in 1.." + PORT_MAX);
        }
        return port;
    }
}
