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
  strace:strace openssl:openssl faketime:faketime systemd:systemd-analyze dbus:dbus-daemon python3:python3 prometheus:promtool
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

# Has apt-get and apt-cache of this shell ask for packages of an architecture, with lists below a directory; nothing of the machine's apt is
# told of it.
apt_of() { # ARCHITECTURE DIRECTORY
  mkdir -p "$2"/{state/lists/partial,cache/archives/partial}
  : >"$2/status"
  cat >"$2/apt.conf" <<CONF
#clear APT::Architectures;
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Get::Download-Only "true";
APT::Sandbox::User "root";
Dir::State "$2/state";
Dir::State::status "$2/status";
Dir::Cache "$2/cache";
CONF
  export APT_CONFIG=$2/apt.conf
  apt-get update -qq
}
