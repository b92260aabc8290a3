# shellcheck shell=bash
# A kernel of Debian's in software emulation, with files of this machine: for scripts/test-on-kernel and scripts/try-arm64.

kernel_packages=(kmod:depmod cpio:cpio)

# Unpacks a package's kernel below a directory; sets kernel to where, and release to what uname -r will say. APT_CONFIG may be of another
# architecture.
fetch_kernel() { # PACKAGE DIRECTORY
  local image=$1 found
  [ -n "$(apt-cache pkgnames "$image")" ] || apt-get update -qq
  # A meta-package has no kernel; the one that it depends on has.
  found=$(apt-cache depends "$image" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | sed 1q)
  image=${found:-$image}
  kernel=$2/$image
  if [ ! -e "$kernel/unpacked" ]; then
    echo "downloading $image"
    rm -rf "$kernel"
    mkdir -p "$kernel"
    (cd "$kernel" && apt-get download -qq -o APT::Sandbox::User=root "$image" && dpkg-deb -x ./*.deb . && rm ./*.deb) || return 1
    depmod -b "$kernel" "$(ls "$kernel/lib/modules")"
    touch "$kernel/unpacked"
  fi
  release=$(ls "$kernel/lib/modules")
  [ -n "$(find "$kernel/lib/modules" -name '9p.ko*')" ] ||
    { echo "$image has no 9p, by which it could see files of this machine: choose another" >&2; return 1; }
}

# The first files of the virtual machine: they mount the share "host" with a layer in memory over it, below it the share "results" as
# PLACE/results, and go on with PLACE/inside, where PLACE is a directory of the share "host".
make_initramfs() { # DIRECTORY BUSYBOX PLACE; makes DIRECTORY/initramfs.gz
  local root=$1/initramfs module file
  rm -rf "$root"
  mkdir -p "$root"/{bin,modules,proc,sys,dev,host,layer,root}
  cp "$2" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  for module in virtio_pci 9pnet_virtio 9p overlay; do
    modprobe -d "$kernel" -S "$release" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$1/modules"
  while read -r file; do
    cp "$file" "$root/modules/"
    echo "/bin/busybox insmod /modules/${file##*/}"
  done <"$1/modules" >"$root/load"
  cat >"$root/init" <<INIT
#!/bin/sh
place=$3
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
. /load
options=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o ro,cache=loose,\$options host /host
mount -t tmpfs -o mode=755 layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root
mkdir -p /root\$place/results
mount -t 9p -o rw,\$options results /root\$place/results
umount /proc /sys
mount --move /dev /root/dev
exec switch_root /root /bin/bash "\$place/inside"
INIT
  chmod 755 "$root/init"
  (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$1/initramfs.gz"
}

# Leaves for each module the class path of its tests in target/test-class-path, and sets console to JUnit's launcher.
compile_tests() { # MODULE[,MODULE]... DIRECTORY
  local version
  # The class path of test-compile leads to target/classes of this checkout's modules.
  # shellcheck disable=SC2016 # Maven expands it, for each module.
  mvn -B -ntp -pl "$1" -am test-compile dependency:build-classpath -Dmdep.includeScope=test \
    '-Dmdep.outputFile=${project.build.directory}/test-class-path' >"$2/build.log" 2>&1 </dev/null ||
    { grep ERROR "$2/build.log" >&2; return 1; }
  console=$2/junit-platform-console-standalone.jar
  [ ! -e "$console" ] || return 0
  version=$(sed -n 's|.*<junit.version>\(.*\)</junit.version>.*|\1|p' pom.xml)
  mvn -B -ntp -q dependency:copy "-Dartifact=org.junit.platform:junit-platform-console-standalone:$version" \
    -Dmdep.stripVersion=true "-DoutputDirectory=$2" </dev/null
}
