/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.PathState;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.ping.PathProbe;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.ping.ProbedTunnel;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import io.weft.overlay.rules.HostFirewall;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Whether peers answer, on the underlay and through the overlay; by this process, so that no daemon has to live for it. */
@Command(
        name = "ping",
        mixinStandardHelpOptions = true,
        description = {
            "Asks peers for an answer on the underlay and through the overlay, also those of the kernel's VXLAN: round trip, longest"
                    + " packet that is carried, and whether fabric or overlay is at fault. Takes CAP_NET_RAW, in the daemon's network"
                    + " namespace. What weft status finds wrong with this node follows.",
            "Exit codes: 0, the peers answer as they should; 3, one does not; 1, that could not be found out; 2, wrong arguments."
        })
final class PingCommand implements Callable<Integer> {
    private static final String ALL = "all";
    private static final int PER_SECOND = 1_000;

    /** Of a host, which is not an address: RFC 1123, section 2.1. */
    private static final Pattern NAME = Pattern.compile("(?=.*[a-zA-Z])[a-zA-Z0-9][a-zA-Z0-9.-]*");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(
            paramLabel = "ADDRESS|SUBNET|NODE|all",
            description =
                    "a pod or its subnet, a node by its underlay address or by a name of it that this host resolves, or"
                            + " all peers")
    private String target = "";

    @Mixin
    private Daemons daemons = new Daemons();

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    PingCommand() {}

    @Override
    public Integer call() throws InterruptedException {
        final List<IpPrefix> wanted = wanted();
        final List<Map<String, Object>> entries = new ArrayList<>();
        final List<DaemonRecord> found = daemons.require();
        daemons.warnOfAge(found);
        int asked = 0;
        final Set<String> troubles = new LinkedHashSet<>();
        for (final DaemonRecord daemon : found) {
            final List<PeerPath> paths = daemon.devices().stream()
                    .flatMap(device -> PeerPath.of(device).stream())
                    .filter(path -> wanted.isEmpty() || wanted.stream().anyMatch(each -> isMeant(path, each)))
                    .toList();
            if (!paths.isEmpty() && isHere(daemon, found.size() > 1)) {
                asked += paths.size();
                final List<String> ofNode = new ArrayList<>(Hindrances.ofNode(daemon));
                new OwnRules(daemon, new HostFirewall()).drops(paths).forEach(drop -> ofNode.add("rules " + drop));
                entries.addAll(ask(daemon, paths, ofNode));
                troubles.addAll(ofNode);
            }
        }
        if (0 == asked) {
            refuseWhoIsNoPeer(wanted, found);
            throw new IllegalStateException("no peer" + (wanted.isEmpty() ? "" : " is at " + named(wanted))
                    + " by the tables of this network namespace's daemons: its node has no lease here, or one that is ignored (weft status)."
                    + " Look whether weftd or flanneld runs there; weft show peers tells which peers there are"
                    + found.stream().map(Hindrances::inShort).distinct().collect(Collectors.joining()));
        }
        output.print(entries, PingCommand::line);
        if (!output.isJson()) {
            troubles.forEach(trouble -> output.line(Hindrances.line("status", trouble)));
        }
        return entries.stream().allMatch(entry -> PathState.OK.label().equals(entry.get("state")))
                ? StatusCommand.OK
                : StatusCommand.WRONG;
    }

    /** Empty for all. */
    private List<IpPrefix> wanted() {
        if (ALL.equals(target)) {
            return List.of();
        }
        try {
            return isName()
                    ? Arrays.stream(InetAddress.getAllByName(target))
                            .map(address -> IpPrefix.host(IpAddress.of(address)))
                            .toList()
                    : List.of(
                            target.indexOf('/') < 0 ? IpPrefix.host(IpAddress.parse(target)) : IpPrefix.parse(target));
        } catch (final IllegalArgumentException | UnknownHostException failure) {
            throw new ParameterException(
                    spec.commandLine(),
                    (target.isBlank() ? "the address is empty: it" : target + ":")
                            + " must be an address, a subnet, a node's name that this host resolves, or \"" + ALL + '"'
                            + (target.isBlank() ? "" : ", " + failure.getMessage()));
        }
    }

    /** Of what is this node's own, or none of the cluster's, no lease of another node is missing. */
    private void refuseWhoIsNoPeer(final List<IpPrefix> wanted, final List<DaemonRecord> found) {
        final List<IpPrefix> subnets =
                found.stream().flatMap(daemon -> daemon.subnets().stream()).toList();
        final List<IpPrefix> networks =
                found.stream().flatMap(daemon -> daemon.networks().stream()).toList();
        final List<IpPrefix> nodes = found.stream()
                .flatMap(daemon -> daemon.underlayAddresses().stream())
                .map(IpPrefix::host)
                .toList();
        final String words;
        if (wanted.isEmpty() || networks.isEmpty()) {
            return;
        } else if (isWithin(wanted, subnets)) {
            words =
                    "of this node's own pods, which packets come to by the bridge and not through the overlay: ping asks other nodes";
        } else if (isWithin(wanted, nodes)) {
            words = "this node itself: ping asks other nodes";
        } else if (wanted.stream().noneMatch(each -> networks.stream().anyMatch(each::overlaps))) {
            words = "outside the cluster's networks ("
                    + networks.stream().map(IpPrefix::toString).collect(Collectors.joining(", "))
                    + "), and no lease here is of a node there";
        } else {
            return;
        }
        throw new ParameterException(
                spec.commandLine(), named(wanted) + " is " + words + "; weft show peers tells which peers there are");
    }

