/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DamagedRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.StartRecord;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What a daemon's record says of each of its parts: the answer of {@code weft status}. */
final class Diagnosis {
    /** Little is left for bursts. */
    private static final int BUSY_PERCENT_MAX = 95;

    private static final int HEAP_PERCENT_MAX = 85;
    private static final int PERCENT = 100;
    /** A pod may send some of its own; what is damaged on the way is more than one of so many. */
    private static final int WRONG_CHECKSUMS_PER = 1_000;

    private final DaemonRecord daemon;
    private final List<Finding> findings = new ArrayList<>();

    private Diagnosis(final DaemonRecord daemon) {
        this.daemon = daemon;
    }

    static List<Finding> of(final DaemonRecord daemon) {
        final Diagnosis diagnosis = new Diagnosis(daemon);
        diagnosis.findings.add(diagnosis.process());
        if (StartRecord.isStart(daemon.status())) {
            if (!daemon.liveness().isGone()) {
                diagnosis.start();
            }
            return diagnosis.findings;
        }
        try {
            diagnosis.conditions();
            final Map<DeviceRecord, CountersRecord> counters = diagnosis.counters();
            if (!counters.isEmpty()) {
                diagnosis.dataPlane(counters);
            }
        } catch (final IllegalStateException | JsonException damaged) {
            diagnosis.findings.add(unreadable(String.valueOf(damaged.getMessage())));
        }
        return diagnosis.findings;
    }

    /** What is said of a daemon whose status cannot be read at all. */
    static List<Finding> of(final DamagedRecord damaged) {
        return List.of(unreadable(damaged.words()));
    }

    private static Finding unreadable(final String words) {
        return new Finding("record", false, words);
    }

    /** Of the devices whose counters can be read; of another it is said that they cannot. */
    private Map<DeviceRecord, CountersRecord> counters() {
        final Map<DeviceRecord, CountersRecord> counters = new LinkedHashMap<>();
        for (final DeviceRecord device : daemon.devices()) {
            try {
                counters.put(device, device.counters());
            } catch (final IllegalStateException damaged) {
                findings.add(unreadable(device.name() + " has no counters to read: " + damaged.getMessage()
                        + ". weft has to be of the version of weftd, which makes the file when it is started"));
            }
        }
        return counters;
    }

    private Finding process() {
        if (Liveness.FAILED == daemon.liveness()) {
            return Finding.of(
                    "process",
                    "weftd's last start failed at " + failure()
                            + ". Put that right, and start it again; weft clear --failed-starts forgets it",
                    "");
        }
        if (Liveness.REFUSED == daemon.liveness()) {
            return Finding.ok(
                    "process",
                    "nothing is missing, " + daemon.text("device")
                            + " has its weftd; another one's start was refused at " + failure()
                            + ". weft clear --failed-starts forgets it");
        }
        final String remedy = switch (daemon.liveness()) {
            case LIVE -> "";
            case HUNG -> ". Have it tell what it waits for (kill -QUIT " + daemon.number("pid") + "), then restart it";
            case STOPPED -> ". Let it go on: kill -CONT " + daemon.number("pid");
            case DEAD -> ". Its log says why; start it again";
            case ENDED, FAILED, REFUSED -> ". Start it again";
        };
        final String unready = daemon.isReady() || Liveness.LIVE != daemon.liveness() ? "" : unready();
        return Finding.of(
                "process",
                remedy.isEmpty() ? unready : Words.ofAge(daemon) + remedy,
                "live, pid " + daemon.number("pid") + ", weft " + daemon.text("version"));
    }

    /** Of a start: when, and why. */
    private String failure() {
        return Instant.ofEpochMilli(StartRecord.failedMs(daemon.status())).truncatedTo(ChronoUnit.SECONDS) + ": "
                + daemon.text("failure").replaceFirst("\\.$", "");
    }

    /** Of what it waits for the registry has a line of its own. */
    private String unready() {
        final boolean isStarting = StartRecord.isStart(daemon.status());
        final String failure = isStarting ? daemon.text("failure") : "";
        return "not ready yet, pods cannot be wired: "
                + (failure.isEmpty()
                        ? isStarting
                                ? "it waits for the registry"
                                : "the leases of other nodes or the rules are not there; its log says more"
                        : failure + ". Tried again every second");
    }

