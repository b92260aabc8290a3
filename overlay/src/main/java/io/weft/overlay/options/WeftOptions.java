/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.ThreadingMode;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.overlay.lifecycle.StartupException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * What flanneld does not have. Values come from the command line, then from {@code WEFTD_<NAME>}, then from the default.
 */
public final class WeftOptions {
    static final String ENVIRONMENT_PREFIX = "WEFTD_";
    public static final int WORKERS_MAX = 64;

    /** One worker forwards more than a core of pods sends; the other cores are the pods'. */
    private static final int CORES_PER_WORKER = 4;

    private static final int PORT_MAX = 65_535;
    /** A port, and before it a colon, and before that perhaps an address. */
    private static final Pattern LISTEN_ADDRESS =
            Pattern.compile("((\\[(?<ipv6>[0-9a-fA-F:.]+)]|(?<ipv4>[0-9.]+))?:)?(?<port>\\d{1,5})");

    @Option(
            names = "--registry",
            paramLabel = "file:PATH|etcd|kube",
            defaultValue = "",
            description = "where leases are kept (default: as flanneld, kube with --kube-subnet-mgr and else etcd)")
    String registry = "";

    @Option(
            names = "--device-name",
            paramLabel = "NAME",
            defaultValue = "",
            description =
                    "name of the device that pods' packets are routed to (default: weft.<VNI>); that of an IPv6 underlay has -v6"
                            + " at its end (default: weft-v6.<VNI>)")
    public String deviceName = "";

    @Option(
            names = "--workers",
            paramLabel = "COUNT",
            description = "queues of the device and underlay sockets, each with agents of its own, 1 to 64"
                    + " (default: one for every four cores)")
    @Range(min = 1, max = WORKERS_MAX)
    @Nullable
    Integer workers;

    /** The number of workers, which depends on the machine unless it was set. */
    public int workers() {
        return null == workers ? defaultWorkers(Runtime.getRuntime().availableProcessors()) : workers;
    }

    /** One for every four cores, at least one. */
    private static int defaultWorkers(final int cores) {
        return Math.min(WORKERS_MAX, Math.max(1, cores / CORES_PER_WORKER));
    }

    @Option(
            names = "--threading-mode",
            paramLabel = "SHARED|SHARED_NETWORK|DEDICATED",
            defaultValue = "SHARED",
            description = "SHARED: one thread per worker; SHARED_NETWORK: one per direction;"
                    + " DEDICATED: one per agent (default: ${DEFAULT-VALUE})")
    public ThreadingMode threadingMode = ThreadingMode.SHARED;

    @Option(
            names = "--spin",
            paramLabel = "MICROSECONDS",
            defaultValue = "120",
            description = "spin this long for work, where it pays, before a data thread sleeps, 0 to 1000000"
                    + " (default: ${DEFAULT-VALUE})")
    @Range(min = 0, max = 1_000_000)
    public int spinUs;

    @Option(
            names = "--busy-poll",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "data threads never sleep: for machines with cores to spare")
    public boolean busyPoll;

    @Option(
            names = "--io-uring",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "true",
            description =
                    "read and write several small packets of a TUN device with one call of io_uring, where the kernel lets weftd"
                            + " (default: ${DEFAULT-VALUE})")
    public boolean ioUring;

    @Option(
            names = "--real-time-priority",
            paramLabel = "PRIORITY",
            defaultValue = "1",
            description =
                    "while more comes than is read, data threads run before all ordinary threads, with this priority among those of"
                            + " real time, 1 to 99 (needs CAP_SYS_NICE or RLIMIT_RTPRIO); 0: never (default: ${DEFAULT-VALUE})")
    @Range(min = 0, max = DataPlaneContext.MAX_REAL_TIME_PRIORITY)
    public int realTimePriority;

    /** Whether superframes may leave unsegmented. */
    public enum TunnelOffloading {
        AUTO,
        OFF;

        public boolean isWanted() {
            return AUTO == this;
        }
    }

    @Option(
            names = "--tunnel-offload",
            paramLabel = "AUTO|OFF",
            defaultValue = "AUTO",
            description = "let superframes leave unsegmented where the underlay device cuts them"
                    + " (tx-udp_tnl-segmentation, Linux 6.17); OFF: always cut them here (default: ${DEFAULT-VALUE})")
    public TunnelOffloading tunnelOffload = TunnelOffloading.AUTO;

    /** What is received by from the underlay. */
    public enum UnderlayPort {
        AUTO,
        UDP,
        PACKET
    }

    @Option(
            names = "--underlay-port",
            paramLabel = "AUTO|UDP|PACKET",
            defaultValue = "AUTO",
            description =
                    "receive and send on the underlay by UDP sockets, or by packet sockets, which are told how superframes"
                            + " that come unsegmented are to be cut, and which the host's firewall does not see; AUTO is UDP,"
                            + " by measurement (default: ${DEFAULT-VALUE})")
    public UnderlayPort underlayPort = UnderlayPort.AUTO;

