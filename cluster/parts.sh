# shellcheck shell=bash
# The parts of a cluster, of which "inside" starts, kills and starts again. All of it runs in the namespaces of the cluster's first process,
# whose network is the switch; the control plane has one of its own, and each node one, with mounts of its own.
# cluster is the directory of what it writes.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
subnet=192.168.78 subnet6=fd00:78: control=192.168.78.10
pod_networks=10.244.0.0/16,fd00:244::/48 service_networks=10.96.0.0/16,fd00:96::/112
log=$cluster/log pki=$cluster/pki

await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "in vain: $*"; "$@" || true; return 1; }
    sleep 0.5
  done
}
api() { on control kubectl --kubeconfig="$pki/admin.conf" "$@"; }
on() { # PLACE COMMAND...
  bash "$here/enter" "$cluster" "$@"
}

# A network with one port of the switch, of an address that a machine keeps when it is started again. IP addresses are there at once: nobody
# else on this switch could have them.
place() { # NAME LAST-PART-OF-ITS-ADDRESSES
  mkdir -p "$cluster/$1"
  ip netns add "$1"
  ip link add "s-$1" type veth peer name eth0 address "02:00:00:00:78:$2" netns "$1"
  ip link set "s-$1" master switch up
  ip -n "$1" link set lo up
  ip -n "$1" address add "$subnet.$2/24" dev eth0
  ip -n "$1" address add "$subnet6:$2/64" dev eth0 nodad
  ip -n "$1" link set eth0 up
}

# --- certificates and kubeconfigs
authority() {
  mkdir -p "$pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=weft-cluster -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
  openssl genrsa -out "$pki/accounts.key" 2048 2>/dev/null
}
certificate() { # NAME SUBJECT [ALTERNATIVE NAMES]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$pki/$1.key" -out "$pki/$1.csr" 2>/dev/null
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 30 -out "$pki/$1.crt" \
    -extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}") 2>/dev/null
}
kubeconfig() { # NAME
  cat >"$pki/$1.conf" <<YAML
apiVersion: v1
kind: Config
current-context: weft
contexts: [{name: weft, context: {cluster: weft, user: $1}}]
clusters: [{name: weft, cluster: {server: "https://$control:6443", certificate-authority: $pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $pki/$1.crt, client-key: $pki/$1.key}}]
YAML
}

control_plane() {
  place control "${control##*.}"
  nsenter --net=/run/netns/control unshare --mount --propagation private sleep infinity &
  echo $! >"$cluster/control/pid"
  await 10 eval '[ "$(ip netns identify "$(<"$cluster/control/pid")")" = control ]'
  authority
  certificate server /CN=kube-apiserver "IP:$control,IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default.svc"
  local name
  certificate admin /O=system:masters/CN=admin
  for name in kube-controller-manager kube-scheduler kube-proxy; do certificate $name /CN=system:$name; done
  for name in admin kube-controller-manager kube-scheduler kube-proxy; do kubeconfig $name; done
  on control etcd --unsafe-no-fsync --data-dir="$cluster/control/etcd" --listen-client-urls=http://127.0.0.1:2379 \
    --advertise-client-urls=http://127.0.0.1:2379 >"$log/etcd" 2>&1 &
  api_server
  await 300 api get --raw /readyz
}

controllers() {
  on control kube-controller-manager --kubeconfig="$pki/kube-controller-manager.conf" --allocate-node-cidrs --cluster-cidr=$pod_networks \
    --service-cluster-ip-range=$service_networks --leader-elect=false --use-service-account-credentials --root-ca-file="$pki/ca.crt" \
    --service-account-private-key-file="$pki/accounts.key" >"$log/kube-controller-manager" 2>&1 &
  on control kube-scheduler --kubeconfig="$pki/kube-scheduler.conf" --leader-elect=false >"$log/kube-scheduler" 2>&1 &
}

# Its audit log has the requests for nodes and by whom.
api_server() {
  cat >"$cluster/control/audit.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, resources: [{group: "", resources: [nodes, nodes/status, events]}]}
  - {level: Metadata, nonResourceURLs: [/readyz]}
  - {level: None}
YAML
  bash "$here/enter" "$cluster" control kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --advertise-address=$control \
    --service-cluster-ip-range=$service_networks --authorization-mode=Node,RBAC --kubelet-preferred-address-types=InternalIP --allow-privileged=true --client-ca-file="$pki/ca.crt" \
    --tls-cert-file="$pki/server.crt" --tls-private-key-file="$pki/server.key" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" --kubelet-certificate-authority="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/accounts.key" \
    --service-account-signing-key-file="$pki/accounts.key" --cert-dir="$cluster/control" \
    --audit-policy-file="$cluster/control/audit.yaml" --audit-log-path="$cluster/control/audit.log" >>"$log/kube-apiserver" 2>&1 </dev/null &
  echo $! >"$cluster/control/kube-apiserver.pid" # of the server itself, in the place of enter
}

kill_api_server() {
  local pid
  pid=$(<"$cluster/control/kube-apiserver.pid")
  kill -KILL "$pid"
  await 60 [ ! -d "/proc/$pid" ]
}

node() { # NUMBER
  local name=node$1 part=$((10 + $1))
  place "$name" $part
  ip -n "$name" route add default via $control # so that Services' addresses have a way
  ip -n "$name" route add default via $subnet6:${control##*.}
  [ -e "$pki/$name.conf" ] || certificate "$name" "/O=system:nodes/CN=system:node:$name" "IP:$subnet.$part,IP:$subnet6:$part,DNS:$name"
  kubeconfig "$name"
  nsenter --net="/run/netns/$name" unshare --mount --propagation private \
    bash "$here/node" "$cluster" "$name" "$subnet.$part,$subnet6:$part" "$pod_networks" >>"$log/$name" 2>&1 </dev/null &
  await 120 [ -e "$cluster/$name/pid" ]
}

# As a power failure: all processes and the network are gone at once; what is on its disk stays, and /run does not.
kill_node() { # NUMBER
  local name=node$1 pids
  while pids=$(find "/sys/fs/cgroup/pids/weft-cluster/$name" -name cgroup.procs -exec cat {} +) && [ -n "$pids" ]; do
    # shellcheck disable=SC2086 # several
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  ip link delete "s-$name"
  ip netns delete "$name"
  rm -rf --one-file-system "$cluster/$name"/{pid,run,sysctl,cgroup}
}

# The control plane calls what runs in pods (the API's proxy of Services, webhooks).
routes_to_pods() {
  local name address networks network
  while read -r name address networks; do
    for network in $networks; do
      ip -n control route replace "$network" via "$([[ $network == *:* ]] && echo "$subnet6:${address##*.}" || echo "$address")"
    done
  done < <(api get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.status.addresses[0].address} {.spec.podCIDRs[0]} {.spec.podCIDRs[1]}{"\n"}{end}')
}
