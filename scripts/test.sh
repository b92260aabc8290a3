# shellcheck shell=bash
# ./weft test: the tests on one JDK after another, module after module, whatever fails; at the end, in one line, what did.

run_tests() {
  local jdks=() selection=() word jdk failures=0 conclusion=''
  for word; do
    case $word in
      --jdk=*) jdks+=("$(from_caller "${word#--jdk=}")") ;;
      --only=*) select_tests "${word#--only=}" || return 2 ;;
      --second-jdk) selection=("-Dsurefire.excludesFile=$PWD/scripts/one-jdk-says-it") ;;
      *)
        echo "weft: test takes --jdk=DIR, --only=MODULE[:TEST] and --second-jdk, not $word" >&2
        return 2
        ;;
    esac
  done
  for jdk in ${jdks[@]+"${jdks[@]}"}; do
    [ -x "$jdk/bin/java" ] || { echo "weft: --jdk=$jdk: there is no $jdk/bin/java" >&2; return 2; }
  done
  need "${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}" || return 1
  remove_what_dead_runs_left
  files=${TMPDIR:-/tmp}/weft-test-$run
  mkdir "$files" || return 1
  export TMPDIR=$files
  for jdk in "${jdks[@]-}"; do
    test_on "$jdk" || failures=1
  done
  echo "weft test: $conclusion"
  return $failures
}

# By the tests that hold them.
write_reference() {
  need "${build_packages[@]}" || return 1
  maven target/reference.log -pl overlay -am verify -Dweft.reference=write -Dtest='ReferenceTest,NodeMetricsTest#shouldBeInTheReference' \
    -Dsurefire.failIfNoSpecifiedTests=false || { grep -E 'ERROR|BUILD' target/reference.log >&2; return 1; }
  echo "weft: docs/reference is as the code says"
}

from_caller() { # PATH as it was meant where ./weft was called
  case $1 in /*) echo "$1" ;; *) echo "$caller/$1" ;; esac
}

# Sets selection: Maven's options for the tests of a module, all or those of a name such as RingTest or 'RingTest#shouldWrap*'.
select_tests() { # MODULE[:TEST]
  local module=${1%%:*} class='*Test' method='' names
  if [[ $1 == *:* ]]; then
    class=${1#*:}
    [[ $class != *'#'* ]] || method="#${class#*#}"
    class=${class%%#*}
  fi
  # With their packages, since Maven looks for them in the modules that this one needs as well.
  names=$(find "$module/src/test/java" -name "$class.java" -printf "%P$method\n" 2>/dev/null |
    sed 's|\.java||; s|/|.|g' | sort | paste -sd,)
  [ -n "$names" ] || { echo "weft: --only=$1: there is no such test class" >&2; return 1; }
  selection=(-pl "$module" -am "-Dtest=$names" -Dsurefire.failIfNoSpecifiedTests=false)
}

test_on() { # JDK, empty for the one that runs Maven
  local java=${1:-${JAVA_HOME:-}} version log status=0 started=$SECONDS
  java=${java:+$java/bin/}java
  version=$("$java" -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')
  log=target/test-jdk${version%%.*}.log
  echo "weft: testing on JDK $version ($log)"
  maven "$log" --fail-at-end verify -Dmaven.test.failure.ignore=true "-Dweft.test.tmpdir=$files" \
    ${selection[@]+"${selection[@]}"} ${1:+"-Djvm=$java"} || status=$?
  await_processes >>"$log"
  conclude "$log" "$version" $status $((SECONDS - started))
}

await_processes() { # says which of this run's have not ended within a minute of Maven's end
  local tries pids=''
  for ((tries = 0; tries < 600; tries++)); do
    pids=$(processes_of "$run")
    [ -n "$pids" ] || return 0
    sleep 0.1
  done
  echo "[ERROR] left running: $(list_processes "$pids" | paste -sd\;)"
}

conclude() { # LOG VERSION STATUS SECONDS; adds to conclusion, fails if anything did
  local failed=() tests list
  tests=$(tests_in "$1")
  mapfile -t failed < <(failures_in "$1" "$3" "$tests")
  conclusion+=${conclusion:+; }
  if [ ${#failed[@]} -eq 0 ]; then
    conclusion+="passed on JDK $2, $tests tests in $4 s (log: $1)"
    return 0
  fi
  list=$(printf '%s, ' "${failed[@]:0:10}")
  [ ${#failed[@]} -le 10 ] || list+="and $((${#failed[@]} - 10)) more, "
  conclusion+="FAILED on JDK $2: ${list%, } (of $tests tests; log: $1)"
  return 1
}

# The tests that failed; if none did and something is wrong, what it is: a compiler's error, a JVM that crashed.
failures_in() { # LOG STATUS TESTS
  local names
  names=$(
    sed -nE "s/$failed_test/\1/p" "$1" | sed 's/\.executionError$//' | sort -u
    sed -n 's/^\[ERROR\] \(left running: .*\)/\1/p' "$1"
  )
  [ -n "$names" ] || names=$(sed -n 's/^\[ERROR\] *\([^ ].*[^: ]\)$/\1/p' "$1" | sed 1q)
  if [ -n "$names" ]; then
    echo "$names"
  elif [ "$2" -ne 0 ]; then
    echo "Maven ended with status $2"
  elif [ "$3" -eq 0 ]; then
    echo "no test ran"
  fi
}

# Those that ran, by the totals of modules; the line of a class goes on with its time.
tests_in() { # LOG
  sed -n 's/^\[[A-Z]*\] Tests run: \([0-9]*\), .*Skipped: [0-9]*$/\1/p' "$1" | awk '{ sum += $1 } END { print sum + 0 }'
}
