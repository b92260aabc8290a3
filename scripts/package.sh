# shellcheck shell=bash
# ./weft package: what an operator installs, below target/packages. Everything is made from the checkout, Debian's packages and Maven
# Central; from one commit and one state of these, twice the same bytes. docs/decisions/0072 says why it is laid out so.

package_tools=(
  jq:jq mmdebstrap:mmdebstrap help2man:help2man binutils:readelf
  binutils-x86-64-linux-gnu:x86_64-linux-gnu-strip binutils-aarch64-linux-gnu:aarch64-linux-gnu-strip
)

# What weftd and weft need of Java, by "jdeps -s" over lib: the jars' own, without what jackson-databind has for those who have it
# (java.desktop, java.sql, java.xml), and the curves of TLS.
daemon_modules=java.base,java.logging,java.management,java.net.http,jdk.unsupported,jdk.crypto.ec
plugin_modules=io.weft.cni

# Of whoever builds and of where, nothing shall be in the packages: before anything is compiled, since jars keep their files' modes.
alike_everywhere() {
  umask 022
  export LC_ALL=C.UTF-8 TZ=UTC0
  # Maven takes these into jars with the modes that they have in the checkout, which git does not keep.
  find ./*/src/main/resources* -type f ! -perm 644 -exec chmod 644 {} +
}

# Sets packages, scratch and version.
begin_packages() { # [DIRECTORY]
  need "${package_tools[@]}" || return 1
  packages=${1:-$PWD/target/packages}
  scratch=$PWD/target/package-scratch
  version=$(sed -n '0,/<version>/s|.*<version>\(.*\)</version>|\1|p' pom.xml)
  # The time of every file: of the commit, so that it says something.
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) || SOURCE_DATE_EPOCH=1767225600
  export SOURCE_DATE_EPOCH
  rm -rf "$scratch"
  mkdir -p "$packages" "$scratch"
  alike_everywhere
}

pack() { # ARCHITECTURE [COMPRESSION, a word of dpkg-deb's -Z]
  echo "weft: packing for $1"
  fetch_jdk "$1" && lay_out "$1" && make_deb "$1" "${2:-xz}"
}

# One that is tried and thrown away.
pack_for_trial() { # ARCHITECTURE DIRECTORY
  begin_packages "$2" && pack "$1" none || return 1
  rm -rf "$scratch"
}

# The image alone, for ./weft cluster.
make_image_alone() {
  begin_packages && pack amd64 && make_image amd64 || return 1
  rm -rf "$scratch"
  echo "weft: made $packages/weft-$version-linux-amd64.oci.tar"
}

# What is released is of one version: scripts/set-version sets it.
same_version_everywhere() {
  local other
  other=$(grep -rnE '^ *(image: weft:|version: |appVersion: )' deploy --include=daemonset.yaml --include=Chart.yaml | grep -vE "[: ]$version\$") || return 0
  printf '%s\nweft: pom.xml has version %s: run scripts/set-version\n' "$other" "$version" >&2
  return 1
}

make_packages() {
  rm -rf target/packages
  begin_packages && same_version_everywhere && pack amd64 && pack arm64 || return 1
  make_tarball amd64 || return 1
  make_image amd64 || return 1
  make_sbom || return 1
  (cd "$packages" && sha256sum -- * >"$scratch/sums" && mv "$scratch/sums" SHA256SUMS)
  rm -rf "$scratch"
  echo "weft: made in target/packages:"
  (cd "$packages" && du -h --apparent-size -- *)
}

# Debian's JDK of an architecture, without installing it.
fetch_jdk() { # ARCHITECTURE
  local apt=$scratch/apt-$1 jdk=$scratch/jdk-$1
  mkdir -p "$jdk"
  (apt_of "$1" "$apt" && cd "$apt" &&
    apt-get download -qq openjdk-17-jdk-headless openjdk-17-jre-headless zlib1g libstdc++6 libgcc-s1) || return 1
  local deb
  for deb in "$apt"/*.deb; do dpkg-deb -x "$deb" "$jdk" || return 1; done
}

# usr/lib/weft below target/package-scratch/root-ARCHITECTURE: bin and lib as in target/weft, and two Java runtimes. Sets glibc.
lay_out() { # ARCHITECTURE
  local root=$scratch/root-$1 machine
  case $1 in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; esac
  local home=$root/usr/lib/weft
  mkdir -p "$home/bin" "$home/lib/jni"
  install -m 755 bin/* "$home/bin/"
  cp "$dist"/lib/*.jar "$home/lib/"
  rm "$home"/lib/jffi-*-native.jar # its stub is unpacked below
  cp -r "$dist/lib/jni/$machine-Linux" "$home/lib/jni/"
  link_runtime "$1" "$home/runtime" "$daemon_modules" || return 1
  link_runtime "$1" "$home/cni-runtime" "$plugin_modules" "$(plugin_modulepath)" || return 1
  rm "$home"/*runtime/bin/keytool "$home"/*runtime/lib/jexec
  binaries_below "$home" | xargs -d '\n' "$machine-linux-gnu-strip" --strip-unneeded || return 1
  # The JVM is the larger half of each, and the same.
  ln -f "$home/runtime/lib/server/libjvm.so" "$home/cni-runtime/lib/server/libjvm.so"
  glibc=$(newest_glibc "$home") || return 1
}

plugin_modulepath() {
  local jars=("$dist"/lib/cni-*.jar "$dist"/lib/address-*.jar "$dist"/lib/jackson-core-*.jar)
  local IFS=:
  echo "${jars[*]}"
}

link_runtime() { # ARCHITECTURE TARGET MODULES [MODULEPATH, of others than the JDK's]
  local jdk
  jdk=$(echo "$scratch/jdk-$1"/usr/lib/jvm/java-17-openjdk-*)
  "${JAVA_HOME:+$JAVA_HOME/bin/}jlink" --module-path "$jdk/jmods${4:+:$4}" --add-modules "$3" --strip-java-debug-attributes \
    --no-header-files --no-man-pages --output "$2" || return 1
  # Debian's JDK takes these from the system; a host of pods need not have them, and the plugin runs there. bin/java's RPATH is lib.
  local library
  for library in libz.so.1 libstdc++.so.6 libgcc_s.so.1; do
    cp -L "$(find "$scratch/jdk-$1" -name $library -print -quit)" "$2/lib/" || return 1
  done
  chmod -R u+w "$2"
}

# The version of glibc that the newest symbol of all binaries below a directory is of; fails if one needs another library of the host.
newest_glibc() { # DIRECTORY
  local binary needed
  while IFS= read -r binary; do
    for needed in $(readelf -d "$binary" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
      case $needed in
        libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | ld-linux-*) ;;
        *) [ -n "$(find "$1" -name "$needed" -print -quit)" ] || { echo "weft: $binary needs $needed of the host" >&2; return 1; } ;;
      esac
    done
  done < <(binaries_below "$1")
  binaries_below "$1" | xargs readelf -V 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sort -Vu | sed -n '$s/GLIBC_//p'
}

binaries_below() { # DIRECTORY
  find "$1" -type f \( -name '*.so' -o -name '*.so.*' -o -path '*/runtime/bin/*' -o -path '*/cni-runtime/bin/*' -o -name jspawnhelper \)
}

make_deb() { # ARCHITECTURE COMPRESSION
  local root=$scratch/root-$1 file
  local doc=$root/usr/share/doc/weft
  install -D -m 644 packaging/debian/weftd.default "$root/etc/default/weftd"
  mkdir -p "$root/lib/systemd/system" "$root/usr/bin" "$root/usr/sbin" "$doc" "$root/usr/share/lintian/overrides"
  sed 's|/opt/weft/bin/weftd|/usr/sbin/weftd|' deploy/weftd.service >"$root/lib/systemd/system/weftd.service"
  ln -s ../lib/weft/bin/weft "$root/usr/bin/weft"
  ln -s ../lib/weft/bin/weftd "$root/usr/sbin/weftd"
  install -D -m 644 packaging/host/networkd.network "$root/lib/systemd/network/10-weft.network"
  install -D -m 644 packaging/host/networkd.link "$root/lib/systemd/network/10-weft.link"
  install -D -m 644 packaging/host/networkd.conf "$root/lib/systemd/networkd.conf.d/10-weft.conf"
  install -D -m 644 packaging/host/NetworkManager.conf "$root/usr/lib/NetworkManager/conf.d/weft.conf"
  man_pages "$root/usr/share/man" || return 1
  completions "$root/usr/share" || return 1
  copyright >"$doc/copyright"
  gzip -9n <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
  printf 'weft (%s) stable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- %s  %s\n' "$version" "$(sed -n 's/^Maintainer: //p' packaging/debian/control)" \
    "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
  cp packaging/debian/lintian-overrides "$root/usr/share/lintian/overrides/weft"
  find "$root" -type f -perm /111 ! -path '*/bin/*' ! -name jspawnhelper -exec chmod a-x {} +
  chmod -R u=rwX,go=rX "$root" # whatever modes the checkout has
  find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

  mkdir -p "$root/DEBIAN"
  sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$1/; s/@GLIBC@/$glibc/; s/@SIZE@/$(du -sk --exclude DEBIAN "$root" | cut -f1)/" \
    packaging/debian/control >"$root/DEBIAN/control"
  for file in postinst prerm postrm; do install -m 755 "packaging/debian/$file" "$root/DEBIAN/"; done
  echo /etc/default/weftd >"$root/DEBIAN/conffiles"
  (cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
  touch -d "@$SOURCE_DATE_EPOCH" "$root"/DEBIAN/* "$root/DEBIAN"
  dpkg-deb --root-owner-group "-Z$2" --build "$root" "$packages/weft_${version}_$1.deb" >/dev/null
}

copyright() {
  cat <<'TEXT'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: weft
Comment: The licences of the libraries in /usr/lib/weft/lib are in their jars, below META-INF; those of the Java runtime are in
 /usr/lib/weft/runtime/legal.

Files: *
Copyright: Copyright the authors of weft
License: Apache-2.0
 The whole text is in /usr/share/common-licenses/Apache-2.0.
TEXT
}

# A page for each program and each command of weft, out of what --help says.
man_pages() { # DIRECTORY
  local command
  mkdir -p "$1/man1" "$1/man8"
  # By hand: the plugin has no --help, for its words are the specification's.
  sed "s/@VERSION@/$version/" packaging/man/weft-cni.8 | gzip -9n >"$1/man8/weft-cni.8.gz"
  man_page "$1" 8 weftd.h2m weftd && man_page "$1" 1 weft.h2m weft || return 1
  sed '1,/^Commands:/d; s/^  \([a-z][a-z-]*\) .*/\1/p; d' "$scratch/weft.help" >"$scratch/commands"
  while read -r command; do
    man_page "$1" 1 weft-command.h2m weft "$command" </dev/null || return 1
  done <"$scratch/commands"
}

