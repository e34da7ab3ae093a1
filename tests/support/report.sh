# SPDX-License-Identifier: Apache-2.0
# How a scenario fails, and how one waits.

# Ends the scenario: says what was wrong, and where in the scenario's text.
fail() {
  local frame line file
  for ((frame = 1; frame < ${#BASH_SOURCE[@]}; frame++)); do
    file=${BASH_SOURCE[frame]} line=${BASH_LINENO[frame - 1]}
    [[ $file == *.scenario.sh ]] && break
  done
  echo "failed: $*"
  [[ $file != *.scenario.sh ]] || echo "    at ${file##*/}:$line: $(sed -n "${line}s/^ *//p" "$file")"
  exit 1
} >&2

# text_of_scenario FILE LINE: its own lines, and those before the first scenario, at their own places: so that messages
# name the right line.
text_of_scenario() {
  awk -v from="$2" '/^scenario "/ { mine = (NR == from); others = 1 } { print (!others || mine) ? $0 : "" }' "$1"
}

# note TEXT: goes to the story that is shown when the scenario fails.
note() { echo "  $*" >>"$work/story"; }

# A scenario waits often, and each program that is started costs milliseconds: what follows starts none.
now_ms() { local t=$EPOCHREALTIME; t=${t/[.,]/}; echo $((t / 1000)); }
milliseconds() { # SECONDS, with at most three decimals
  local decimals
  [[ $1 != *.* ]] || decimals=${1#*.}
  decimals=${decimals:-0}000
  echo $((10#${1%%.*} * 1000 + 10#${decimals:0:3}))
}
exec {nothing}<> <(:) # nothing is ever written to it
nap() { read -rt "$1" -u "$nothing" || true; } # SECONDS

# within SECONDS COMMAND...: tries again until it succeeds; an attempt that began in time counts. The last attempt's
# words are the reason of the failure.
within() {
  local seconds=$1 deadline why; shift
  deadline=$(($(now_ms) + $(milliseconds "$seconds")))
  while :; do
    if why=$("$@" 2>&1); then return 0; fi
    (($(now_ms) < deadline)) || fail "not within $seconds s: $* (${why//$'\n'/; })"
    nap 0.03
  done
}
eventually() { within 5 "$@"; }

# For SECONDS, COMMAND succeeds each time.
throughout() {
  local seconds=$1 deadline; shift
  deadline=$(($(now_ms) + seconds * 1000))
  while (($(now_ms) < deadline)); do "$@"; done
}

# COMMAND fails.
not() { if ("$@") >/dev/null 2>&1; then fail "this should not succeed: $*"; fi; }

# words_of COMMAND: what it says, however it ends.
words_of() { ("$@") 2>&1 || true; }

# contains WHAT TEXT: fails unless TEXT has WHAT in it.
contains() { [[ $2 == *"$1"* ]] || fail "'$1' is not in: $2"; }
lacks() { [[ $2 != *"$1"* ]] || fail "'$1' is in: $2"; }
same() { [ "$1" = "$2" ] || fail "'$1' and '$2' are not the same${3:+: $3}"; }

# on DATAPATH,... COMMAND...: for these datapaths only; docs/behaviour.md says what a datapath cannot do.
on() { [[ ,$1, != *",$datapath,"* ]] || "${@:2}"; }

exists() { [ -e "$1" ] || fail "$1 does not exist"; }
