# SPDX-License-Identifier: Apache-2.0
# The API server is unavailable, or slow, or forgets: masquerading continues with the last facts.

world serves tcp 80

scenario "masquerading continues while the API server is unavailable"
    client1 chats with world as talk
    api is away
    for node in node1 node2; do
        within 90 masq_shows "$node" "kubernetes:"
    done
    both client1 reaches world as node1
    both client2 reaches world as node2
    api is back
    for node in node1 node2; do
        within 90 masq_is_ok "$node"
    done
    talk is_unbroken

scenario "a restarted agent uses its last facts without the API"
    api is away
    in_node node1 pkill -KILL masqd
    within 90 masq_answers_on node1
    both client1 reaches world as node1
    server2 serves tcp 80
    both client1 reaches server2 as client1
    api is back
    for node in node1 node2; do
        within 90 masq_is_ok "$node"
    done

scenario "a watch that ends is begun again"
    node2 serves tcp 80
    for round in 1 2 3; do
        api is away
        api is back
    done
    the_world_knows_the_pods
    both client1 reaches lab as node1
    add_node_at lab
    both pods_may_show_at lab
    within 90 both client1 reaches lab as client1
    kubectl delete node added >/dev/null
    within 1 both client1 reaches lab as node1
    for node in node1 node2; do
        within 90 masq_is_ok "$node"
    done

scenario "a ConfigMap is read from the API within a second"
    the_world_knows_the_pods
    both pods_may_show_at office lab
    masq is_installed with ipMasqAgent.source=api
    write_configmap "$(excluding lab)"
    within 1 both client1 reaches lab as client1
    both client1 reaches office as node1
    write_configmap "$(excluding office)"
    within 1 both client1 reaches lab as node1
    both client1 reaches office as client1

scenario "the ServiceAccount of masq may read nodes alone"
    same yes "$(masq_may list nodes)"
    same yes "$(masq_may watch nodes)"
    for what in "get secrets" "list pods" "patch nodes" "update nodes" "create pods"; do
        # shellcheck disable=SC2086 # words
        same no "$(masq_may $what)"
    done
