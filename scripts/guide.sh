# shellcheck shell=bash
# scripts/try-packages guide: docs/install.md and docs/migrate-from-flannel.md as an operator follows them on two nodes, which run flanneld
# at first. Each command is read from there and runs as it stands, but for VERSION, NEWER and OLDER.

# While there is a network: the real flanneld, as for ./weft cluster.
fetch_flanneld() {
  need etcd-server:etcd etcd-client:etcdctl jq:jq || return 1
  # shellcheck source=cluster/cluster.sh
  . cluster/cluster.sh
  mkdir -p target/cluster/bin
  cluster_build_flannel
}

# The code blocks of a section without their comments. With a number, the one of that number.
commands_of() { # FILE SECTION [NUMBER]
  awk -v section="## $2" -v number="${3:-}" '
    /^## / { inside = $0 == section; blocks = 0; next }
    inside && /^    / { if (!open) blocks++; open = 1; if (number == "" || number == blocks) { sub(/^ +/, ""); sub(/ +# .*/, ""); print }; next }
    { open = 0 }' "docs/$1" | grep . || { echo "try-packages: docs/$1 has no such commands: $2 ${3:-}" >&2; return 1; }
}

# In root's home of the node; apt asks before it takes something away. An operator who reads that something is not set yet looks once more.
on_node() { # NODE COMMAND
  echo "  $1# $2"
  case $2 in
    weft | /opt/weft/bin/weft) await 60 in_root "$1" "$2"; return ;;
  esac
  in_root "$1" env HOME=/root EDITOR=settings bash -c "cd && $2" <<<y >>"$place/guide-$1.log" 2>&1 ||
    { tail -n 5 "$place/guide-$1.log" >&2; return 1; }
}

follow() { # NODE FILE SECTION [NUMBER]
  local line lines
  lines=$(commands_of "${@:2}")
  while read -r -u 4 line; do on_node "$1" "$line"; done 4<<<"$(of_versions <<<"$lines")"
}

of_versions() { sed "s/VERSION/$version/g; s/OLDER/$version/g; s/NEWER/${newer:-}/g"; }

# A machine of the operator's, from which ssh and scp lead to the nodes.
at_the_operators() { # COMMANDS
  echo "$1" | sed 's/^/  # /'
  (
    cd "$place/operator"
    ssh() { on_node "${1#root@}" "$2" || { touch failed; return 1; }; }
    scp() { local node=${2#root@}; cp "$1" "$place/${node%:}/root/root/"; }
    eval "$1"
    [ ! -e failed ]
  )
}

# What the operator has: the package, a newer one, one whose /etc/default/weftd is another as well, and a list of the nodes.
make_versions() {
  mkdir -p "$place/operator" "$place/for-all"
  printf '%s\n' a b >"$place/operator/nodes"
  cp "$deb" "$place/operator/"
  make_newer newer.deb newer
  echo '# of the newer package' >>"$place/newer/etc/default/weftd"
  make_newer other.deb other
  mv "$place/for-all/newer.deb" "$place/operator/weft_$version+newer_amd64.deb"
  mv "$place/for-all/other.deb" "$place/operator/weft_$version+other_amd64.deb"
}

newer_tarball() { # NODE
  mkdir "$place/tarball"
  tar -xzf "$packages"/weft-*.tar.gz -C "$place/tarball"
  mv "$place/tarball"/* "$place/tarball/weft-$newer-linux-amd64"
  tar -C "$place/tarball" -czf "$place/$1/root/root/weft-$newer-linux-amd64.tar.gz" "weft-$newer-linux-amd64"
  rm -r "$place/tarball"
}

# The nodes' network with etcd, whose addresses are those of the guides.
begin_fabric() {
  ip netns add fabric
  ip -n fabric link set lo up
  ip -n fabric link add bridge type bridge
  ip -n fabric address add 10.0.0.5/24 dev bridge
  ip -n fabric link set bridge up
  ip netns exec fabric etcd --data-dir "$place/etcd" --listen-client-urls http://10.0.0.5:2379 --advertise-client-urls http://10.0.0.5:2379 \
    >"$place/etcd.log" 2>&1 &
  echo $! >"$place/etcd.pid"
  await 60 etcd_put /coreos.com/network/config '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
}

etcd_put() { ETCDCTL_API=3 ip netns exec fabric etcdctl --endpoints=http://10.0.0.5:2379 put "$1" "$2"; }

# What a machine has when it comes up.
plug_in() { # NODE; a or b
  local number=1
  [ "$1" = a ] || number=2
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip link add eth0 netns "$1" type veth peer name "of-$1" netns fabric
  ip -n fabric link set "of-$1" master bridge up
  ip -n "$1" address add "10.0.0.$number/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" route add default via 10.0.0.5
}

reboot() { # NODE
  kill -KILL "$(pid_of "$1")"
  await 20 not pid_of "$1"
  ip -n fabric link del "of-$1" # at once, which the end of its other half's namespace is not
  ip netns del "$1"
  plug_in "$1"
  boot "$1"
}

install_editor() { # NODE; by which an operator adds what the node needs
  local program=$place/$1/root/usr/local/bin/settings
  cat >"$program" <<'EDITOR'
#!/bin/sh
printf 'FLANNELD_%s\n' ETCD_ENDPOINTS=http://10.0.0.5:2379 IFACE=eth0 IP_MASQ=true >>"$1"
EDITOR
  chmod 755 "$program"
}

install_flanneld() { # NODE
  local root=$place/$1/root
  install -D -m 755 target/cluster/bin/flanneld "$root/usr/local/bin/flanneld"
  cat >"$root/etc/systemd/system/flanneld.service" <<'UNIT'
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart=/usr/local/bin/flanneld --etcd-endpoints=http://10.0.0.5:2379 --iface=eth0 --ip-masq
Restart=always

[Install]
WantedBy=multi-user.target
UNIT
}

address_of() { # NODE; of its tunnel's device
  sed -n 's|^FLANNEL_SUBNET=\(.*\)\.1/24|\1.0|p' <(in_root "$1" cat /run/flannel/subnet.env)
}

runs() { # NODE DAEMON; and not the other one
  local other=flanneld
  [ "$2" = weftd ] || other=weftd
  await 60 in_root "$1" systemctl is-active "$2"
  not in_root "$1" systemctl is-active "$other" >/dev/null
  await 60 both_reach
}

both_reach() {
  in_root a ping -c 1 -W 1 "$(address_of b)" && in_root b ping -c 1 -W 1 "$(address_of a)"
}

is_version() { # NODE VERSION
  [ "$(in_root "$1" dpkg-query -W -f '${db:Status-Status} ${Version}' weft)" = "installed $2" ]
  in_root "$1" grep -q '^FLANNELD_IFACE=eth0' /etc/default/weftd
}

# The unit and its settings: what the guide names in its text.
change_over() { # NODE TO FROM
  on_node "$1" "systemctl disable $3"
  on_node "$1" "systemctl enable $2"
}

try_guide() {
  local n version newer
  step "the guides: two Debian roots with flanneld"
  begin_nodes
  begin_fabric
  version=$(dpkg-deb -f "$deb" Version)
  make_versions
  for n in a b; do
    make_root $n
    # There is no network to recommended packages.
    echo 'APT::Install-Recommends "false";' >"$place/$n/root/etc/apt/apt.conf.d/weft-trial"
    cp "$place/operator/weft_${version}_"*.deb "$place/$n/root/root/"
    install_editor $n
    install_flanneld $n
    plug_in $n
    boot $n
    on_node $n 'systemctl enable --now flanneld'
  done
  for n in a b; do runs $n flanneld; done

  step "the guides: to weftd by the package"
  for n in a b; do
    on_node $n 'systemctl stop flanneld'
    on_node $n 'systemctl disable flanneld'
    follow $n install.md "A machine"
    runs $n weftd
    follow $n migrate-from-flannel.md "To weftd" 3
  done
  step "the guides: a reboot"
  reboot a
  runs a weftd

  step "the guides: upgrade and back, one node and then all"
  newer=$version+newer
  cp "$place/operator/weft_${newer}_"*.deb "$place/a/root/root/"
  follow a install.md Upgrade 1
  is_version a "$newer"
  follow a install.md Upgrade 3
  is_version a "$version"
  runs a weftd
  newer=$version+other # which has other settings in its /etc/default/weftd
  at_the_operators "$(commands_of install.md Upgrade 2 | of_versions)"
  for n in a b; do is_version $n "$newer"; done
  reboot b
  for n in a b; do runs $n weftd; done
  for n in a b; do
    follow $n install.md Upgrade 3
    is_version $n "$version"
    runs $n weftd
  done

  step "the guides: back to flanneld"
  follow a migrate-from-flannel.md "Back to flanneld"
  change_over a flanneld weftd
  runs a flanneld
  [ -z "$(in_root a ip route show proto 87)" ]
  reboot a
  runs a flanneld
  follow a install.md Remove
  not in_root a dpkg-query -W weft >/dev/null 2>&1
  runs a flanneld

  step "the guides: the tarball"
  follow b install.md Remove 1
  cp "$packages"/weft-*.tar.gz "$place/b/root/root/"
  follow b install.md "The tarball" 1
  runs b weftd
  newer_tarball b
  follow b install.md "The tarball" 2
  in_root b sh -c 'readlink "/proc/$(systemctl show --property=MainPID --value weftd)/exe"' | grep -qF "/opt/weft-$newer-linux-amd64/"
  runs b weftd
  reboot b
  runs b weftd
  follow b install.md "The tarball" 3
  not in_root b ip link show weft.1 2>/dev/null
  [ -z "$(in_root b ip route show proto 87)" ]
  kill "$(<"$place/etcd.pid")"
  end_nodes a b
  ip netns del fabric
}