man_page() { # DIRECTORY SECTION INCLUDED PROGRAM [COMMAND]
  local name=$4${5:+-$5} help
  help=$scratch/$name.help
  # As wide as a description may be: what is broken into lines here would be paragraphs there.
  WEFT_JAVA_OPTS=-Dpicocli.usage.width=500 "bin/$4" ${5:+"$5"} --help | join_usage >"$help" || return 1
  printf '#!/bin/sh\ncat "%s"\n' "$help" >"$scratch/$name"
  chmod +x "$scratch/$name"
  # Its own --version tells of this machine's Java, which is not the reader's.
  help2man --no-info --section="$2" --name="$(first_sentence <"$help")" --version-string="$name (weft) $version" \
    --include="packaging/man/$3" "$scratch/$name" >"$scratch/$name.$2" || return 1
  gzip -9n <"$scratch/$name.$2" >"$1/man$2/$name.$2.gz"
}

join_usage() { # help2man takes one line, and what follows for the description
  awk '/^Usage:/ { usage = $0; next } usage && /^ / { sub(/^ +/, " "); usage = usage $0; next }
    usage { print usage "\n"; usage = "" } { print }'
}

first_sentence() { # of what stands between usage and options
  awk '/^Usage:/ || !text && /^$/ { next } /^ |^$/ { exit } { text = text (text ? " " : "") $0 }
    END { sub(/[.:;] .*|[.:]$/, "", text); print tolower(substr(text, 1, 1)) substr(text, 2) }'
}

