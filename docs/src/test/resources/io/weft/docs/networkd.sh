#!/bin/sh
# systemd-networkd where the administrator has it set up every device there is: networkd.sh SETTINGS DEVICE, with the directory of weft's
# settings for hosts, or "none", and the node's own device. In a mount namespace of its own; nothing of the machine's settings is read.
set -eu
settings=$1 device=$2
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /etc/systemd
mkdir -p /etc/systemd/network /run/systemd/network /run/systemd/networkd.conf.d
# The node's own address stays, and there is DHCP on whatever else there is.
cat >"/etc/systemd/network/20-node.network" <<NETWORK
[Match]
Name=$device
[Network]
KeepConfiguration=static
LinkLocalAddressing=no
IPv6AcceptRA=no
NETWORK
printf '[Match]\nName=*\n[Network]\nDHCP=ipv4\n' >/etc/systemd/network/90-all.network
if [ "$settings" != none ]; then
  cp "$settings/networkd.network" /run/systemd/network/10-weft.network
  cp "$settings/networkd.conf" /run/systemd/networkd.conf.d/10-weft.conf
fi
# Without udev, which it waits for unless /sys is read-only, as in a container.
mount -o remount,bind,ro /sys
mkdir /run/dbus
dbus-daemon --system --nofork --nopidfile & # by which networkctl speaks with it
bus=$!
/lib/systemd/systemd-networkd &
networkd=$!
trap 'kill $networkd $bus; wait' EXIT
trap 'exit 143' TERM
wait $networkd
