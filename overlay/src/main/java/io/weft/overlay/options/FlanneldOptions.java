/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * flanneld's own flags, by the same names and defaults (flannel main.go): whoever swaps the program keeps the line. Values
 * come from the command line, then from {@code FLANNELD_<NAME>}, then from the default.
 */
public final class FlanneldOptions {
    static final String ENVIRONMENT_PREFIX = "FLANNELD_";

    @Option(
            names = "--etcd-endpoints",
            paramLabel = "URLS",
            defaultValue = "http://127.0.0.1:4001,http://127.0.0.1:2379",
            description = "comma-delimited list of etcd endpoints (default: ${DEFAULT-VALUE})")
    public String etcdEndpoints = "";

    @Option(
            names = "--etcd-prefix",
            paramLabel = "KEY",
            defaultValue = "/coreos.com/network",
            description = "etcd key under which the network is kept (default: ${DEFAULT-VALUE})")
    public String etcdPrefix = "";

    @Option(names = "--etcd-keyfile", paramLabel = "FILE", description = "private key for TLS to etcd, PEM")
    @Nullable
    public Path etcdKeyFile;

    @Option(names = "--etcd-certfile", paramLabel = "FILE", description = "certificate for TLS to etcd, PEM")
    @Nullable
    public Path etcdCertFile;

    @Option(names = "--etcd-cafile", paramLabel = "FILE", description = "authority that signed etcd's certificate, PEM")
    @Nullable
    public Path etcdCaFile;

    @Option(names = "--etcd-username", paramLabel = "NAME", defaultValue = "", description = "user of etcd")
    public String etcdUsername = "";

    @Option(names = "--etcd-password", paramLabel = "TEXT", defaultValue = "", description = "password of that user")
    public String etcdPassword = "";

    @Option(
            names = "--iface",
            paramLabel = "NAME|IP",
            description = "interface for traffic between nodes; may be given more than once, the first match wins")
    public List<String> iface = List.of();

    @Option(
            names = "--iface-regex",
            paramLabel = "REGEX",
            description =
                    "pattern of the interface's address or name; tried after --iface, may be given more than once")
    public List<String> ifaceRegex = List.of();

    @Option(
            names = "--iface-can-reach",
            paramLabel = "IP",
            defaultValue = "",
            description = "take the interface that leads to this address")
    public String ifaceCanReach = "";

    @Option(
            names = "--public-ip",
            paramLabel = "IP",
            defaultValue = "",
            description = "address that other nodes send to (default: that of the interface)")
    public String publicIp = "";

    @Option(names = "--public-ipv6", paramLabel = "IP", defaultValue = "", description = "the same for IPv6")
    public String publicIpv6 = "";

    @Option(
            names = "--subnet-file",
            paramLabel = "FILE",
            defaultValue = "/run/flannel/subnet.env",
            description = "where the subnet and the MTU are written for the CNI plugin (default: ${DEFAULT-VALUE})")
    public Path subnetFile = Path.of("subnet.env");

    @Option(
            names = "--subnet-lease-renew-margin",
            paramLabel = "MINUTES",
            defaultValue = "60",
            description = "renew the lease so long before it ends, 1 to 1439 (default: ${DEFAULT-VALUE})")
    @Range(min = 1, max = 24 * 60 - 1)
    public int subnetLeaseRenewMarginMinutes;

    @Option(
            names = "--ip-masq",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "masquerade traffic that leaves the cluster network")
    public boolean ipMasq;

    @Option(
            names = "--ip-masq-fully-random-disable",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "masquerade without random source ports")
    public boolean ipMasqFullyRandomDisable;

    @Option(
            names = "--kube-subnet-mgr",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "keep leases in the Kubernetes API instead of etcd")
    boolean kubeSubnetMgr;

    @Option(
            names = "--kube-api-url",
            paramLabel = "URL",
            defaultValue = "",
            description = "Kubernetes API server, without a kubeconfig file")
    public String kubeApiUrl = "";

    @Option(
            names = "--kube-annotation-prefix",
            paramLabel = "NAME",
            defaultValue = "flannel.alpha.coreos.com",
            description = "prefix of the node annotations (default: ${DEFAULT-VALUE})")
    public String kubeAnnotationPrefix = "";

    @Option(names = "--kubeconfig-file", paramLabel = "FILE", description = "kubeconfig for the Kubernetes API")
    @Nullable
    public Path kubeconfigFile;

    @Option(
            names = "--net-config-path",
            paramLabel = "FILE",
            defaultValue = "/etc/kube-flannel/net-conf.json",
            description = "network configuration for --kube-subnet-mgr (default: ${DEFAULT-VALUE})")
    public Path netConfigPath = Path.of("net-conf.json");

    @Option(
            names = "--healthz-ip",
            paramLabel = "IP",
            defaultValue = "0.0.0.0",
            description = "address of /healthz, /readyz and /metrics (default: ${DEFAULT-VALUE})")
    String healthzIp = "";

    /** The address of the health server; empty means all addresses, as for flanneld. */
    public String healthzIp() {
        return healthzIp.isEmpty() ? "0.0.0.0" : healthzIp;
    }

    @Option(
            names = "--healthz-port",
            paramLabel = "PORT",
            defaultValue = "0",
            description = "port of /healthz, /readyz and /metrics; 0 turns them off (default: ${DEFAULT-VALUE})")
    @Range(min = 0, max = 65_535)
    public int healthzPort;

    @Option(
            names = "--iptables-resync",
            paramLabel = "SECONDS",
            defaultValue = "5",
            description = "repair masquerade and forward rules this often, at least 1 (default: ${DEFAULT-VALUE})")
    @Range(min = 1, max = 86_400)
    public int iptablesResyncSeconds;

    @Option(
            names = "--iptables-forward-rules",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "true",
            description = "accept forwarded traffic of the cluster network (default: ${DEFAULT-VALUE})")
    public boolean iptablesForwardRules;

    @Option(
            names = "--ip-blackhole-route",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "false",
            description = "add a blackhole route for the own subnet")
    public boolean ipBlackholeRoute;

    @Option(
            names = "--set-node-network-unavailable",
            arity = "0..1",
            fallbackValue = "true",
            defaultValue = "true",
            description = "set the node's NetworkUnavailable condition to False (default: ${DEFAULT-VALUE})")
    public boolean setNodeNetworkUnavailable;

    @Option(names = "--v", paramLabel = "LEVEL", defaultValue = "0", description = "log more from level 1 on")
    @Range(min = 0, max = Integer.MAX_VALUE)
    public int verbosity;

    @Option(names = "--vmodule", paramLabel = "PATTERNS", description = "accepted, without meaning here")
    @Nullable
    public String vmodule;

    @Option(names = "--log_backtrace_at", paramLabel = "PLACE", description = "accepted, without meaning here")
    @Nullable
    public String logBacktraceAt;
}