completions() { # DIRECTORY
  local class name
  mkdir -p "$1/bash-completion/completions" "$1/zsh/vendor-completions"
  for class in weft:cli.WeftCommand weftd:daemon.WeftdCommand; do
    name=${class%%:*}
    bin/weft-java picocli.AutoComplete --force --name="$name" --completionScript="$scratch/$name.completion" \
      "io.weft.overlay.${class#*:}" >/dev/null || return 1
    # It says when it was made.
    sed '1{/^#!/d}; /^# Generated by/d' "$scratch/$name.completion" >"$1/bash-completion/completions/$name"
    zsh_completion "$name" <"$1/bash-completion/completions/$name" >"$1/zsh/vendor-completions/_$name"
  done
}

# As the body of a function that zsh's completion calls each time. What picocli has for a ~/.zshrc is left out: an alias for bash's compopt,
# which does not work in a function, and an option of the user's shell.
zsh_completion() { # NAME; out of bash's
  echo "#compdef $1"
  echo 'autoload -U +X bashcompinit && bashcompinit'
  sed '/^if \[ -n "$BASH_VERSION" \]/,/^fi$/d; s/^complete -F \([^ ]*\) -o default .*/_bash_complete -o default -F \1/'
}

# Runs from where it is unpacked.
make_tarball() { # ARCHITECTURE
  local name=weft-$version-linux-$1 root=$scratch/root-$1
  mkdir "$scratch/$name"
  cp -r "$root"/usr/lib/weft/. "$scratch/$name/"
  cp -r README.md CHANGELOG.md LICENSE SECURITY.md deploy "$scratch/$name/"
  mkdir "$scratch/$name/packaging"
  cp -r packaging/host "$scratch/$name/packaging/"
  chmod -R u=rwX,go=rX "$scratch/$name"
  find "$scratch/$name" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  archive "$scratch" "$name" | gzip -9n >"$packages/$name.tar.gz"
}

