# shellcheck shell=bash
# Debian packages that ./weft needs, each as PACKAGE:PROGRAM or PACKAGE:FILE, so that a machine with the program from elsewhere is left
# alone.
build_packages=(openjdk-17-jdk-headless:javac maven:mvn)
run_packages=(
  iproute2:ip iperf3:iperf3 sockperf:sockperf ethtool:ethtool iputils-ping:ping procps:sysctl
)
budget_packages=(etcd-server:etcd etcd-client:etcdctl containernetworking-plugins:/usr/lib/cni/bridge iptables:iptables)
handover_packages=(python3:python3)
test_packages=(
  tshark:tshark tcpdump:tcpdump nftables:nft iptables:iptables jq:jq etcd-server:etcd etcd-client:etcdctl
  containernetworking-plugins:/usr/lib/cni/bridge containerd:containerd runc:runc busybox-static:/bin/busybox
  strace:strace openssl:openssl faketime:faketime systemd:systemd-analyze python3:python3 prometheus:promtool
  chromium-headless-shell:chromium-headless-shell fonts-dejavu-core:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
)

is_there() { # PROGRAM, or the path of any file
  command -v "$1" >/dev/null || [[ $1 == /* && -e $1 ]]
}

need() { # PACKAGE:PROGRAM...
  local missing=() entry
  for entry; do is_there "${entry#*:}" || missing+=("${entry%%:*}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "weft: these are missing: ${missing[*]}. Install them, or run this as root on Debian" >&2
    return 1
  fi
  echo "weft: installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}
