# shellcheck shell=bash
# What the trials of a cluster have in common: a pod on each node that answers on a port, of a Service and of its node, and a flow of
# packets from one of them. To be sourced in the root of the checkout.
kubectl() { ./weft cluster kubectl "$@"; }
trap 'echo "${0##*/}: failed: line $LINENO: $BASH_COMMAND" >&2' ERR
say() { echo "${0##*/}: $*"; }
flow='' flow_lost=0

await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "in vain: $*" >&2; return 1; }
    sleep 1
  done
}

trial_pods() {
  kubectl apply -f - <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: trial}
spec:
  selector: {matchLabels: {app: trial}}
  template:
    metadata: {labels: {app: trial}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{operator: Exists}]
      containers:
        - name: trial
          image: "weft-cluster/tools:1"
          command: [/bin/sh, -c, "while true; do echo here | nc -l -p 8080; done"]
          ports: [{containerPort: 8080, hostPort: 18080}]
---
apiVersion: v1
kind: Service
metadata: {name: trial}
spec: {selector: {app: trial}, ipFamilyPolicy: PreferDualStack, ports: [{port: 80, targetPort: 8080}]}
YAML
  kubectl rollout status daemonset trial --timeout=300s
}

# Name, node, the node's address, and the pod's addresses.
trial_list() {
  kubectl get pods -l app=trial --sort-by=.spec.nodeName \
    -o jsonpath='{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.hostIPs[*].ip} {.status.podIPs[*].ip}{"\n"}{end}'
}

in_pod() { # POD COMMAND...
  kubectl exec "$1" -- "${@:2}"
}

# Every pod to every pod and every node, by both families.
reach_all() {
  local from addresses all
  mapfile -t all < <(trial_list)
  addresses=$(printf '%s\n' "${all[@]#* * }")
  for from in "${all[@]}"; do
    # shellcheck disable=SC2016,SC2086 # of the shell in the pod; several
    in_pod "${from%% *}" sh -c 'for a; do ping -c 1 -W 20 "$a" >/dev/null || { echo "no answer from $a"; exit 1; }; done' sh $addresses
  done
  say "${#all[@]} pods reach each other and the nodes, $(wc -w <<<"${all[0]#* * }") addresses of each"
}

# In the network of a pod, from its node.
in_pod_network() { # POD COMMAND...
  local node id pid
  read -r node id < <(kubectl get pod "$1" -o jsonpath='{.spec.nodeName} {.status.containerStatuses[0].containerID}{"\n"}')
  pid=$(./weft cluster exec "$node" ctr -n k8s.io task ls | awk -v id="${id#containerd://}" '$1 == id { print $2 }')
  ./weft cluster exec "$node" nsenter --target "$pid" --net -- "${@:2}"
}

# A hundred packets a second from a pod, until flow_end, which says how many came back, and sets flow_lost.
flow_begin() { # POD ADDRESS
  flow_place=$(kubectl get pod "$1" -o jsonpath='{.spec.nodeName}')
  rm -f target/cluster/flow.pid
  in_pod_network "$1" bash -c "echo \$\$ >$PWD/target/cluster/flow.pid; exec ping -D -i 0.01 $2" >target/cluster/log/flow 2>&1 &
  flow=$!
  await 60 grep -q "bytes from" target/cluster/log/flow
}
flow_end() { # WHAT
  local received pause answered
  answered=$(grep -c "bytes from" target/cluster/log/flow)
  await 60 eval '[ "$(grep -c "bytes from" target/cluster/log/flow)" -gt "$answered" ]' # else the end of a loss would not be seen
  ./weft cluster exec "$flow_place" kill -INT "$(<target/cluster/flow.pid)"
  wait "$flow" || : # ping says so of losses
  flow=
  # Numbers, of 16 bits, that are missing between two: of the last one sent ping does not await the answer.
  read -r received flow_lost < <(sed -n 's/^.* bytes from .* icmp_seq=\([0-9]*\) .*/\1/p' target/cluster/log/flow |
    awk 'NR > 1 { lost += ($1 - last + 65535) % 65536 } { last = $1 } END { print NR, lost + 0 }')
  pause=$(sed -n 's/^\[\([0-9.]*\)\] .* bytes from .*/\1/p' target/cluster/log/flow | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { printf "%d", most * 1000 }')
  say "$1: $received of $((received + flow_lost)) packets came back, the longest time between two $pause ms"
}

trial_end() {
  [ -z "$flow" ] || ./weft cluster exec "$flow_place" kill -INT "$(<target/cluster/flow.pid)" || : # it may have ended
  kubectl delete daemonset/trial service/trial --wait=false || : # the cluster may be down
}
