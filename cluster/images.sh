# shellcheck shell=bash
# Images without a registry, as archives that "ctr images import" takes; below $cluster/images, from what is on this machine.

image() { # DIRECTORY ENTRYPOINT ARGUMENT NAME..., the argument for a container that is given none
  local root=$1 entry=$2 argument=$3 layer=$cluster/images/layer.tar file
  shift 3
  file=${1##*/}
  mkdir -p "$cluster/images/scratch"
  tar -C "$root" --owner=0 --group=0 -cf "$cluster/images/scratch/layer.tar" .
  layer=$cluster/images/scratch
  jq -n --arg diff "sha256:$(sha256sum <"$layer/layer.tar" | cut -d' ' -f1)" --arg entry "$entry" --arg argument "$argument" '{
    architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$diff]},
    config: {Entrypoint: [$entry], Cmd: ($argument | split(" ")), Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"]}}' >"$layer/config.json"
  jq -n '[{Config: "config.json", RepoTags: $ARGS.positional, Layers: ["layer.tar"]}]' --args "$@" >"$layer/manifest.json"
  tar -C "$layer" -cf "$cluster/images/${file%:*}.tar" manifest.json config.json layer.tar
  rm -r "$layer" "$root"
}

# busybox, as all its commands.
busybox_root() { # DIRECTORY
  mkdir -p "$1"/{bin,etc,tmp,usr/bin}
  cp /bin/busybox "$1/bin/"
  local applet
  for applet in $(/bin/busybox --list | grep -vx busybox); do ln -sf busybox "$1/bin/$applet"; done
}

# Programs of this machine, with the libraries that they are linked to.
programs() { # DIRECTORY PROGRAM...
  local root=$1 program file library
  shift
  for program; do
    file=$(command -v "$program")
    rm -f "$root/bin/$program"
    cp -L "$file" "$root/bin/$program"
    for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
      mkdir -p "$root${library%/*}"
      cp -Lu "$library" "$root$library"
    done
  done
}

# What trials run, and the sandbox of each pod.
tools_image() {
  busybox_root "$cluster/images/root"
  image "$cluster/images/root" /bin/sleep infinity weft-cluster/tools:1
}

coredns_image() {
  mkdir -p "$cluster/images/root"
  cp -L "$cluster/bin/coredns" "$cluster/images/root/coredns"
  image "$cluster/images/root" /coredns "" weft-cluster/coredns:1
}

# flanneld with its CNI plugin, as the two images that kube-flannel.yml names.
flannel_image() {
  local root=$cluster/images/root name
  busybox_root "$root"
  mkdir -p "$root/opt/bin" "$root/run" "$root/usr/lib/x86_64-linux-gnu/xtables"
  cp -L "$cluster/bin/flanneld" "$root/opt/bin/"
  cp -L "$cluster/bin/flannel" "$root/"
  printf '#!/bin/sh\nexec cp -f "$1" "$2"\n' >"$root/opt/bin/install-conf" # as its own program of that name does
  chmod +x "$root/opt/bin/install-conf"
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do programs "$root" $name; done
  cp /usr/lib/x86_64-linux-gnu/xtables/*.so "$root/usr/lib/x86_64-linux-gnu/xtables/"
  image "$root" /opt/bin/flanneld "" weft-cluster/flannel:1
}
