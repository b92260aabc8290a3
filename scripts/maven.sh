# shellcheck shell=bash
# Maven, with its output in a log and what matters of it on standard output: a line for each module that is done, and how
# each test failed that did. On a terminal a last line, rewritten in place, tells what it does and how far it is.

maven() { # LOG ARGUMENT...; returns Maven's exit status
  local log=$1 status=0 progress
  shift
  mkdir -p "${log%/*}"
  exec {progress}> >(tee -i "$log" | show_progress)
  progress_pid=$!
  # In the background, so that a signal is acted on at once; as a job, so that Ctrl-C comes to this shell alone, and SIGINT
  # is not ignored by all that is started below. It ends with this shell, even if that is killed.
  set -m
  # The commit always: a jar that a test run makes is packed too.
  setpriv --pdeathsig KILL mvn -B -ntp -Dstyle.color=never "-Dweft.commit=$(commit)" "$@" </dev/null >&"$progress" 2>&1 {progress}>&- &
  maven_pid=$!
  set +m
  wait "$maven_pid" || status=$?
  maven_pid=''
  exec {progress}>&-
  wait "$progress_pid" || true
  progress_pid=''
  return $status
}

commit() { # that is built; a tree with changes says so
  git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown
}

show_progress() {
  local terminal='' drawn='' line part rest='' status
  local module='' place='' doing='' tests='' classes=0 all_classes=0 started=0
  local why=0 # how many lines about the failure of a test are yet to be shown
  [ ! -t 1 ] || terminal=yes
  while true; do
    status=0
    IFS= read -r ${terminal:+-t 1} part || status=$?
    if [ $status -eq 0 ]; then
      line=$rest$part
      rest=''
      notice "$line"
    elif [ $status -gt 128 ]; then # a second without a whole line
      rest+=$part
    else
      break
    fi
    [ -z "$terminal" ] || draw
  done
  tests='not finished'
  say_module
}

# The functions below share the variables of show_progress.

module_begins='^\[INFO\] Building ([^ ]+) [^ ]+ +\[([0-9]+/[0-9]+)\]$'
goal_begins='^\[INFO\] --- [^ ]+:([^: ]+) \(.*\) @ '
class_begins='^\[INFO\] Running .*\.([^.]+)$'
module_totals='^\[[A-Z]+\] (Tests run: [0-9]+, Failures: [0-9]+, Errors: [0-9]+, Skipped: [0-9]+)$'
# A test, or a class in which something else than a test failed.
failed_test='^\[ERROR\] (io\.weft\.[A-Za-z0-9_.$]+).* -- Time elapsed: .* <<< (FAILURE|ERROR)!$'

notice() { # LINE of Maven's output
  if [ "$why" -gt 0 ]; then
    if [ -n "$1" ] && [ "${1:0:1}" != '[' ]; then
      why=$((why - 1))
      say "          ${1:0:300}"
      return
    fi
    why=0
  fi
  if [[ $1 =~ $module_begins ]]; then
    say_module
    module=${BASH_REMATCH[1]} place=${BASH_REMATCH[2]} doing='' tests='' classes=0 started=$SECONDS
    all_classes=$(find "$module/src/test" -name '*Test.java' 2>/dev/null | wc -l)
  elif [[ $1 =~ $goal_begins ]]; then
    doing=${BASH_REMATCH[1]}
  elif [[ $1 =~ $class_begins ]]; then
    classes=$((classes + 1))
    doing="test class $classes of $all_classes, ${BASH_REMATCH[1]}"
  elif [[ $1 =~ $module_totals ]]; then
    tests=${BASH_REMATCH[1]}
  elif [[ $1 =~ $failed_test ]]; then
    say "        failed: ${BASH_REMATCH[1]%.executionError}"
    why=30
  elif [[ $1 =~ ^'[INFO] Reactor Summary' ]]; then
    say_module
  fi
}

say_module() {
  [ -z "$module" ] || say "$(printf '[%5s] %-14s %s%d s' "$place" "$module" "${tests:+$tests, }" $((SECONDS - started)))"
  module=''
}

say() { # LINE
  drawn=''
  printf '%s%s\n' "${terminal:+$'\r\e[K'}" "$1"
}

draw() {
  [ -n "$module" ] || return 0
  local text
  text="[$place] $module: $doing ($((SECONDS - started)) s)"
  [ "$text" != "$drawn" ] || return 0
  drawn=$text
  printf '\r\e[K%s' "${text:0:$((${COLUMNS:-80} - 1))}"
}
