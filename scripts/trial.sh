# shellcheck shell=bash
# Nodes for scripts/try-packages and scripts/measure-packages: fresh Debian roots, each with a systemd of its own, in namespaces of the run,
# which end with it. Nothing of the machine is changed but target.

# Goes on in namespaces of its own, with place as the run's directory; with roots, with a base for them in target/trial-base.
enter_trial() { # NAME ROOTS ARGUMENT...
  trial=$1
  packages=${WEFT_TRIAL_PACKAGES:-${packages:-$PWD/target/packages}}
  deb=$(find "$packages" -name "weft_*_$(dpkg --print-architecture).deb" 2>/dev/null || true)
  place=$PWD/target/$1
  base=$PWD/target/trial-base
  if [ "${WEFT_TRIAL_INSIDE:-}" != yes ]; then
    [ "$(id -u)" = 0 ] || { echo "$1: run it as root" >&2; exit 1; }
    [ -n "$deb" ] || { echo "$1: no target/packages: run ./weft package first" >&2; exit 1; }
    need mmdebstrap:mmdebstrap iproute2:ip iperf3:iperf3 iputils-ping:ping containerd:containerd runc:runc jq:jq
    rm -rf --one-file-system "$place"
    mkdir -p "$place"
    [ -z "$2" ] || make_base # while there is a network
    WEFT_TRIAL_PACKAGES=$packages WEFT_TRIAL_INSIDE=yes exec unshare --mount --net --pid --fork --kill-child --mount-proc --cgroup bash ${TRACE:-} "$0" "${@:3}"
  fi
  mount --make-rprivate /
  umask 022
  trap 'status=$?; [ $status = 0 ] || echo "$trial: failed in: ${doing:-}; see $place" >&2; exit $status' EXIT
  mount -t tmpfs tmpfs /run
  mkdir /run/netns
  ip link set lo up
}

make_base() {
  local programs=systemd,udev,network-manager,iproute2,iputils-ping,iptables,man-db,bash-completion,zsh
  [ "$(cat "$base.programs" 2>/dev/null)" != $programs ] || return 0
  rm -rf --one-file-system "$base" "$base.programs"
  mmdebstrap --quiet --variant=minbase --include=$programs "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$base"
  rm -f "$base"/etc/dpkg/dpkg.cfg.d/* # what keeps manuals out
  # Started by what tries it.
  rm -f "$base"/etc/systemd/system/*.wants/{NetworkManager,NetworkManager-*,systemd-networkd*}.service
  # Never, for /dev is the machine's.
  ln -sf /dev/null "$base/etc/systemd/system/systemd-udevd.service"
  ln -sf /dev/null "$base/etc/systemd/system/systemd-udev-trigger.service"
  ln -sf /dev/null "$base/etc/systemd/system/systemd-udevd-control.socket"
  ln -sf /dev/null "$base/etc/systemd/system/systemd-udevd-kernel.socket"
  echo $programs >"$base.programs"
}

step() { doing=$*; echo "$trial: $*"; }
not() { ! "$@"; } # which ends a script under set -e; a "!" does not
await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "$trial: in vain: $*" >&2; return 1; }
    sleep 0.2
  done
}

# A root of the base, or of another root's files over it; in /packages what is to be installed.
make_root() { # NODE [NODE, like which it is]
  mkdir -p "$place/$1"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=${2:+$place/$2/upper:}$base,upperdir=$place/$1/upper,workdir=$place/$1/work" "$place/$1/root"
  mkdir -p "$place/$1/root/packages" "$place/for-all"
  [ -e "$place/for-all/weft.deb" ] || cp "$deb" "$place/for-all/weft.deb"
}

# The package with a higher version.
make_newer() { # FILE SUFFIX
  [ -d "$place/newer" ] || dpkg-deb -R "$deb" "$place/newer"
  sed -i "s/^\(Version: [^+]*\).*/\1+$2/" "$place/newer/DEBIAN/control"
  dpkg-deb --root-owner-group -Zgzip -z1 --build "$place/newer" "$place/for-all/$1" >/dev/null
}

# A hierarchy of control groups that only this run sees, whose groups systemd thinks to be all.
begin_nodes() {
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# systemd as process 1 of the root, in the network namespace of that name; read-only but for /var and with a /tmp from which nothing is run.
boot() { # NODE [read-only]
  mkdir -p "/sys/fs/cgroup/$1"
  (
    echo 0 >"/sys/fs/cgroup/$1/cgroup.procs"
    exec ip netns exec "$1" unshare --mount --pid --fork --kill-child --uts --ipc --cgroup bash -c '
      root=$1
      mount -t tmpfs tmpfs "$root/run"
      mount -t tmpfs tmpfs "$root/dev"
      mkdir -p "$root/dev/pts" "$root/dev/net" "$root/dev/shm"
      for device in null zero full random urandom tty net/tun; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
      done
      : >"$root/dev/console"
      mount -t proc proc "$root/proc"
      mount -t sysfs sys "$root/sys"
      mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
      mount --bind "$root" "$root"
      mount --bind "$2" "$root/packages"
      if [ "$3" = read-only ]; then
        mount --bind "$root/var" "$root/var"
        mount -t tmpfs -o noexec tmpfs "$root/tmp"
        mount -o remount,bind,ro "$root"
      fi
      export container=weft SYSTEMD_LOG_TARGET=console PATH=/usr/sbin:/usr/bin:/sbin:/bin
      exec chroot "$root" /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
    ' boot "$place/$1/root" "$place/for-all" "${2:-}"
  ) >"$place/$1/boot.log" 2>&1 &
  await 60 pid_of "$1"
  await 60 in_root "$1" systemctl is-system-running --wait || true
}

pid_of() { # NODE; of its systemd
  local pid
  for pid in $(pgrep -x systemd); do
    [ "$(readlink "/proc/$pid/root")" != "$place/$1/root" ] || { echo "$pid"; return 0; }
  done
  return 1
}

in_root() { # NODE COMMAND...
  local pid
  pid=$(pid_of "$1") || return 1
  shift
  nsenter --target "$pid" --mount --pid --net --uts --ipc --root --wd "$@"
}

apt_install() { # NODE FILE OPTION...
  DEBIAN_FRONTEND=noninteractive in_root "$1" apt-get install -y -qq --no-install-recommends "${@:3}" "/packages/$2" \
    >>"$place/$1/install.log" 2>&1
}

end_nodes() { # NODE...
  local n
  for n; do kill -KILL "$(pid_of "$n")"; done
  wait
  for n; do
    ip netns del "$n"
    find "/sys/fs/cgroup/$n" -depth -type d -exec rmdir {} +
    umount "$place/$n/root"
    rm -rf --one-file-system "$place/$n"
  done
  umount /sys/fs/cgroup /sys/fs/cgroup
}
