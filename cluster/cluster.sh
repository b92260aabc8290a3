# shellcheck shell=bash
# ./weft cluster: a Kubernetes of several nodes on one machine, each part of it in namespaces of its own, with weft as its network. The
# programs are built from go.mod beside this file; the image is that of ./weft image; weft is installed by deploy/new-cluster.

cluster_packages=(
  runc:runc busybox-static:/bin/busybox openssl:openssl iproute2:ip iptables:iptables iputils-ping:ping jq:jq procps:pgrep util-linux:nsenter
  containernetworking-plugins:/usr/lib/cni/bridge
)
kube_version=v1.37.2 # as in go.mod
coredns_version=v1.14.7 flannel_version=v0.28.10
flannel_plugin=github.com/containernetworking/plugins/plugins/meta/flannel@v0.9.1
kube_programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
containerd_programs=(containerd containerd-shim-runc-v2 ctr)
cluster=$PWD/target/cluster

cluster() {
  local word=${1:-}
  [ $# -eq 0 ] || shift
  case $word in
    build) cluster_build ;;
    kill | start) cluster_part "$word" "$@" ;;
    up) cluster_up "$@" ;;
    exec) cluster_exec "$@" ;;
    kubectl) cluster_exec control kubectl --kubeconfig="$cluster/pki/admin.conf" "$@" ;;
    conformance) . cluster/conformance.sh && cluster_conformance "$@" ;;
    down) cluster_down ;;
    *) echo "usage: ./weft cluster build | up [--nodes=3] [--network=weft|flannel] [--backend=vxlan|host-gw] | kubectl ARGUMENT... |
       exec control|node1|... COMMAND... | kill|start node1|...|api-server |
       conformance [--focus=REGEXP] [--skip=REGEXP] [--rollouts] | down" >&2; return 2 ;;
  esac
}

# What KUBEBUILDER_ASSETS has is taken from there.
cluster_build() {
  mkdir -p "$cluster/bin"
  local program
  for program in "${kube_programs[@]}"; do
    cluster_program "$program" "k8s.io/kubernetes/cmd/$program" \
      -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kube_version" || return 1
  done
  cluster_program etcd go.etcd.io/etcd/server/v3 || return 1
  for program in "${containerd_programs[@]}"; do
    cluster_program "$program" "github.com/containerd/containerd/v2/cmd/$program" \
      -tags no_btrfs,no_devmapper,no_zfs,no_aufs || return 1
  done
  cluster_has coredns || (cd "$cluster" && CGO_ENABLED=0 GOBIN=$cluster/bin go install "github.com/coredns/coredns@$coredns_version")
}

cluster_program() { # NAME PACKAGE [OPTION of go build...]
  cluster_has "$1" || (cd cluster && CGO_ENABLED=0 go build -o "$cluster/bin/$1" "${@:3}" "$2")
}

# True if a program is there already; else Go is, with which it is built.
cluster_has() { # NAME
  local made=$cluster/bin/$1 given=${KUBEBUILDER_ASSETS:-/nonexistent}/$1
  [ ! -e "$given" ] || { ln -sfn "$given" "$made"; return 0; }
  [ ! -e "$made" ] || return 0
  command -v go >/dev/null || { echo "weft: install Go, or set KUBEBUILDER_ASSETS to a directory with $1" >&2; exit 1; }
  echo "weft: building $1"
  return 1
}

# flanneld, its manifest and a CNI plugin. Two of its backends are left out: one for a cloud, whose module is not to be had, and udp, which
# takes a C compiler. Nor is the module of its plugin, which is taken from the time before it became one of its own; that knows CNI up to 0.4.0.
cluster_build_flannel() {
  local module source=$cluster/source/flannel
  if ! cluster_has flanneld || ! cluster_has kube-flannel.yml; then
    module=$(cd "$cluster" && go mod download -json "github.com/flannel-io/flannel@$flannel_version" | jq -r .Dir) || return 1
    mkdir -p "${source%/*}"
    cp -r "$module" "$source" && chmod -R u+w "$source"
    cp "$source/Documentation/kube-flannel.yml" "$cluster/bin/"
    sed -i -E '\#pkg/backend/(tencentvpc|alivpc|udp)"#d' "$source/main.go"
    (cd "$source" && CGO_ENABLED=0 go build -mod=mod -o "$cluster/bin/flanneld" .) || return 1
    rm -rf "$cluster/source"
  fi
  cluster_has flannel || (cd "$cluster" && CGO_ENABLED=0 GOBIN=$cluster/bin go install "$flannel_plugin")
}

