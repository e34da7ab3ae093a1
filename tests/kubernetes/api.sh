# SPDX-License-Identifier: Apache-2.0
# The API server: what scenarios do to it, and what they ask it about its clients.
#
#   api is away | back
#   api is started_with FLAG=VALUE...        again, with these flags until the scenario ends
#   api hangs                                it keeps its connections, and says nothing more; new ones reach a second server
#   start_other_api FLAG=VALUE...; api is replaced               the second server has these flags; then the first one is killed
#   drop_connections_to_api NODE             packets of masqd's open connections are dropped without a reset
#   service_account_of NODE, swap_file NODE FOLDER NAME FILE    credentials of masq's pod, replaced as the kubelet does
#   metric_of NODE METRIC, health_of NODE PAGE                  what masqd says, with prometheus.enabled
#   lists_by NODE                            how often its masqd has listed nodes, after api is started_with $(audit_flags)

api() {
  note "api $*"
  case "$1 ${2:-}" in
    "is away") stop_process kube-apiserver KILL ;;
    "is back") start_api_server || fail "the API server did not start again" ;;
    "is started_with") start_api_server_with "${@:3}" ;;
    "is replaced") turn_to_other_api KILL ;;
    hangs*) start_other_api --endpoint-reconciler-type=none; turn_to_other_api STOP ;;
    *) fail "the API server does not know '$*'" ;;
  esac
}

start_api_server_with() { # FLAG...
  touch "$state/api-is-changed"
  stop_process kube-apiserver KILL
  start_api_server "$@" || fail "the API server did not start with $*"
}

# As before the scenario.
restore_api() {
  "${control[@]}" nft delete table inet masq_test 2>/dev/null || true
  ! is_running other-apiserver || stop_process other-apiserver KILL
  if [ -e "$state/api-is-changed" ]; then
    stop_process kube-apiserver KILL
    rm "$state/api-is-changed"
  fi
  is_running kube-apiserver || start_api_server
}

# --- another server, and connections that are dead ---------------------------------------------------------------------

# A second server, at port 6444, of the same etcd. It needs --endpoint-reconciler-type=none: the Service keeps the first port.
start_other_api() { # FLAG...
  touch "$state/api-is-changed"
  api_server=other-apiserver api_port=6444 start_api_server "$@" ||
    fail "the second API server did not start"
}
# New connections reach the second server, and conntrack keeps the open ones where they are; then the first one gets the signal.
turn_to_other_api() { # SIGNAL
  "${control[@]}" nft -f - <<TEXT
table inet masq_test {
  chain in { type nat hook prerouting priority dstnat; tcp dport $api_port redirect to :6444; }
  chain out { type nat hook output priority -100; tcp dport $api_port redirect to :6444; }
}
TEXT
  kill "-$1" "$(cat "$state/pids/kube-apiserver")"
}

# The ports of masqd's open connections to the Service kubernetes. kube-proxy translates the destination only.
ports_of_masqd() { # NODE
  in_node "$1" ss -Htnp state established | awk '/"masqd"/ && $4 ~ /:443$/ { sub(".*:", "", $3); print $3 }'
}
drop_connections_to_api() { # NODE
  local ports
  mapfile -t ports < <(ports_of_masqd "$1")
  [ ${#ports[@]} -gt 0 ] || fail "masqd on $1 has no connection to the API"
  "${control[@]}" nft -f - <<TEXT
table inet masq_test {
  chain in { type filter hook prerouting priority raw; tcp dport $api_port tcp sport { $(joined "${ports[@]}") } drop; }
  chain out { type filter hook output priority raw; tcp sport $api_port tcp dport { $(joined "${ports[@]}") } drop; }
}
TEXT
}

# --- credentials -------------------------------------------------------------------------------------------------------

# The folder of the service account of masq's pod, in the node's file system.
service_account_of() { # NODE
  local pod volume
  pod=$(kubectl -n kube-system get pod "$(masq_pod_of "$1")" -o 'jsonpath={.metadata.uid}')
  # shellcheck disable=SC2016 # the inner shell's variables
  volume=$(in_node "$1" sh -c 'echo /var/lib/kubelet/pods/$0/volumes/kubernetes.io~projected/*' "$pod")
  in_node "$1" test -e "$volume/token" || fail "masq's pod on $1 has no token in $volume"
  echo "$volume"
}

# The kubelet swaps a link to the folder of all files, so that a reader sees either the old files or the new ones.
swap_file() { # NODE FOLDER NAME FILE
  # shellcheck disable=SC2016 # the inner shell's variables
  in_node "$1" sh -euc 'cd "$0" && new=..test-$$ && mkdir "$new" && cp ..data/* "$new" && cp "$2" "$new/$1" &&
    ln -s "$new" ..data_tmp && mv -T ..data_tmp ..data' "${@:2}"
}

# --- what masqd has asked ----------------------------------------------------------------------------------------------

# A metric of masqd on a node, with its labels; 0 if there is no such line.
metric_of() { # NODE METRIC
  in_node "$1" curl -s --max-time 2 "http://$(bracketed "$(address_of "$1")"):9965/metrics" |
    awk -v name="$2" '$1 == name { value = $2 } END { print value + 0 }'
}
health_of() { # NODE PAGE
  in_node "$1" curl -s -o /dev/null -w '%{http_code}' --max-time 5 "http://$(bracketed "$(address_of "$1")"):9965/$2"
}
restarts_of_masq() { # NODE
  kubectl -n kube-system get pod "$(masq_pod_of "$1")" -o 'jsonpath={.status.containerStatuses[0].restartCount}'
}

# For `api is started_with`: requests of masq's account, one line each, in $state/audit.log.
audit_flags() {
  rm -f "$state/audit.log"
  cat >"$state/audit.yaml" <<'TEXT'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- {level: Metadata, users: ["system:serviceaccount:kube-system:masq"]}
- {level: None}
TEXT
  printf '%s\n' --audit-policy-file="$state/audit.yaml" --audit-log-path="$state/audit.log"
}
lists_by() { # NODE
  python3 - "$1" "$state/audit.log" <<'TEXT'
import json, os, sys
node, path = sys.argv[1:]
events = map(json.loads, open(path)) if os.path.exists(path) else []
print(len({event["auditID"] for event in events if event["verb"] == "list" and event["objectRef"]["resource"] == "nodes"
           and event["user"].get("extra", {}).get("authentication.kubernetes.io/node-name") == [node]}))
TEXT
}
