# SPDX-License-Identifier: Apache-2.0
# What the pods, the node and the world do to each other.
#
#   world serves tcp 80                       pod1 connects to world 80 [from 40000] [under ADDRESS]
#   world serves udp 5300                       pod1 asks world 5300 [from 40000]         (one datagram, one answer)
#   world serves ping                         pod1 pings world [from 7]               (an identifier)
#   world saw node [from 40000]               the last one who came to any service there
#   pod1 asks world 5300 with 60000 bytes       and gets as many back; pings too
#   pod1 reaches office as pod1 [over udp]    asks, and compares what the other side saw; `from` and `under` as above
#   pod1 cannot_reach office [over udp]
#   pod1 chats with world as NAME [from 4000] a connection that goes on; NAME goes_on, NAME is_unbroken
#   pod1 keeps_up 20 udp with world as NAME   so many conversations, each of which keeps its endpoint; NAME as above. At the
#                                             end `patiently`: a datagram may get lost
#   pod1 keeps_knocking world as NAME         a new connection every 20 ms; NAME goes_on, NAME is_unbroken
#   pod1 keeps_pinging world as NAME          every 5 ms; NAME lost_nothing ends it
#   pod1 downloads from world as NAME         a transfer that goes on; NAME has_moved BYTES, NAME is_unbroken

peer=$tools/lab_peer
declare -A tcp_port=([tcp]=80 [udp]=5300)

pod1() { act pod1 "$@"; }
pod2() { act pod2 "$@"; }
node() { act node "$@"; }
world() { act world "$@"; }
far() { act far "$@"; }

act() {
  local who=$1 verb=$2; shift 2
  note "$who $verb $*"
  case $verb in
    serves) serve "$who" "$@" ;;
    connects) shift; request "$who" tcp "$@" ;;
    asks) request "$who" udp "$@" ;;
    pings) request "$who" ping "$@" ;;
    saw) within 1 check_seen "$who" "$@" ;; # of a ping the kernel answers before it is noted
    reaches) reach "$who" "$@" ;;
    cannot_reach) miss "$who" "$@" ;;
    chats) start_connection "$who" chat "$@" ;;
    downloads) start_connection "$who" "transfer down" "$@" ;;
    keeps_up) hold_connections "$who" "$@" ;;
    keeps_knocking) start_connection "$who" knock at "$1" as "$3" ;;
    keeps_pinging) keep_pinging "$who" "$@" ;;
    uploads) start_connection "$who" "transfer up" "$@" ;;
    serves_many | opens_many | sends_pairs | talks | converses | begins | opens_half | forges_resets) "$verb" "$who" "$@" ;;
    *) fail "$who does not know how to '$verb'" ;;
  esac
}

background() { # WHO NAME COMMAND...: its output in $work/NAME.out, its number in $work/NAME.pid
  local who=$1 name=$2; shift 2
  exec_inside "$who" "$@" >"$work/$name.out" 2>&1 </dev/null &
  echo $! >"$work/$name.pid"
}

serve() {
  local who=$1 protocol=$2 port=${3:-0} name=$1-$2-${3:-0}
  background "$who" "$name" "$peer" serve "$protocol" "$port" --log "$work/$who.seen" --ready "$work/$name.ready"
  eventually exists "$work/$name.ready"
}

# source_options PROTOCOL "from PORT" "under ADDRESS" "with BYTES bytes": the words at the end of a request, as options
# of lab_peer or ping.
source_options() {
  local ping=$1; shift
  options=()
  while [ $# -gt 0 ]; do
    case $1 in
      from) if [ "$ping" = ping ]; then options+=(-e "$2"); else options+=(--source-port "$2"); fi ;;
      under) if [ "$ping" = ping ]; then options+=(-I "$(address_of "$2")"); else options+=(--source "$(address_of "$2")"); fi ;;
      with) if [ "$ping" = ping ]; then options+=(-s "$2"); else options+=(--size "$2"); fi; shift ;;
      *) fail "a request has no '$1'" ;;
    esac
    shift 2
  done
}

# request WHO PROTOCOL TARGET [PORT] [from PORT] [under ADDRESS]: what the server saw goes to $work/WHO.answer.
request() {
  local who=$1 protocol=$2 target port=0 answer; target=$(address_of "$3"); shift 3
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then port=$1; shift; fi
  local -a options; source_options "$protocol" "$@"
  if [ "$protocol" = ping ]; then
    answer=$(inside "$who" ping -n -c 1 -W "${patience:-2}" "${options[@]}" "$target" 2>&1) ||
      fail "$who got no answer to a ping of $target"
  else
    answer=$(inside "$who" "$peer" ask "$protocol" "$target" "$port" --timeout "${patience:-2}" "${options[@]}" 2>&1) ||
      fail "$who got no answer from $protocol $target port $port: $answer"
  fi
  echo "$answer" >"$work/$who.answer"
}

