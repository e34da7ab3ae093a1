# SPDX-License-Identifier: Apache-2.0
# What kubelets and operators do to nodes.

scenario "kubelet probes reach pods of its node"
    pod probed1 runs_on node1 probed
    pod probed2 runs_on node2 probed
    world serves tcp 80
    for round in $(seq 40); do # a few rounds of the probes, with traffic
        both probed1 reaches world as node1
        both probed2 reaches world as node2
        sleep 0.1
    done
    for pod in probed1 probed2; do
        pod "$pod" was_never_restarted
        pod "$pod" is_ready
    done

scenario "a drained node keeps masquerading when it is back"
    world serves tcp 80
    node2 is drained
    masq_is_ok node2
    not pod_exists client2
    both client1 reaches world as node1
    node2 is back
    cluster has 2 nodes
    pod fresh runs_on node2
    both fresh reaches world as node2

scenario "a rebooted node masquerades again"
    world serves tcp 80
    client1 chats with world as talk
    node2 is rebooted
    cluster has 2 nodes
    within 60 masq_is_ok node2
    within 60 pod_was_restarted client2
    pod client2 is_ready
    both client2 reaches world as node2
    talk is_unbroken
