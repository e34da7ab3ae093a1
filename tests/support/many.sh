# SPDX-License-Identifier: Apache-2.0
# Thousands of connections at once.
#
#   world serves_many 7000 [20]               TCP and UDP on 20 ports: everything comes back
#   pod1  opens_many 3000 with world 7000 as NAME [from 20000]   idle TCP connections
#   NAME  are_open 3000                       so many came to be
#   NAME  are_unbroken                        each has its answer still, and ends
#   pod1  sends_pairs 20000 to world 7000     flows of two first datagrams, from two CPUs at once; none is lost
#   pod1  talks to world 7000 over 20000 flows   answered UDP flows; prints how many were
#   world forges_resets 60000 to node 20000   of a connection from its port 80
#   pod1  converses 300 times with world 7000 [--remote-ends]   short TCP connections, one after the other; none fails
#   pod1  begins converse|question 5000 times with world 7000 at 100 as NAME    so many a second; NAME is_done: none failed
#   pod1  opens_half 20000 to world 7000      SYNs, and nothing more

many=$support/many.py

serves_many() {
  background "$1" "$1-many" "$many" serve "$(address_of "$1")" "$2" "${3:-1}" --ready "$work/$1-many.ready"
  eventually exists "$work/$1-many.ready"
}

opens_many() { # WHO COUNT with TARGET PORT as NAME [from PORT]
  local name=$7
  background "$1" "$name" "$many" hold "$(address_of "$4")" "$5" "$2" --progress "$work/$name.progress" --from-port "${9:-0}"
  name_it "$name" many_connections
}
many_connections() {
  case $2 in
    are_open) within 30 exists "$work/$1.progress"; same "$3" "$(progress "$1")" "connections of $1" ;;
    are_unbroken)
      touch "$work/$1.progress.stop"
      within 60 process_ended "$(<"$work/$1.pid")"
      wait "$(<"$work/$1.pid")" || fail "$1: $(<"$work/$1.out")" ;;
    *) fail "many connections do not know how to '$2'" ;;
  esac
}

sends_pairs() { # WHO COUNT to TARGET PORT
  local lost; lost=$(inside "$1" "$many" pairs "$(address_of "$4")" "$5" "$2") || fail "no pairs: $lost"
  same 0 "$lost" "datagrams of $1 that were not answered"
}

converses() { # WHO COUNT times with TARGET PORT [--remote-ends]
  local failed; failed=$(inside "$1" "$many" converse "$(address_of "$5")" "$6" "$2" "${@:7}") || fail "no conversations: $failed"
  same 0 "$failed" "connections of $1 that failed"
}
begins() { # WHO VERB COUNT times with TARGET PORT at RATE as NAME
  background "$1" "${11}" "$many" "$2" "$(address_of "$6")" "$7" "$3" --rate "$9"
  name_it "${11}" paced_connections
}
paced_connections() {
  [ "$2" = is_done ] || fail "paced connections do not know how to '$2'"
  wait "$(<"$work/$1.pid")" || fail "$1: $(<"$work/$1.out")"
  same 0 "$(<"$work/$1.out")" "of $1 that failed"
}
talks() { inside "$1" "$many" talk "$(address_of "$3")" "$4" "$6"; } # WHO to TARGET PORT over COUNT
opens_half() { inside "$1" "$many" syn "$(address_of "$1")" "$(address_of "$4")" "$5" "$2"; } # WHO COUNT to TARGET PORT
forges_resets() { # WHO COUNT to TARGET PORT
  inside "$1" "$many" rst "$(address_of "$1")" "$(address_of "$4")" "$5" "$2" --from-port 80
}