    private void start() {
        final String underlay = daemon.text("underlay");
        if (!underlay.isEmpty()) {
            findings.add(Finding.ok("underlay", underlay));
        }
        final String lost = daemon.trouble("registry");
        findings.add(Finding.of(
                "registry",
                joined(
                        lost.isEmpty() ? "" : daemon.text("registry") + " is waited for: " + lost,
                        daemon.trouble("own_lease")),
                daemon.text("registry") + ", has answered"));
    }

    private String troubles(final String... conditions) {
        return Arrays.stream(conditions)
                .map(daemon::trouble)
                .filter(trouble -> !trouble.isEmpty())
                .collect(Collectors.joining("; "));
    }

    private static String list(final JsonValue texts) {
        return texts.elements().stream().map(JsonValue::string).collect(Collectors.joining(" and "));
    }

    private void conditions() {
        final JsonValue status = daemon.status();
        final String names = daemon.devices().isEmpty()
                ? "none, routed by the kernel"
                : daemon.devices().stream().map(DeviceRecord::name).collect(Collectors.joining(" and "));
        findings.add(Finding.of(
                "device",
                joined(troubles("host", "mtu"), repaired(names)),
                names + ", MTU " + daemon.number("mtu") + ", " + list(status.required("subnets"))));
        findings.add(Finding.of("underlay", troubles("underlay"), daemon.text("underlay")));
        findings.add(Finding.of("registry", registry(), daemon.text("registry") + ", followed"));
        leases();
        findings.add(Finding.of("rules", troubles("rules", "forwarding"), joined("set", daemon.forwardingDoubt())));
        findings.add(Finding.of(
                "pods", troubles("subnet_file", "bridge", "pod_path"), "subnet file and bridge as they should be"));
        final String record = daemon.trouble("run_directory");
        if (!record.isEmpty()) {
            findings.add(Finding.of("record", record, ""));
        }
        memory();
    }

    private String repaired(final String names) {
        final JsonValue repairs = daemon.status().member("repairs");
        final JsonValue devices = null == repairs ? null : repairs.member("devices");
        return null != repairs && repairs.required("lately").bool()
                ? "in the last minute something else deleted "
                        + (null == devices || devices.elements().isEmpty() ? names : list(devices))
                        + ", set it down, or changed its addresses or routes, and weftd put that right (repairs since its"
                        + " start: " + repairs.required("count").integer(0, Long.MAX_VALUE)
                        + "): its log says what; ip monitor link address route shows when it comes again"
                : "";
    }

    private static String joined(final String... troubles) {
        return Arrays.stream(troubles).filter(trouble -> !trouble.isEmpty()).collect(Collectors.joining("; "));
    }

    private String registry() {
        final String lost = daemon.trouble("registry");
        return joined(
                lost.isEmpty()
                        ? ""
                        : lost
                                + ". Packets go by the leases that are known; new nodes are not reached until "
                                + ("file".equals(daemon.text("registry"))
                                        ? "the file is put right, which weftd sees by itself"
                                        : "it answers"),
                daemon.trouble("own_lease"));
    }

    private void leases() {
        final JsonValue count = daemon.status().member("leases");
        findings.add(Finding.of(
                "leases",
                joined(
                        LeaseFaults.of(daemon, "unreadable", " is ignored: "),
                        LeaseFaults.of(daemon, "refused", " is ignored: "),
                        LeaseFaults.of(daemon, "otherVnis", " "),
                        LeaseFaults.of(daemon, "contested", " "),
                        new PublicAddresses(daemon).troubles()),
                (null == count ? 0 : count.integer(0, Integer.MAX_VALUE)) + " of other nodes"));
    }

    private void memory() {
        final JsonValue heap = daemon.status().member("heap");
        if (null != heap) {
            final int live = heap.required("liveMiB").integer(0, Integer.MAX_VALUE);
            final int max = heap.required("maxMiB").integer(0, Integer.MAX_VALUE);
            findings.add(Finding.of(
                    "memory",
                    live * PERCENT > max * HEAP_PERCENT_MAX
                            ? live + " of " + max + " MiB of the heap are in use after a collection:"
                                    + " give more by WEFT_JAVA_OPTS=-Xmx"
                            : "",
                    "of the heap's " + max + " MiB enough is free"));
        }
    }

