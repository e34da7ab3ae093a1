# SPDX-License-Identifier: Apache-2.0
# The cluster as a whole: how it starts, and what every scenario finds.
#
#   cluster has 2 nodes
#   node2 is drained | back | rebooted       (and the verbs of tests/support/traffic.sh)
#   api is away | back                       (and the verbs of api.sh)
#   kube_proxy runs_in nftables|iptables

readonly standing_pods=(client1 server1 client2 server2) # of node1 and node2

addresses_of_api() { both address_of control; both address_of kubernetes; echo 127.0.0.1; }

start_control_plane() {
  local each=()
  mapfile -t each < <(addresses_of_api)
  new_pki "${each[@]}"
  both_nodes sign_node
  start_etcd
  start_api_server
  start_controllers
}

start_cluster() {
  local node running=()
  build_network
  start_control_plane
  for node in node1 node2; do start_node "$node" & running+=($!); done
  for node in "${running[@]}"; do wait "$node"; done
  connect_machines
  echo "$proxy_mode" >"$state/proxy-mode"
}

# --- what every scenario finds -----------------------------------------------------------------------------------------

standing_manifest() {
  local pod
  for pod in "${standing_pods[@]}"; do
    pod_of=masq-test/of=cluster pod_manifest "$pod" "node${pod: -1}" "label=${pod%?}"
    echo ---
  done
}

default_service_account_exists() { kubectl get serviceaccount default; }

stand_pods() {
  local pod
  within 30 default_service_account_exists
  standing_manifest | kubectl apply -f - >>"$state/logs/kubectl.log"
  kubectl wait --for=condition=Ready pod -l masq-test/of=cluster --timeout=60s >>"$state/logs/kubectl.log" ||
    fail "the pods are not ready: $(kubectl get pods -o wide 2>&1)"
  for pod in "${standing_pods[@]}"; do attach_pod "$pod"; done
}

programs_run() { # NODE
  local program
  for program in containerd kubelet kube-proxy; do is_running "$1-$program" || return 1; done
}

# Whatever the scenario before has done, and wherever it has failed.
make_as_before() {
  local node
  restore_api
  is_running kube-controller-manager || start_controllers
  for node in node1 node2; do programs_run "$node" || machine "$node" is rebooted; done
  both_nodes learn_pod_prefixes
  both_nodes show_cni_configuration
  kubectl uncordon node1 node2 >/dev/null
  kubectl taint nodes --all masq-test- >/dev/null 2>&1 || true
  kubectl delete pods,services,nodes -l "$of_scenario" --wait >>"$state/logs/kubectl.log"
  the_world_forgets_the_pods
  both_nodes has_no_node_local_address
  both_nodes forget_old_agent
  both_nodes end_masqd_of_host
  [ "$(cat "$state/proxy-mode")" = "$proxy_mode" ] || kube_proxy runs_in "$proxy_mode"
  masq is_installed
  forget_ip_masq_agent
  stand_pods
}

# --- verbs -------------------------------------------------------------------------------------------------------------

node1() { machine node1 "$@"; }
node2() { machine node2 "$@"; }
router() { act router "$@"; }

machine() { # NODE VERB...
  local node=$1; shift
  case "$1 ${2:-}" in
    "is drained") note "drain $node"; drain "$node" ;;
    "is back") note "uncordon $node"; kubectl uncordon "$node" >/dev/null ;;
    "is rebooted") note "reboot $node"; reboot "$node" ;;
    *) act "$node" "$@" ;;
  esac
}
drain() {
  local said
  said=$(kubectl drain "$1" --ignore-daemonsets --force --delete-emptydir-data --timeout=60s 2>&1) || fail "drain $1: $said"
}
reboot() {
  stop_node "$1"
  start_node "$1"
  connect_machines
}

cluster() { # has COUNT nodes
  [ "$1 ${3:-}" = "has nodes" ] || fail "a cluster does not know how to '$*'"
  within 30 ready_nodes_number "$2"
}
ready_nodes_number() { same "$1" "$(kubectl get nodes --no-headers | awk '$2 ~ /^Ready/' | wc -l)" "nodes that are Ready"; }

kube_proxy() { # runs_in MODE
  local node
  [ "$1" = runs_in ] || fail "kube-proxy does not know how to '$1'"
  note "kube-proxy $*"
  for node in node1 node2; do
    stop_on "$node" kube-proxy
    start_proxy "$node" "$2"
  done
  echo "$2" >"$state/proxy-mode"
}

# --- beside and after every scenario -----------------------------------------------------------------------------------

# At the world's end of the switch: any packet with a pod's source address is noted, for no_leak of tests/support/watchers.sh.
watch_world() {
  local each ranges=()
  for each in $(both prefix_of pods); do ranges+=(--pods "$each"); done
  background world watch "$tools/lab_watch" --out "$work/leaks" --ready "$work/watch.ready" "${ranges[@]}" eth0
  eventually exists "$work/watch.ready"
}
check_cluster() {
  no_leak
  both_nodes masq_is_ok
}
