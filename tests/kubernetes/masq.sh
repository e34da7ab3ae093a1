# SPDX-License-Identifier: Apache-2.0
# masq in the cluster.
#
#   masq is_installed [with value=...]   by the chart with these values, and rolled out, with the image of this build
#   masq is_upgraded                        to the version with another layout of its maps
#   masq is_restarted                       each pod of its DaemonSet is replaced, one after the other
#   masq is_uninstalled                     and its objects in the kernels are removed
#   masq_on node1 status                    masq's words in the pod of this node; masq_in: in the node itself
#   ip_masq_agent excludes NAME...          the ConfigMap is written by kubectl
#   ip_masq_agent is_removed

readonly chart=$here/../../deploy/helm/masq
readonly masq_selector=(-n kube-system -l app.kubernetes.io/name=masq)

# The one place that knows how masq comes into a cluster, and leaves it.
install_masq() { # TAG [value=...]
  local values=(image.pullPolicy=Never ipMasqAgent.enabled=true "${@:2}") word
  local -a set=(--set-string "image.tag=$1")
  for word in "${values[@]}"; do set+=(--set "$word"); done
  helm upgrade --install masq "$chart" "${set[@]}"
}
uninstall_masq() { helm uninstall masq --ignore-not-found --wait; }

helm() {
  "${control[@]}" "$binaries/helm" --kubeconfig "$state/admin.conf" -n kube-system "$@" >>"$state/logs/helm.log" 2>&1 ||
    fail "helm $1: $(tail -n 3 "$state/logs/helm.log")"
}

masq() {
  local verb=$1; shift
  note "masq $verb $*"
  case $verb in
    is_installed) [ "${1:-}" != with ] || shift; install_masq 1 "$@"; masq_is_rolled_out ;;
    is_upgraded) install_masq 2; masq_is_rolled_out ;;
    is_restarted) kubectl "${masq_selector[@]:0:2}" rollout restart daemonset masq >/dev/null; masq_is_rolled_out ;;
    is_uninstalled) uninstall_masq; within 30 masq_has_no_pod; both_nodes clean_up_masq ;;
    *) fail "masq does not know how to '$verb'" ;;
  esac
}

masq_is_rolled_out() {
  local said
  said=$(kubectl -n kube-system rollout status daemonset masq --timeout=90s 2>&1) ||
    fail "masq is not rolled out: $said; $(kubectl "${masq_selector[@]}" get pods -o wide 2>&1); $(masq_logs | tail -n 5)"
  within 20 masq_is_ok node1
  within 20 masq_is_ok node2
}
masq_reports() { contains "$2" "$(masq_on "$1" status 2>&1 || true)"; }
masq_has_no_pod() { same "" "$(kubectl "${masq_selector[@]}" get pods -o name)" "masq's pods"; }
masq_is_ok() { same OK "$(masq_on "$1" status --brief 2>&1)" "masq on $1"; }
selector_of_masq() { kubectl -n kube-system get daemonset masq -o 'jsonpath={.spec.selector}'; }
masq_logs() { kubectl "${masq_selector[@]}" logs --tail=20 --prefix 2>&1 || true; }

both_nodes() { "$@" node1; "$@" node2; }
clean_up_masq() { in_node "$1" "$bin/masqd" --cleanup >/dev/null; }

masq_pod_of() {
  kubectl "${masq_selector[@]}" get pods --field-selector "spec.nodeName=$1" -o 'jsonpath={range .items[?(@.status.phase=="Running")]}{.metadata.name}{"\n"}{end}' | tail -n 1
}
masq_on() { # NODE ARGUMENT...
  local node=$1; shift
  kubectl -n kube-system exec "$(masq_pod_of "$node")" -- masq "$@"
}
# With all rights, and without the API server, which `kubectl exec` needs.
masq_in() { local node=$1; shift; in_node "$node" "$bin/masq" "$@" 2>&1; } # NODE ARGUMENT...

# As a program of the node without a pod, with the administrator's kubeconfig; until the scenario ends.
start_masqd_of_host() { # NODE DATAPATH
  start_on "$1" masqd "$bin/masqd" --datapath="$2" --k8s-kubeconfig-path="$state/admin.conf" --k8s-node-name="$1" \
    --prometheus-serve-addr=:9965
}
end_masqd_of_host() { # NODE
  ! is_running "$1-masqd" || {
    stop_on "$1" masqd
    clean_up_masq "$1"
  }
}

# --- the ip-masq-agent's ConfigMap -------------------------------------------------------------------------------------

excluding() { # NAME...: in the families of the cluster
  local name
  echo "nonMasqueradeCIDRs:"
  for name in "$@"; do both prefix_of "$name" | sed 's/^/- /'; done
}

ip_masq_agent() {
  local verb=$1; shift
  note "ip-masq-agent $verb $*"
  case $verb in
    excludes) write_ip_masq_agent "$(excluding "$@")" ;;
    is_removed) kubectl -n kube-system delete configmap ip-masq-agent >/dev/null; hurry_volumes ;;
    *) fail "the ip-masq-agent's ConfigMap does not know how to '$verb'" ;;
  esac
}
write_ip_masq_agent() { write_configmap "$1"; hurry_volumes; }

forget_ip_masq_agent() {
  ! kubectl -n kube-system get configmap ip-masq-agent >/dev/null 2>&1 || ip_masq_agent is_removed
  both_nodes within 30 has_default_exclusions
}
has_default_exclusions() { # NODE
  local list
  list=$(masq_in "$1" bpf ipmasq list) && [[ $list == *198.18.0.0/15* ]] || {
    hurry_volumes
    fail "$1 has not the default exclusions: $list"
  }
}

# The rules that kubernetes-sigs/ip-masq-agent writes for the ConfigMap `excludes lab`, with --enable-ipv6.
old_agent_writes_its_rules() { both old_agent_rules_of "$1"; } # NODE
old_agent_rules_of() {
  local tool=iptables-nft link_local=169.254.0.0/16
  [ "$family" = ipv4 ] || { tool=ip6tables-nft; link_local=fe80::/10; }
  in_node "$1" "$tool-restore" --noflush <<TEXT
*nat
:IP-MASQ-AGENT - [0:0]
-A POSTROUTING -m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ-AGENT chain" -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT
-A IP-MASQ-AGENT -d $link_local -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN
-A IP-MASQ-AGENT -d $(prefix_of lab) -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE
COMMIT
TEXT
}
# As docs/migrating.md says.
old_agent_is_removed() { both remove_old_agent_rules "$1"; } # NODE
remove_old_agent_rules() {
  local tool=iptables-nft
  [ "$family" = ipv4 ] || tool=ip6tables-nft
  # shellcheck disable=SC2016 # the inner shell's variables
  in_node "$1" sh -euc '"$0" -t nat -S POSTROUTING | grep IP-MASQ-AGENT | sed "s/^-A/-D/" | xargs -L 1 "$0" -t nat
    "$0" -t nat -F IP-MASQ-AGENT && "$0" -t nat -X IP-MASQ-AGENT' "$tool"
}
forget_old_agent() { # NODE
  in_node "$1" sh -c 'nft list chain ip nat IP-MASQ-AGENT || nft list chain ip6 nat IP-MASQ-AGENT' >/dev/null 2>&1 || return 0
  old_agent_is_removed "$1"
}

# kubelet looks at a mounted ConfigMap about once a minute; a changed pod makes it look at once.
hurry_volumes() {
  kubectl "${masq_selector[@]}" annotate pods --overwrite "masq-test/touched=$EPOCHREALTIME" >/dev/null
}