    private void dataPlane(final Map<DeviceRecord, CountersRecord> ofDevices) {
        final List<CountersRecord> counters = List.copyOf(ofDevices.values());
        long fromHost = 0;
        long fromUnderlay = 0;
        long delivered = 0;
        long wrong = 0;
        for (final CountersRecord device : counters) {
            fromHost += device.inMinute(DataPlaneCounter.EGRESS_HOST_LOSSES);
            fromUnderlay += device.inMinute(DataPlaneCounter.INGRESS_HOST_LOSSES);
            delivered += device.inMinute(DataPlaneCounter.INGRESS_DELIVERED_PACKETS);
            wrong += device.inMinute(DataPlaneCounter.INGRESS_WRONG_CHECKSUMS);
        }
        final String lost = 0 == fromHost + fromUnderlay
                ? ""
                : "in the last minute the host lost " + fromHost + " frames from pods and " + fromUnderlay
                        + " datagrams from the underlay, since weft did not take them in time: give it more CPU,"
                        + " or raise --workers";
        final String damaged = wrong * WRONG_CHECKSUMS_PER <= delivered
                ? ""
                : "in the last minute " + wrong + " of " + delivered
                        + " packets from other nodes had a wrong inner checksum: " + DropRemedy.DAMAGE;
        findings.add(Finding.of(
                "ports",
                joined(lost, damaged),
                "UDP " + daemon.number("port") + ", " + Words.count(daemon.number("workers"), "worker")
                        + counters.stream()
                                .map(device -> device.remark(CounterViews.UNDERLAY_PORT))
                                .filter(by -> !by.isEmpty())
                                .map(by -> ", underlay by " + by)
                                .distinct()
                                .collect(Collectors.joining())));
        findings.add(new PeersFinding(daemon, ofDevices).finding());
        agents(ofDevices);
        findings.add(new DropsFinding(daemon.networks(), counters, PublicAddresses.paths(daemon)).finding());
    }

    private void agents(final Map<DeviceRecord, CountersRecord> counters) {
        final List<String> shares = new ArrayList<>();
        final List<String> busy = new ArrayList<>();
        long errors = 0;
        for (final Map.Entry<DeviceRecord, CountersRecord> each : counters.entrySet()) {
            final CountersRecord device = each.getValue();
            errors += device.total(DataPlaneCounter.AGENT_ERRORS);
            for (final String thread : device.threads()) {
                final String name = 1 == counters.size()
                        ? thread
                        : thread + " of " + each.getKey().name();
                final long percent = busyPercent(device, thread);
                shares.add(name + " busy " + percent + " %");
                if (percent > BUSY_PERCENT_MAX
                        && !daemon.status().required("busyPoll").bool()) {
                    busy.add(name + " has been busy " + percent + " % of the last minute");
                }
            }
        }
        final String overload = busy.isEmpty()
                ? ""
                : String.join("; ", busy) + ": raise --workers, or see weft show agents for what keeps it";
        findings.add(Finding.of(
                "agents",
                joined(
                        daemon.trouble("data_threads"),
                        0 == errors ? overload : errors + " exceptions were survived: the log names them"),
                String.join(", ", shares)));
    }

    /** Of the last minute; 0 where that is not known. */
    static long busyPercent(final CountersRecord device, final String thread) {
        final long minuteNs = device.minuteNs();
        return 0 == minuteNs ? 0 : PERCENT * device.ofThreadInMinute(ThreadCounter.BUSY_NS, thread) / minuteNs;
    }

    /** The exit code that says so: the worst of the daemons'. */
    static int exitCode(final DaemonRecord daemon, final List<Finding> findings) {
        return switch (daemon.liveness()) {
            case LIVE -> findings.stream().allMatch(Finding::isOk) ? StatusCommand.OK : StatusCommand.WRONG;
            case HUNG, STOPPED -> StatusCommand.SILENT;
            case DEAD, ENDED, FAILED -> StatusCommand.GONE;
            case REFUSED -> StatusCommand.OK;
        };
    }

    static Map<String, Object> json(final DamagedRecord damaged) {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("device", damaged.name());
        json.put("liveness", "unreadable");
        json.put("ok", false);
        json.put("parts", of(damaged).stream().map(Finding::json).toList());
        return json;
    }

    static Map<String, Object> json(final DaemonRecord daemon, final List<Finding> findings) {
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("device", daemon.name());
        json.put("liveness", daemon.liveness().label());
        json.put("pid", daemon.number("pid"));
        json.put("networkNamespace", daemon.number("networkNamespace"));
        json.put("ageMs", daemon.ageMs());
        json.put("ok", StatusCommand.OK == exitCode(daemon, findings));
        json.put("parts", findings.stream().map(Finding::json).toList());
        return json;
    }
}