archive() { # DIRECTORY NAME; a tar file whose bytes depend on names and contents alone
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -C "$1" -cf - "$2"
}

# Debian's bash, iptables and nftables, and weft. No package of it is configured: nothing of them needs to be but the links below.
make_image() { # ARCHITECTURE
  local root=$scratch/image-$1 suite
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mmdebstrap --quiet --mode=root --variant=extract --architectures="$1" \
    --include=base-files,bash,dash,coreutils,util-linux,grep,iptables,nftables,ca-certificates,libc-bin "$suite" "$root" || return 1
  dpkg-deb -x "$packages/weft_${version}_$1.deb" "$root" || return 1
  local name
  for name in iptables ip6tables iptables-save iptables-restore ip6tables-save ip6tables-restore; do
    ln -sf "${name/tables/tables-nft}" "$root/usr/sbin/$name"
  done
  echo root:x:0:0:root:/root:/bin/bash >"$root/etc/passwd"
  echo root:x:0: >"$root/etc/group"
  find "$root/usr/share/ca-certificates/mozilla" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
  chroot "$root" /sbin/ldconfig
  rm -rf "$root"/{dev,proc,sys,run,tmp,var/cache,var/lib/apt,var/lib/dpkg,var/log,etc/apt} "$root"/usr/share/{man,locale,bash-completion,zsh,lintian,info}
  find "$root/usr/share/doc" ! -name copyright -type f -delete
  find "$root/usr/share/doc" -type l -delete
  find "$root/usr/share/doc" -type d -empty -delete
  mkdir -m 755 "$root"/{dev,proc,sys,run} "$root/var/cache"
  mkdir "$root/tmp"
  find "$root" -perm /6000 -type f -exec chmod ug-s {} +
  # For root alone, which everything in it runs as.
  find "$root" ! -type l -perm /022 -exec chmod go-w,-t {} +
  write_oci_image "$root" "$1"
}