cluster_up() {
  local nodes=3 network=weft backend=vxlan word image
  for word; do
    case $word in
      --nodes=[0-9]) nodes=${word#*=} ;;
      --network=weft | --network=flannel) network=${word#*=} ;;
      --backend=vxlan | --backend=host-gw) backend=${word#*=} ;;
      *) echo "weft: cluster up takes --nodes=0 to --nodes=9, --network=weft or flannel and --backend=vxlan or host-gw, not $word" >&2; return 2 ;;
    esac
  done
  [ "$(id -u)" = 0 ] || { echo "weft: run it as root" >&2; return 1; }
  ! cluster_pid >/dev/null || { echo "weft: there is a cluster: ./weft cluster down" >&2; return 1; }
  need "${cluster_packages[@]}" && cluster_build || return 1
  [ "$network" = weft ] || cluster_build_flannel || return 1
  image=$(ls "$PWD"/target/packages/weft-*-amd64.oci.tar 2>/dev/null) || { echo "weft: no image: run ./weft image first" >&2; return 1; }
  cluster_clear || return 1
  echo "weft: starting a cluster of $nodes nodes with the image of commit $(image_commit "$image") ($cluster/log)"
  mkdir -p "$cluster"/{log,images}
  . cluster/images.sh
  cp "$image" "$cluster/images/weft.tar"
  tools_image && coredns_image && { [ "$network" = weft ] || flannel_image; } || return 1
  PATH=$cluster/bin:$PATH setsid unshare --mount --net --pid --fork --kill-child --mount-proc \
    bash "$PWD/cluster/inside" "$cluster" up "$nodes" "$network" "$backend" >"$cluster/log/inside" 2>&1 </dev/null &
  echo $! >"$cluster/pid"
  until [ -e "$cluster/is-up" ]; do
    kill -0 "$!" 2>/dev/null || { tail -n 5 "$cluster/log/inside" >&2; echo "weft: no cluster: see $cluster/log" >&2; return 1; }
    sleep 1
  done
  [ "$nodes" = 0 ] || cluster kubectl get nodes -o wide
}

# As its label says: the image may be older than the checkout.
image_commit() { # FILE
  local digest
  digest=$(tar -xOf "$1" ./index.json | jq -r '.manifests[0].digest') &&
    digest=$(tar -xOf "$1" "./blobs/${digest/://}" | jq -r .config.digest) &&
    tar -xOf "$1" "./blobs/${digest/://}" | jq -r '.config.Labels["org.opencontainers.image.revision"][:12]'
}

# The process by which all of it ends; the number may be another's by now.
cluster_outer() {
  local outer
  outer=$(cat "$cluster/pid" 2>/dev/null) && grep -qsazF "$PWD/cluster/inside" "/proc/$outer/cmdline" && echo "$outer"
}

# The first process inside, in whose namespaces the others are.
cluster_pid() {
  local outer
  outer=$(cluster_outer) && pgrep -P "$outer" | grep -m1 .
}

cluster_exec() { # control|NODE COMMAND...
  local pid
  [ $# -gt 1 ] || { echo "weft: cluster exec control|node1|... COMMAND..." >&2; return 2; }
  pid=$(cluster_pid) || { echo "weft: no cluster: ./weft cluster up" >&2; return 1; }
  PATH=$cluster/bin:$PATH nsenter --target "$pid" --mount --net --pid --wdns="$caller" -- bash "$PWD/cluster/enter" "$cluster" "$@"
}

cluster_part() { # kill|start PART
  local pid
  pid=$(cluster_pid) || { echo "weft: no cluster: ./weft cluster up" >&2; return 1; }
  PATH=$cluster/bin:$PATH setsid nsenter --target "$pid" --mount --net --pid --wdns="$PWD" -- bash "$PWD/cluster/inside" "$cluster" "$@"
}

cluster_down() {
  local outer tries
  if cluster_pid >/dev/null; then
    outer=$(<"$cluster/pid")
    kill -KILL "$outer" # and with it, by --kill-child, all inside
    for ((tries = 0; tries < 600; tries++)); do
      [ -d "/proc/$outer" ] || break
      sleep 0.1
    done
  fi
  cluster_clear
}

# Programs stay; what a cluster has written, and its control groups, go.
cluster_clear() {
  local group tries
  for group in /sys/fs/cgroup/*/weft-cluster /sys/fs/cgroup/weft-cluster; do
    [ -d "$group" ] || continue
    for ((tries = 0; tries < 100; tries++)); do # what was killed may not have ended yet
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
    [ ! -d "$group" ] || { echo "weft: $group cannot be removed" >&2; return 1; }
  done
  [ ! -d "$cluster" ] || find "$cluster" -mindepth 1 -maxdepth 1 ! -name bin -exec rm -rf --one-file-system {} +
}
