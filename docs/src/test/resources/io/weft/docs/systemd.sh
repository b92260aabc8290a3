#!/bin/sh
# Boots a systemd that has weftd's unit and no other, in namespaces of its own but for the network, with the /sys of "ip netns exec":
# systemd.sh ROOT FILES GROUP, with a checkout that is built, a directory for what is below /var/lib, /etc/default and the units,
# and the name of a control group. Nothing of the machine can be written but by the kernel's network. Ends with its caller's SIGTERM.
set -eu
root=$1 files=$2 group=$3

if [ "${4:-}" != inside ]; then
  # A hierarchy of control groups that cannot be seen elsewhere, where systemd thinks that the group is all.
  mount --make-rprivate /
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir "/sys/fs/cgroup/$group"
  echo $$ >"/sys/fs/cgroup/$group/cgroup.procs"
  unshare --mount --pid --fork --kill-child --uts --ipc --cgroup sh "$0" "$root" "$files" "$group" inside &
  inside=$!
  echo $$ >/sys/fs/cgroup/cgroup.procs
  trap 'kill -KILL $inside' TERM INT
  while kill -0 $inside 2>/dev/null; do wait $inside || true; done
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "/sys/fs/cgroup/$group" -depth -type d -exec rmdir '{}' + 2>/dev/null && exit
    sleep 0.1
  done
  exit 1
fi

mount -t tmpfs tmpfs /run
mkdir -p /run/dev/pts /run/dev/net /run/dev/shm /run/units
for device in null zero full random urandom tty net/tun; do
  : >"/run/dev/$device"
  mount --bind "/dev/$device" "/run/dev/$device"
done
mount --rbind /run/dev /dev
: >/dev/console
# What is bound is looked up before a mount hides it.
mkdir -p /run/weft-bin /run/weft-lib
mount --bind "$root/bin" /run/weft-bin
mount --bind "$root/target/weft/lib" /run/weft-lib
cp -r "$files/units/." /run/units/
cp "$files/leases.json" "$files/weftd" /run/units/
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var
mkdir /var/lib /var/tmp
mount -t tmpfs tmpfs /opt
mkdir -p /opt/weft/bin /opt/weft/lib
mount --bind /run/weft-bin /opt/weft/bin
mount --bind /run/weft-lib /opt/weft/lib
mount -t tmpfs tmpfs /etc/default
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,ro /proc/sys
umount /sys/fs/cgroup # with all groups in it
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mv /run/units/leases.json /var/lib/
mv /run/units/weftd /etc/default/
for target in sysinit basic shutdown network-online; do
  printf '[Unit]\nDefaultDependencies=no\n' >"/run/units/$target.target"
done
printf '[Unit]\nWants=weftd.service\n' >/run/units/default.target
mount -o remount,bind,ro /
export SYSTEMD_UNIT_PATH=/run/units SYSTEMD_GENERATOR_PATH=/run/none container=weft
exec /lib/systemd/systemd --system --unit=default.target --log-target=console --show-status=no
