# SPDX-License-Identifier: Apache-2.0
# masqd and masq, as a scenario runs them: in the node's network namespace, with a bpffs and a socket of their own,
# and with nothing in the environment but what the scenario gives.

bpf_root=$work/bpf socket=$work/masq.sock agent_log=$work/masqd.log
agent_file=$work/config/ip-masq-agent
schema=v4 # of the maps: MASQ_SCHEMA in bpf/abi/mapping.h
mkdir -p "$work/config"

declare -A datapath_words=([bpf]=BPF [nftables]=nftables [iptables]=IPTables)
datapath_word=${datapath_words[$datapath]}

agent_environment=()
# GCOV_PREFIX: builds that count coverage write below it, so that runs side by side, and killed ones, do not disturb others.
clean_environment=(env -i PATH="$PATH" GCOV_PREFIX="$work/gcov")
in_node() { inside node "${clean_environment[@]}" "${agent_environment[@]}" "$@"; }

masq() { in_node "$bin/masq" --socket-path "$socket" --bpf-root "$bpf_root" "$@"; }

# nat-max-mappings for bpf unless the scenario gives it. It is small because the table is created anew for every scenario;
# a scenario that opens more connections sets it, one that is about the default sets it to nothing.
table_size=4096

# The flags that every scenario has, but for those that it gives itself: "key=value" and "key" become flags.
agent_flags() {
  local word given=" " defaults
  agent_arguments=()
  for word; do
    [ "$word" != with ] || continue
    agent_arguments+=("--$word")
    given+="${word%%=*} "
  done
  defaults=("datapath=$datapath" "bpf-root=$bpf_root" "socket-path=$socket" "log-level=debug"
    "$family-pod-cidr=${pod_cidr:-${cidr[pods]}}" "ip-masq-agent-config-path=$agent_file")
  for word in "${defaults[@]}"; do
    [[ $given == *" ${word%%=*} "* ]] || agent_arguments+=("--$word")
  done
  [[ -z $table_size || $given == *" nat-max-mappings "* || " ${agent_arguments[*]} " != *" --datapath=bpf "* ]] ||
    agent_arguments+=("--nat-max-mappings=$table_size")
}

start_agent() {
  exec_inside node "${clean_environment[@]}" "${agent_environment[@]}" "$bin/${masqd_program:-masqd}" "${agent_arguments[@]}" >>"$agent_log" 2>&1 &
  agent=$!
  echo "$agent" >"$work/agent.pid"
  note "${masqd_program:-masqd} ${agent_arguments[*]}"
}

agent_is_ready() {
  kill -0 "$agent" 2>/dev/null || fail "masqd ended: $(tail -n 3 "$agent_log")"
  local said
  said=$(masq status --brief 2>&1) || fail "masq status --brief: $said"
}

# misses_address_changes COUNT: the agent is stopped while so many addresses come and go, and the second uplink comes.
misses_address_changes() {
  local round
  kill -STOP "$agent"
  for round in $(seq "$1"); do
    echo "address add 192.0.2.$((round % 200 + 30))/32 dev lo"
    echo "address delete 192.0.2.$((round % 200 + 30))/32 dev lo"
  done | ip -n node -force -batch -
  node_gets_a_second_uplink
  kill -CONT "$agent"
}

agent_is_gone() { ! kill -0 "$1" 2>/dev/null || fail "masqd is still there"; }

# masqd starts [with key=value...]       and is ready
# masqd is_killed | is_terminated | is_restarted [with ...]
# masqd refuses VALUE [VALUE...]         does not start: exit 2, one line; that line is in $said
masqd() {
  local verb=$1; shift
  case $verb in
    starts) agent_flags "$@"; start_agent; eventually agent_is_ready ;;
    is_killed) end_agent -KILL ;;
    is_terminated) end_agent -TERM; [ "$agent_exit" = 0 ] || fail "exit $agent_exit after SIGTERM" ;;
    is_restarted) masqd is_terminated; start_agent; eventually agent_is_ready ;;
    refuses) agent_flags "$@"; refuse_agent ;;
    *) fail "masqd does not know how to '$verb'" ;;
  esac
}

end_agent() {
  kill "$1" "$agent"
  note "kill $1 masqd"
  agent_exit=0
  wait "$agent" 2>/dev/null || agent_exit=$?
  agent=
}

refuse_agent() {
  local status=0
  said=$(in_node timeout 5 "$bin/masqd" "${agent_arguments[@]}" 2>&1 >/dev/null) || status=$?
  [ "$status" = 2 ] || fail "exit $status instead of 2: $said"
  [ "$(wc -l <<<"$said")" = 1 ] || fail "more than one line: $said"
}

# --- what the agent says ---------------------------------------------------------------------------------------------

# status_value PATH: a field of `masq status -o json`, the path as Python writes it after `status`.
status_value() { status_eval "status$1"; }

# status_eval EXPRESSION: anything that Python can make of `status`.
status_eval() {
  masq status -o json >"$work/status.json" 2>&1 || true
  /usr/bin/python3 -IS -c 'import json, sys; status = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' \
    "$work/status.json" "$1" 2>/dev/null || fail "no $1 in the status: $(head -c 300 "$work/status.json")"
}
status_says() {
  local value
  value=$(status_value "$1") || exit
  [ "$value" = "$2" ] || fail "status$1 is '$value', not '$2'"
}
# has_dropped REASON AT-LEAST: packets, of the family that the scenario runs for.
has_dropped() {
  local packets
  packets=$(status_eval "sum(p['packets'] for p in status['packets'] if p['reason'] == '$1' and p['family'] == '$family')")
  [ "$packets" -ge "$2" ] || fail "$packets packets were dropped as $1, not $2"
}
status_shows() { contains "$1" "$(masq status 2>&1 || true)"; }
status_is_not_ok() { ! masq status --brief >/dev/null 2>&1 || fail "the status is OK"; }
status_hides() { lacks "$1" "$(masq status 2>&1 || true)"; }

# uplinks_are NAME...: the uplinks that masqd says are covered.
uplinks_are() {
  local names
  names=$(status_eval "' '.join(sorted(device['name'] for device in status['masquerading']['devices']))") || exit
  same "$*" "$names" "uplinks"
}

# dropped_for REASON [COUNT]: so many packets at least left the engine for it.
dropped_for() {
  local count
  count=$(status_eval "sum(row['packets'] for row in status['packets'] if row['reason'] == '$1' and row['family'] == '$family')") || exit
  [ "$count" -ge "${2:-1}" ] || fail "$count packets with reason $1"
}

# nat_lists TEXT...: one line of `masq bpf nat list` has each TEXT in it.
nat_lists() {
  local list text
  list=$(masq bpf nat list 2>&1) || fail "masq bpf nat list: $list"
  for text; do
    list=$(grep -F -- "$text" <<<"$list") || fail "no mapping with $*"
  done
}
# Of all connections that were answered: who speaks with whom, and under which endpoint.
endpoints() { masq bpf nat list | awk '/state=established/ { print $1, $2, $4, $6 }' | sort; }
mappings() { masq bpf nat list | grep -c XLATE_SRC || true; }
mappings_number() { same "$1" "$(mappings)" mappings; }

# masqd_runs_under COMMAND...: from now on masqd is started by it.
masqd_runs_under() {
  mkdir -p "$work/under"
  printf '#!/bin/sh\nexec %s "$@"\n' "$* $bin/masqd" >"$work/under/masqd"
  ln -sf "$bin/masq" "$work/under/masq"
  chmod +x "$work/under/masqd"
  bin=$work/under
}
