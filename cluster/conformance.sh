# shellcheck shell=bash
# ./weft cluster conformance: Kubernetes' own tests, of the version of the cluster and from the same go.mod, against the cluster that is up.

conformance_packages=(
  curl:curl wget:wget bind9-dnsutils:dig netcat-openbsd:nc.openbsd iproute2:ip iptables:iptables
)
# As Kubernetes' test/utils/image/manifest.go names what it would pull.
agnhost_images=(
  registry.k8s.io/e2e-test-images/agnhost:2.66.1 registry.k8s.io/e2e-test-images/glibc-dns-testing:2.1.1 registry.k8s.io/e2e-test-images/busybox:1.37.0-2
)
invalid_packets_image=registry.k8s.io/e2e-test-images/regression-issue-74839:1.5
pause_image=registry.k8s.io/pause:3.10.2 # what waits to be ended
conformance=$PWD/target/conformance

cluster_conformance() {
  local focus='\[sig-network\].*\[Conformance\]' skip='' rollouts=false word status=0 roller=''
  for word; do
    case $word in
      --focus=*) focus=${word#*=} ;;
      --skip=*) skip=${word#*=} ;;
      --rollouts) rollouts=true ;;
      *) echo "weft: cluster conformance takes --focus=REGEXP, --skip=REGEXP and --rollouts, not $word" >&2; return 2 ;;
    esac
  done
  cluster_pid >/dev/null || { echo "weft: no cluster: ./weft cluster up" >&2; return 1; }
  need "${conformance_packages[@]}" && conformance_build && conformance_images || return 1
  rm -rf "$conformance"
  mkdir -p "$conformance"
  if $rollouts; then
    conformance_rollouts &
    roller=$!
  fi
  echo "weft: running Kubernetes' tests of $focus ($conformance/log)"
  cluster_exec control e2e.test --kubeconfig="$cluster/pki/admin.conf" --provider=skeleton --disable-log-dump \
    --num-nodes="$(cluster kubectl get nodes --no-headers | wc -l)" --ginkgo.focus="$focus" ${skip:+--ginkgo.skip="$skip"} \
    --ginkgo.timeout=24h --ginkgo.no-color --ginkgo.json-report="$conformance/report.json" >"$conformance/log" 2>&1 || status=1
  if [ -n "$roller" ]; then
    : >"$conformance/enough"
    wait "$roller" || status=1
  fi
  conformance_result || status=1
  return $status
}

conformance_build() {
  cluster_has e2e.test || (cd cluster && CGO_ENABLED=0 go test -c -vet=off -o "$cluster/bin/e2e.test" \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kube_version" k8s.io/kubernetes/test/e2e) || return 1
  cluster_program agnhost k8s.io/kubernetes/test/images/agnhost &&
    cluster_program regression-issue-74839 k8s.io/kubernetes/test/images/regression-issue-74839
}

# Agnhost with what the tests call beside it; on all nodes.
conformance_images() {
  local root=$cluster/images/root porter node
  . cluster/images.sh
  porter=$(cd cluster && go list -f '{{.Dir}}' k8s.io/kubernetes/test/images/agnhost/porter) || return 1
  busybox_root "$root"
  cp -L "$cluster"/bin/{agnhost,coredns} "$porter"/localhost.{crt,key} "$root/"
  ln -s agnhost "$root/agnhost-2"
  ln -s ../agnhost "$root/bin/agnhost"
  mkdir -p "$root/uploads" "$root/usr/lib/x86_64-linux-gnu/xtables"
  programs "$root" bash curl wget dig getent ip ss iptables ip6tables nc.openbsd # busybox's wget, linked statically, ends by SIGSEGV
  ln -sf nc.openbsd "$root/bin/nc"
  ln -sf bash "$root/bin/sh" # busybox would run its own nc
  cp /usr/lib/x86_64-linux-gnu/xtables/*.so "$root/usr/lib/x86_64-linux-gnu/xtables/"
  image "$root" /agnhost pause "${agnhost_images[@]}" || return 1
  mkdir -p "$root"
  cp -L "$cluster/bin/regression-issue-74839" "$root/"
  image "$root" /regression-issue-74839 "" $invalid_packets_image || return 1
  for node in $(cluster kubectl get nodes -o jsonpath='{.items[*].metadata.name}'); do
    cluster_exec "$node" ctr --namespace k8s.io images import "$cluster/images/agnhost.tar" &&
      cluster_exec "$node" ctr --namespace k8s.io images import "$cluster/images/regression-issue-74839.tar" &&
      cluster_exec "$node" ctr --namespace k8s.io images tag --force docker.io/weft-cluster/tools:1 $pause_image || return 1
  done >"$cluster/log/conformance-images" 2>&1
}

# One rollout of weft after the other, until there is a file that says enough.
conformance_rollouts() {
  local done=0
  until [ -e "$conformance/enough" ]; do
    cluster kubectl -n weft rollout restart daemonset weft >/dev/null &&
      cluster kubectl -n weft rollout status daemonset weft --timeout=600s >/dev/null || return 1
    done=$((done + 1))
    echo "$done" >"$conformance/rollouts"
  done
}

# The names of what passed and what failed as files; their numbers are told.
conformance_result() {
  local state
  [ -s "$conformance/report.json" ] || { tail -n 5 "$conformance/log" >&2; return 1; }
  for state in passed failed; do
    jq -r --arg state $state '.[].SpecReports[] | select(.LeafNodeType == "It" and .State != "skipped" and (.State == "passed") == ($state == "passed"))
      | (.ContainerHierarchyTexts + [.LeafNodeText] | join(" "))' "$conformance/report.json" >"$conformance/$state"
  done
  sed 's/^/failed: /' "$conformance/failed"
  echo "weft: $(wc -l <"$conformance/passed") passed, $(wc -l <"$conformance/failed") failed in $(jq '.[0].RunTime / 1e9 | floor' "$conformance/report.json") s$(
    [ ! -e "$conformance/rollouts" ] || echo ", with $(<"$conformance/rollouts") rollouts of weft meanwhile") (lists: $conformance)"
  [ ! -s "$conformance/failed" ] && [ -s "$conformance/passed" ]
}