    private static boolean isWithin(final List<IpPrefix> wanted, final List<IpPrefix> prefixes) {
        return wanted.stream().allMatch(each -> prefixes.stream().anyMatch(prefix -> prefix.contains(each)));
    }

    private boolean isName() {
        return NAME.matcher(target).matches();
    }

    private String named(final List<IpPrefix> wanted) {
        return isName()
                ? wanted.stream().map(host -> host.base().toString()).collect(Collectors.joining(" or "))
                        + ", which this host resolves " + target + " to,"
                : target;
    }

    private static boolean isMeant(final PeerPath path, final IpPrefix wanted) {
        return wanted.contains(path.subnet())
                || path.subnet().contains(wanted)
                || (wanted.family() == path.peer().family() && wanted.contains(IpPrefix.host(path.peer())));
    }

    /** Of several daemons those of other namespaces are passed over; the only one has to be asked where it is. */
    private static boolean isHere(final DaemonRecord daemon, final boolean isOneOfMany) {
        if (!daemon.isHere() && !isOneOfMany) {
            throw new IllegalStateException(daemon.name() + " is in another network namespace: nsenter --net --target "
                    + daemon.number("pid") + " weft ping ...");
        }
        return daemon.isHere();
    }

    private static List<Map<String, Object>> ask(
            final DaemonRecord daemon, final List<PeerPath> paths, final List<String> troubles)
            throws InterruptedException {
        final long beginMs = System.currentTimeMillis();
        final Map<String, CountersRecord> before = counters(daemon);
        final List<PathResult> results;
        final ProbedTunnel tunnel = new ProbedTunnel(
                BackendType.named(daemon.text("backend")),
                (int) daemon.number("vni"),
                (int) daemon.number("port"),
                daemon.underlayAddresses(),
                daemon.networks(),
                daemon.subnets());
        try (PathProbe probe = PathProbe.open(tunnel, (int) daemon.number("mtu"), PER_SECOND)) {
            results = probe.probe(paths);
        }
        final Map<String, CountersRecord> after = counters(daemon);
        final PathWords words = new PathWords(daemon);
        return results.stream()
                .map(result -> entry(
                        result,
                        words.of(PathEvidence.asked(
                                result,
                                beginMs,
                                before.get(result.path().device()),
                                after.get(result.path().device()))),
                        troubles))
                .toList();
    }

    /** Of the devices whose counters can be read: peers answer all the same. */
    private static Map<String, CountersRecord> counters(final DaemonRecord daemon) {
        final Map<String, CountersRecord> counters = new HashMap<>();
        for (final DeviceRecord device : daemon.devices()) {
            try {
                counters.put(device.name(), device.counters());
            } catch (final IllegalStateException damaged) {
                // weft status tells; what was counted meanwhile is missing in the words
            }
        }
        return counters;
    }

    private static Map<String, Object> entry(final PathResult result, final String words, final List<String> troubles) {
        final Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("device", result.path().device());
        entry.put("peer", result.path().peer().toString());
        entry.put("subnet", result.path().subnet().toString());
        entry.put("state", result.state().label());
        entry.put("underlayRttNs", result.underlayRttNs());
        entry.put("underlayMtu", result.underlayMtu());
        entry.put("overlayRttNs", result.overlayRttNs());
        entry.put("overlayMtu", result.overlayMtu());
        entry.put("text", words);
        entry.put("status", troubles);
        return entry;
    }

    private static String line(final Map<String, Object> entry) {
        final String text = String.valueOf(entry.get("text"));
        return String.format(
                "%s %s %s: %s, underlay %s, overlay %s%s",
                entry.get("device"),
                entry.get("peer"),
                entry.get("subnet"),
                PathState.OK.label().equals(entry.get("state")) ? "ok" : "WRONG " + entry.get("state"),
                answer(entry, "underlay"),
                answer(entry, "overlay"),
                text.isEmpty() ? "" : ": " + text);
    }

    private static String answer(final Map<String, Object> entry, final String side) {
        final long rttNs = entry.get(side + "RttNs") instanceof final Long ns ? ns : PathResult.NONE;
        final int mtu = entry.get(side + "Mtu") instanceof final Integer bytes ? bytes : 0;
        return PathResult.NONE == rttNs
                ? "no answer"
                : String.format(Locale.ROOT, "%.2f ms", rttNs / 1e6) + (0 == mtu ? "" : " up to " + mtu + " bytes");
    }
}
