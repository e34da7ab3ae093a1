# SPDX-License-Identifier: Apache-2.0
# What is checked beside and after every scenario, whatever it is about.

declare -A excused_destinations=()

# Behind the given ends of the node's uplinks: any packet with a pod's source address is noted.
watch_leaks() {
  watcher=watch-$1
  rm -f "$work/$watcher.ready"
  background world "$watcher" "$tools/lab_watch" --out "$work/leaks" --ready "$work/$watcher.ready" \
    --pods "${cidr[pods]}" "$@"
  eventually exists "$work/$watcher.ready"
}

# pods_may_show_at NAME...: pods may show themselves there (an excluded destination, another node, …).
pods_may_show_at() {
  local name
  for name; do excused_destinations[$(address_of "$name")]=1; done
}

no_leak() {
  local source destination rest
  [ -e "$work/leaks" ] || return 0
  while read -r source destination rest; do
    [ -n "${excused_destinations[$destination]:-}" ] || fail "leak: $source was seen on its way to $destination ($rest)"
  done <"$work/leaks"
}

# world_watches_for NAME: from now on the world notes packets from this address; then world_saw_nothing_more.
world_watches_for() {
  watched=$1
  background world watch-old "$tools/lab_watch" --out "$work/watched" --ready "$work/watch-old.ready" \
    --pods "$(cidr_of "$1")" node
  eventually exists "$work/watch-old.ready"
}
world_saw_nothing_more() {
  [ ! -s "$work/watched" ] || fail "the world saw $watched: $(<"$work/watched")"
}

# read_counters NAMESPACE FILE...: the kernel's counters there, in `counters`, by group and name: "Tcp.OutRsts" of
# /proc/net/snmp, "TcpExt.ListenOverflows" of /proc/net/netstat. Of each group there is a line of names, and one of values.
declare -A counters=()
read_counters() {
  local -a names values
  local i
  counters=()
  while read -ra names && read -ra values; do
    for ((i = 1; i < ${#names[@]}; i++)); do counters[${names[0]%:}.${names[i]}]=${values[i]}; done
  done < <(inside "$1" cat "${@:2}")
}
# snmp NAMESPACE GROUP FIELD: one of them.
snmp() {
  read_counters "$1" /proc/net/snmp /proc/net/netstat
  echo "${counters[$2.$3]}"
}

# The node's own TCP must not answer for translated connections; a scenario with connections to closed ports of the
# node says node_may_reset.
node_may_reset() { resets_allowed=1; }

checksums_and_resets_right() {
  local who
  for who in world pod1 pod2 node; do
    read_counters "$who" /proc/net/snmp
    same 0 $((${counters[Tcp.InCsumErrors]} + ${counters[Udp.InCsumErrors]} + ${counters[Icmp.InCsumErrors]})) \
      "packets with a wrong checksum at $who"
  done
  [ -n "${resets_allowed:-}" ] || same 0 "${counters[Tcp.OutRsts]}" "TCP resets sent by the node"
}

# No two mappings share an external and a remote endpoint.
mappings_unique() {
  local doubles
  doubles=$( (masq bpf nat list 2>/dev/null || true) | awk 'seen[$1, $4, $6]++ == 1 && ++n <= 3 { print $1, $4, $6 }')
  [ -z "$doubles" ] || fail "mappings that share an external endpoint: $doubles"
}

agent_is_well() {
  [ -z "${agent:-}" ] || kill -0 "$agent" 2>/dev/null || fail "masqd ended by itself"
  ! grep -E 'ERROR: AddressSanitizer|runtime error:|terminate called' "$agent_log" >/dev/null 2>&1 || fail "masqd broke"
}

# However many events there were; a start has four lines to say.
log_is_short() {
  [ -e "$agent_log" ] || return 0
  local lines starts
  lines=$(wc -l <"$agent_log")
  starts=$(grep -c ' starts: ' "$agent_log" || true)
  ((lines <= 600 + 4 * starts)) || fail "masqd wrote $lines lines"
}

# For the list of reasons that no test reached (scripts/unreached-reasons).
note_reasons() {
  [ -n "${LAB_REASONS_SEEN:-}" ] && [ -S "$socket" ] || return 0
  masq status -o json >"$LAB_REASONS_SEEN/${work//\//-}.json" 2>/dev/null || true
}

check_the_rest() { no_leak; checksums_and_resets_right; mappings_unique; agent_is_well; log_is_short; }
