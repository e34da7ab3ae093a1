# SPDX-License-Identifier: Apache-2.0
# masq's pods are replaced while connections go on: what it does stays in the kernel.

begin_streams() {
    client1 chats with world as "talk1-$family"
    client2 chats with world as "talk2-$family"
    client1 keeps_up 10 udp with world as "questions-$family"
}
go_on() { "talk1-$family" goes_on; "talk2-$family" goes_on; "questions-$family" goes_on; }
are_unbroken() { "talk1-$family" is_unbroken; "talk2-$family" is_unbroken; "questions-$family" is_unbroken; }

world serves tcp 80
world serves udp 5300

pod_of_node1_goes_on() { "talk1-$family" goes_on; }
masq_is_on_both_nodes() {
    for node in node1 node2; do
        in_node "$node" test -e /sys/fs/bpf/masq || fail "masq is removed from $node"
    done
    not kubectl -n kube-system get daemonset masq-cleanup
}

scenario "a rolling restart keeps live connections"
    both begin_streams
    masq is_restarted
    both go_on
    both client1 reaches world as node1
    both are_unbroken

scenario "an upgrade to another layout keeps live connections"
    both begin_streams
    masq is_upgraded
    both go_on
    masq is_installed
    both go_on
    both client2 reaches world as node2
    both are_unbroken

scenario "an uninstalled masq leaves nothing in the kernel"
    masq is_uninstalled
    for node in node1 node2; do
        in_node "$node" test ! -e /sys/fs/bpf/masq
    done
    masq is_installed
    both client1 reaches world as node1

scenario "upgrade, rollback, restart and drain never clean up" long
    masq is_installed with cleanup.onUninstall=true
    selector=$(selector_of_masq)
    both begin_streams
    helm upgrade masq "$chart" --reuse-values --set-string image.tag=2
    masq_is_rolled_out
    masq_is_on_both_nodes
    both go_on
    helm rollback masq
    masq_is_rolled_out
    masq_is_on_both_nodes
    contains localhost/masq:1 "$(kubectl -n kube-system get daemonset masq -o yaml)"
    both go_on
    masq is_restarted
    masq_is_on_both_nodes
    node2 is drained
    masq_is_on_both_nodes
    node2 is back
    both pod_of_node1_goes_on
    same "$selector" "$(selector_of_masq)"
    both client1 reaches world as node1

scenario "helm uninstall cleans up every node where it is asked"
    masq is_installed with cleanup.onUninstall=true
    kubectl cordon node1 >/dev/null
    kubectl taint node node2 masq-test=tainted:NoSchedule --overwrite >/dev/null
    uninstall_masq
    for node in node1 node2; do
        within 60 in_node "$node" test ! -e /sys/fs/bpf/masq
    done
    kubectl taint node node2 masq-test- >/dev/null
    kubectl uncordon node1 >/dev/null
    masq is_installed
    both client1 reaches world as node1
