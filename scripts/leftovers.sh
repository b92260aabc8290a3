# shellcheck shell=bash
# What a run of ./weft puts on the machine, and how it is found again, by this run or, if it was killed, by the next one:
#
#   processes    have WEFT_RUN in their environment: the run, and those that it is part of, as PID.STARTTIME,...
#   namespaces   /run/netns/weft-[WORD-]PID-..., where PID is a JVM of tests, demo or bench
#   groups       /sys/fs/cgroup/[CONTROLLER/]weft-{test,bench}-PID..., of the containers of such a JVM, or of what it limits
#   files        in a directory weft-test-PID.STARTTIME, where java.io.tmpdir of the tests points to
#
# What belongs to a run that lives is never touched, so that two checkouts can be tested side by side.

start_time() { # PID; in clock ticks since boot, so that an id that is used again is told apart
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra stat <<<"${stat##*) }"
  echo "${stat[19]}" # field 22 of proc_pid_stat(5), counted from behind the program's name
}

begin_run() {
  run=$$.$(start_time $$)
  export WEFT_RUN=${WEFT_RUN:+$WEFT_RUN,}$run
}

is_running() { # RUN
  [ "$(start_time "${1%.*}")" = "${1#*.}" ]
}

# Each process that a run has started, as "PID RUN[,RUN...]", but those that look for them.
processes_of_runs() (
  unset WEFT_RUN
  # Ids mean something within one PID namespace alone: runs in containers are none of ours.
  here=$(readlink /proc/self/ns/pid)
  { grep -saz '^WEFT_RUN=' /proc/[0-9]*/environ || true; } | tr '\0' '\n' |
    sed -n 's|^/proc/\([0-9]*\)/environ:WEFT_RUN=\(.*\)|\1 \2|p' |
    while read -r pid runs; do
      [ "$(readlink "/proc/$pid/ns/pid")" != "$here" ] || echo "$pid $runs"
    done
)

processes_of() ( # RUN
  unset WEFT_RUN
  processes_of_runs | awk -v run="$1" 'index("," $2 ",", "," run ",") { print $1 }'
)

processes_of_dead_runs() {
  local pid ids id
  processes_of_runs | while read -r pid ids; do
    for id in ${ids//,/ }; do
      is_running "$id" || { echo "$pid"; break; }
    done
  done
}

# Whether a JVM of this id lives: here, or in a PID namespace below this one, whose run named its things by the id that the JVM
# has there (NSpid of proc_pid_status(5)).
has_jvm() { # PID
  local status
  # A process that has ended and is not waited for yet has a name still, but no program.
  [[ $(readlink "/proc/$1/exe") != */java ]] || return 0
  while read -r status; do
    [[ $(readlink "${status%/status}/exe") != */java ]] || return 0
  done < <(grep -lsE "^NSpid:.*[[:space:]]$1([[:space:]]|\$)" /proc/[0-9]*/status)
  return 1
}

# Namespaces and control groups, as files, whose JVM is gone.
orphans() {
  local file
  for file in /run/netns/weft-* /sys/fs/cgroup/weft-{test,bench}-* /sys/fs/cgroup/*/weft-{test,bench}-*; do
    [[ -e $file && ${file##*/} =~ ^weft-([a-z]+-)?([0-9]+)(-|$) ]] || continue
    has_jvm "${BASH_REMATCH[2]}" || echo "$file"
  done
}

end_processes() { # COMMAND...: prints their ids; asked again until it prints none
  local pids tries
  for ((tries = 0; tries < 100; tries++)); do
    pids=$("$@")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # several words
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  echo "weft: these do not end:" >&2
  list_processes "$pids" >&2
  return 1
}

list_processes() { # PID...
  # shellcheck disable=SC2086,SC2048 # several words
  ps -o pid,stat,args -p "$(echo $* | tr ' ' ,)" || true
}

remove_orphans() {
  local file name
  [ "$(id -u)" = 0 ] || return 0
  orphans | while read -r file; do
    name=${file##*/}
    case $file in
      /run/netns/*)
        end_processes ip netns pids "$name" || true
        ip netns del "$name" 2>/dev/null || rm -f "$file"
        ;;
      *)
        end_processes find "$file" -name cgroup.procs -exec cat '{}' + || true
        find "$file" -depth -type d -exec rmdir '{}' + || true
        ;;
    esac
  done
}

remove_what_dead_runs_left() {
  local directory
  end_processes processes_of_dead_runs || true
  remove_orphans || true
  for directory in "${TMPDIR:-/tmp}"/weft-test-*.*; do
    [ ! -d "$directory" ] || [ ! -O "$directory" ] || is_running "${directory##*/weft-test-}" || rm -rf --one-file-system "$directory"
  done
}