# check_seen WHO NAME [from PORT]
check_seen() {
  local who=$1 expected source port protocol; expected=$(address_of "$2")
  read -r protocol source port _ < <(tail -n 1 "$work/$who.seen" 2>/dev/null) || fail "$who saw nobody"
  [ "$source" = "$expected" ] || fail "$who saw $source (over $protocol), not $2 ($expected)"
  [ $# = 2 ] || [ "$port" = "$4" ] || fail "$who saw port $port, not $4"
}

# reach WHO TARGET as NAME [over PROTOCOL] [from PORT]
reach() {
  local who=$1 target=$2 name=$4 protocol=tcp; shift 4
  [ "${1:-}" != over ] || { protocol=$2; shift 2; }
  if [ "$protocol" = ping ]; then
    : >"$work/world.seen"
    request "$who" ping "$target" "$@"
    within 1 check_seen world "$name"
    return
  fi
  request "$who" "$protocol" "$target" "${tcp_port[$protocol]}" "$@"
  local source
  read -r source _ <"$work/$who.answer"
  [ "$source" = "$(address_of "$name")" ] || fail "$target saw $source, not $name ($(address_of "$name"))"
}

miss() {
  local who=$1 target=$2 protocol=tcp; shift 2
  [ "${1:-}" != over ] || { protocol=$2; shift 2; }
  local patience=0.5 arguments=("${tcp_port[$protocol]:-}" "$@")
  [ "$protocol" != ping ] || { patience=1; arguments=("$@"); }
  if (request "$who" "$protocol" "$target" "${arguments[@]}") 2>/dev/null; then
    fail "$target answered $who over $protocol"
  fi
}

# name_it NAME FUNCTION: from now on NAME is a verb's subject.
name_it() {
  ! declare -F "$1" >/dev/null || fail "$1 is a name already"
  eval "$1() { $2 $1 \"\$@\"; }"
}

# --- connections that go on ------------------------------------------------------------------------------------------

start_connection() { # WHO VERB with|from TARGET as NAME [from PORT]
  local who=$1 target name=$6 options; target=$(address_of "$4")
  local -a words; read -ra words <<<"$2"
  shift 6
  source_options tcp "$@"
  background "$who" "$name" "$peer" "${words[@]}" "$target" "${talk_port:-80}" --progress "$work/$name.progress" "${options[@]}"
  name_it "$name" connection_going_on
  connection_going_on "$name" goes_on
}

hold_connections() { # WHO COUNT PROTOCOL with TARGET as NAME [patiently]
  local -a patient=()
  [ "${8:-}" != patiently ] || patient=(--retries 50 --timeout 0.2)
  local who=$1 count=$2 protocol=$3 target name=$7; target=$(address_of "$5")
  background "$who" "$name" "$peer" hold "$protocol" "$target" "${tcp_port[$protocol]}" "$count" \
    --progress "$work/$name.progress" "${patient[@]}"
  name_it "$name" connection_going_on
  within 30 has_come_to "$name" 1
}

keep_pinging() { # WHO TARGET as NAME
  background "$1" "$4" ping -q -n -i "${ping_pause:-0.005}" "$(address_of "$2")"
  name_it "$4" pinging
}
pinging() { # NAME ends|lost_nothing
  kill -INT "$(<"$work/$1.pid")"
  eventually process_ended "$(<"$work/$1.pid")"
  case $2 in
    ends) return ;;
    lost_nothing) ;;
    *) fail "a ping does not know how to '$2'" ;;
  esac
  # The last one's answer may have been under way.
  awk '/packets transmitted/ { exit !($4 > 0 && $1 - $4 <= 1) }' "$work/$1.out" || fail "$1: $(tail -n 3 "$work/$1.out")"
}

progress() { if [ -e "$work/$1.progress" ]; then echo "$(<"$work/$1.progress")"; else echo 0; fi; }
has_come_to() { (($(progress "$1") >= $2)) || fail "$1 is at $(progress "$1"), not yet $2: $(<"$work/$1.out")"; }

connection_going_on() {
  local name=$1 verb=$2; shift 2
  case $verb in
    goes_on) within 5 has_come_to "$name" $(($(progress "$name") + 3)) ;;
    has_moved) within 60 has_come_to "$name" "$1" ;;
    is_unbroken) end_connection "$name" || fail "$name broke: $(<"$work/$name.out")" ;;
    breaks) ends_by_itself "$name" && ! wait "$(<"$work/$name.pid")" || fail "$name did not break" ;;
    *) fail "a connection does not know how to '$verb'" ;;
  esac
}

end_connection() {
  touch "$work/$1.progress.stop"
  eventually process_ended "$(<"$work/$1.pid")"
  wait "$(<"$work/$1.pid")"
}
ends_by_itself() { (within 15 process_ended "$(<"$work/$1.pid")"); } # a client gives up after 10 s
process_ended() { ! kill -0 "$1" 2>/dev/null || fail "process $1 is still there"; }

# a_crowd WHO PROTOCOL COUNT TARGET as NAME: COUNT connections at once, held; then NAME was_answered NUMBER
a_crowd() {
  local who=$1 protocol=$2 count=$3 target name=$6; target=$(address_of "$4")
  background "$who" "$name" "$peer" crowd "$protocol" "$target" "${tcp_port[$protocol]}" "$count" \
    --progress "$work/$name.progress" --timeout "${patience:-2}"
  within 20 exists "$work/$name.progress"
  name_it "$name" crowd_of_connections
}
crowd_of_connections() {
  case $2 in
    was_answered) same "$3" "$(progress "$1")" "connections of $1 that were answered" ;;
    leaves) end_connection "$1" ;;
    *) fail "a crowd does not know how to '$2'" ;;
  esac
}
