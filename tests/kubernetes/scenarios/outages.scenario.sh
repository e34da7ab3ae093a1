# SPDX-License-Identifier: Apache-2.0
# What went wrong with the API elsewhere: outages, servers that hang, dead connections, credentials that change.

world serves tcp 80

audited() { mapfile -t flags < <(audit_flags); api is started_with "${flags[@]}"; }
with_metrics=(ipMasqAgent.enabled=false prometheus.enabled=true)

masq_works_without_the_api() {
    for node in node1 node2; do
        same 200 "$(health_of "$node" healthz)" "healthz of $node"
        same 200 "$(health_of "$node" readyz)" "readyz of $node"
    done
    both client1 reaches world as node1
    both client2 reaches world as node2
    sleep 0.5
}
has_listed_once() { # NODE
    local number; number=$(lists_by "$1")
    note "$1 has listed the nodes $number times"
    ((number <= 1)) || fail "$1 has listed the nodes $number times"
}
an_added_node_is_in_force() {
    both client1 reaches office as client1
    both client2 reaches office as client2
}

begin_with_both_refused() {
    new_authority other-ca
    new_token_keys other-accounts
    mapfile -t addresses < <(addresses_of_api)
    authority=other-ca sign_api_server other-apiserver "${addresses[@]}"
    cat "$state/pki"/{ca,other-ca}.crt >"$work/authorities"
}
use_the_other_keys() { # COMMAND...
    local api_ca=$work/authorities api_keys=$state/pki/other-accounts.pub
    "$@"
}
get_new_credentials() { # NODE: from the other server, into the folder where the kubelet puts them
    use_the_other_keys kubectl --server "${api_url%:*}:6444" -n kube-system create token masq >"$work/token"
    swap_file "$1" "${folder[$1]}" token "$work/token"
    swap_file "$1" "${folder[$1]}" ca.crt "$work/authorities"
}
refuses_the_old_token() {
    same 401 "$("${control[@]}" curl -s -o /dev/null -w '%{http_code}' --cacert "$work/authorities" \
        -H "Authorization: Bearer $(cat "$work/old-token")" "${api_url%:*}:6444/api/v1/nodes")"
}
kubelets_are_back() {
    restore_api
    both_nodes start_kubelet
    for node in node1 node2; do
        within 60 masq_is_ok "$node"
    done
}

# The outage takes ten minutes with --long.
scenario "after an outage of the API each agent lists once" limit=900
    masq is_installed with "${with_metrics[@]}"
    client1 chats with world as talk
    api is away
    if [ "$long" = yes ]; then duration=600; else duration=20; fi
    throughout "$duration" masq_works_without_the_api
    audited
    for node in node1 node2; do
        within 60 masq_is_ok "$node"
    done
    add_node_at office
    both pods_may_show_at office
    the_world_knows_the_pods
    within 30 an_added_node_is_in_force
    for node in node1 node2; do
        has_listed_once "$node"
        same 0 "$(restarts_of_masq "$node")" "restarts of masq on $node"
    done
    talk is_unbroken

# The kubelets are stopped meanwhile, because they would put their own token back.
scenario "masq uses a replaced token and authority at once" long
    masq is_installed with "${with_metrics[@]}"
    the_world_knows_the_pods
    both client1 reaches office as node1
    declare -A folder=([node1]=$(service_account_of node1) [node2]=$(service_account_of node2))
    in_node node1 cat "${folder[node1]}/token" >"$work/old-token"
    for node in node1 node2; do
        stop_on "$node" kubelet
    done
    begin_with_both_refused
    use_the_other_keys start_other_api --endpoint-reconciler-type=none --tls-cert-file="$state/pki/other-apiserver.crt" \
        --tls-private-key-file="$state/pki/other-apiserver.key" \
        --service-account-signing-key-file="$state/pki/other-accounts.key"
    refuses_the_old_token
    for node in node1 node2; do
        get_new_credentials "$node"
    done
    api is replaced
    use_the_other_keys add_node_at office
    both pods_may_show_at office
    within 10 an_added_node_is_in_force
    for node in node1 node2; do
        refused=$(metric_of "$node" 'masq_kubernetes_requests_total{code="401"}')
        ((refused <= 1)) || fail "$node was refused $refused times"
        contains 'masq_kubernetes_requests_total{code="200"}' "$(in_node "$node" curl -s "http://$(bracketed "$(address_of "$node")"):9965/metrics")"
    done
    kubelets_are_back

scenario "an API server that hangs is replaced within a minute" long
    masq is_installed with "${with_metrics[@]}"
    the_world_knows_the_pods
    both client1 reaches office as node1
    api hangs
    add_node_at office
    both pods_may_show_at office
    within 60 an_added_node_is_in_force

scenario "a dead watch is found within a minute" long
    masq is_installed with "${with_metrics[@]}"
    the_world_knows_the_pods
    both client1 reaches office as node1
    drop_connections_to_api node1
    add_node_at office
    both pods_may_show_at office
    within 60 both client1 reaches office as client1