# One layer, a configuration, a manifest and an index: https://github.com/opencontainers/image-spec, image-layout.md.
write_oci_image() { # ROOT ARCHITECTURE
  local image=$scratch/oci-$2 created diff layer config manifest
  created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  mkdir -p "$image/blobs/sha256"
  archive "$1" . >"$scratch/layer.tar"
  diff=$(sha256sum <"$scratch/layer.tar" | cut -d' ' -f1)
  gzip -9n <"$scratch/layer.tar" >"$scratch/layer.tar.gz"
  layer=$(add_blob "$image" "$scratch/layer.tar.gz")
  jq -cn --arg created "$created" --arg architecture "$2" --arg diff "sha256:$diff" --arg version "$version" --arg revision "$(git rev-parse HEAD)" '{
    created: $created, architecture: $architecture, os: "linux",
    config: {Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Entrypoint: ["/usr/sbin/weftd"],
      Labels: {"org.opencontainers.image.title": "weft", "org.opencontainers.image.version": $version,
        "org.opencontainers.image.revision": $revision, "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.description": "Overlay data plane for Kubernetes nodes, a swap-in for flanneld"}},
    rootfs: {type: "layers", diff_ids: [$diff]},
    history: [{created: $created, created_by: "weft package"}]}' >"$scratch/config.json"
  config=$(add_blob "$image" "$scratch/config.json")
  jq -cn --argjson config "$(descriptor "$image" "$config" application/vnd.oci.image.config.v1+json)" \
    --argjson layer "$(descriptor "$image" "$layer" application/vnd.oci.image.layer.v1.tar+gzip)" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: [$layer]}' >"$scratch/manifest.json"
  manifest=$(add_blob "$image" "$scratch/manifest.json")
  jq -cn --argjson manifest "$(descriptor "$image" "$manifest" application/vnd.oci.image.manifest.v1+json)" --arg version "$version" \
    --arg architecture "$2" '{schemaVersion: 2, manifests: [$manifest + {platform: {architecture: $architecture, os: "linux"},
      annotations: {"org.opencontainers.image.ref.name": $version, "io.containerd.image.name": "docker.io/library/weft:\($version)"}}]}' >"$image/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
  archive "$image" . >"$packages/weft-$version-linux-$2.oci.tar"
}

add_blob() { # IMAGE FILE; prints its digest
  local digest
  digest=$(sha256sum <"$2" | cut -d' ' -f1)
  mv "$2" "$1/blobs/sha256/$digest"
  echo "$digest"
}

descriptor() { # IMAGE DIGEST TYPE
  jq -cn --arg type "$3" --arg digest "sha256:$2" --argjson size "$(stat -c %s "$1/blobs/sha256/$2")" '{mediaType: $type, digest: $digest, size: $size}'
}

# What is in the packages: jars by Maven, the Java runtime by the version of Debian's package.
make_sbom() {
  maven target/sbom.log -q org.cyclonedx:cyclonedx-maven-plugin:2.9.3:makeAggregateBom -DincludeTestScope=false -DoutputFormat=json \
    -DoutputReactorProjects=false -Dcyclonedx.skipNotDeployed=false || return 1
  local jdk
  jdk=$(dpkg-deb -f "$(echo "$scratch"/apt-amd64/openjdk-17-jre-headless_*.deb)" Version)
  jq --arg jdk "$jdk" 'del(.serialNumber) | .components += [{type: "platform", name: "openjdk-17", version: $jdk,
    purl: "pkg:deb/debian/openjdk-17@\($jdk)"}]' target/bom.json >"$packages/weft-$version.cdx.json"
}