    @Option(
            names = "--ingress-sources",
            paramLabel = "KNOWN|STRICT|ANY",
            defaultValue = "KNOWN",
            description =
                    "what is let in from the underlay: KNOWN, what a node sends that a lease or Node names, but for"
                            + " what says to be of this node or of a third one; STRICT, from the sender's own pods and addresses"
                            + " alone; ANY, everything, as flannel does (default: ${DEFAULT-VALUE})")
    public IngressPolicy.Sources ingressSources = IngressPolicy.Sources.KNOWN;

    @Option(
            names = "--ingress-allow",
            paramLabel = "PREFIX",
            split = ",",
            description =
                    "let in what comes from these addresses as well, whatever node it may be: for nodes that send from"
                            + " others than their leases name; may be given more than once")
    List<String> ingressAllow = List.of();

    /** Senders that are let in though no lease names them. */
    public List<IpPrefix> ingressAllow() {
        return ingressAllow.stream()
                .filter(text -> !text.isBlank())
                .map(WeftOptions::senders)
                .toList();
    }

    private static IpPrefix senders(final String text) {
        try {
            return text.indexOf('/') < 0 ? IpPrefix.host(IpAddress.parse(text)) : IpPrefix.parse(text);
        } catch (final IllegalArgumentException failure) {
            throw new StartupException("--ingress-allow=" + text
                    + ": must be a prefix such as 192.0.2.0/24 or an address, " + failure.getMessage());
        }
    }

    @Option(
            names = "--peer-check-interval",
            paramLabel = "SECONDS",
            defaultValue = "300",
            description =
                    "ask each peer for an answer through the overlay once in so many seconds, and one that is new or has another"
                            + " lease a few seconds later; 0 for never, to 86400 (default: ${DEFAULT-VALUE})")
    @Range(min = 0, max = 86_400)
    public int peerCheckSeconds;

    @Option(
            names = "--rehearsal-limit",
            paramLabel = "MILLISECONDS",
            defaultValue = "4000",
            description =
                    "rehearse the packet path before ready and before a handover, until all of it is compiled and for so long at"
                            + " most, 0 for not at all, to 10000: so the first packets are as fast as later ones (default:"
                            + " ${DEFAULT-VALUE})")
    @Range(min = 0, max = 10_000)
    public int rehearsalLimitMs;

    @Option(
            names = "--status-page",
            paramLabel = "[ADDRESS:]PORT",
            defaultValue = "",
            description =
                    "show how this node is to browsers, by HTTP at this port, of 127.0.0.1 unless an address is given"
                            + " (default: not at all)")
    String statusPage = "";

    /** Where the status page listens; null where nobody asked for it. */
    public @Nullable InetSocketAddress statusPage() {
        if (statusPage.isEmpty()) {
            return null;
        }
        final Matcher parts = LISTEN_ADDRESS.matcher(statusPage);
        try {
            if (parts.matches()) {
                final int port = Integer.parseInt(parts.group("port"));
                final String address = Objects.requireNonNullElse(
                        parts.group("ipv6"), Objects.requireNonNullElse(parts.group("ipv4"), "127.0.0.1"));
                if (port > 0 && port <= PORT_MAX) {
                    return new InetSocketAddress(IpAddress.parse(address).toInetAddress(), port);
                }
            }
        } catch (final IllegalArgumentException noAddress) {
            // Said below.
        }
        throw new StartupException("--status-page=" + statusPage
                + ": must be a port from 1 to 65535, or an address before it, as 127.0.0.1:8090 or [::1]:8090");
    }

    /** By what pods' packets may come and go. */
    public enum PodPorts {
        AUTO,
        TUN,
        PACKET
    }

    @Option(
            names = "--pod-port",
            paramLabel = "AUTO|TUN|PACKET",
            defaultValue = "AUTO",
            description = "by what pods' packets come and go: TUN, a TUN device; PACKET, packet sockets at the far end"
                    + " of a veth pair; AUTO, TUN where /dev/net/tun opens, else PACKET (default: ${DEFAULT-VALUE})")
    public PodPorts podPort = PodPorts.AUTO;

    @Option(
            names = "--counters-file",
            paramLabel = "FILE",
            description = "mapped file of the counters (default: <run-dir>/<device>.counters); that of an"
                    + " IPv6 underlay has -v6 at its end")
    @Nullable
    public Path countersFile;

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            defaultValue = "/run/weft",
            description = "lock and counters of running daemons (default: ${DEFAULT-VALUE})")
    public Path runDirectory = Path.of("weft");

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            defaultValue = "/var/lib/weft",
            description = "leases known before, for a start while etcd or the Kubernetes API is away"
                    + " (default: ${DEFAULT-VALUE})")
    public Path stateDirectory = Path.of("weft");

    @Option(
            names = "--identity",
            paramLabel = "NAME",
            defaultValue = "",
            description =
                    "of all weftds that are one and the same service, and may take over from each other without a gap"
                            + " (default: the systemd unit, or POD_NAMESPACE and POD_NAME without its random end, or none)")
    public String identity = "";

    @Option(
            names = "--replace",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description =
                    "take the place of a running weftd also if it is of another identity, VNI, port or backend, which"
                            + " then ends first")
    public boolean replace;

    @Option(
            names = "--uninstall",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "take away what weftd leaves on a host, guard routes, known leases, what weft shows of"
                    + " daemons that have ended, and veth pairs of those that were killed, and end")
    public boolean uninstall;
}
