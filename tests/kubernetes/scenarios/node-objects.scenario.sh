# SPDX-License-Identifier: Apache-2.0
# masq learns nodes and pod CIDRs from the API server. Nothing of it is in the CNI configuration or in masq's options.

world serves tcp 80

# The ip-masq-agent is off, so that no reserved range is excluded.
from_the_api=(ipMasqAgent.enabled=false)

scenario "pod CIDRs are those of the Node objects"
    both_nodes hide_cni_configuration
    masq is_installed with "${from_the_api[@]}"
    for node in node1 node2; do
        within 10 masq_knows_the_pods_of "$node"
    done
    both client1 reaches world as node1
    both client2 reaches world as node2

scenario "pods of other nodes are excluded"
    masq is_installed with "${from_the_api[@]}"
    server2 serves tcp 80
    within 10 both client1 reaches server2 as client1

scenario "addresses of other nodes are excluded"
    masq is_installed with "${from_the_api[@]}"
    node2 serves tcp 80
    within 10 both client1 reaches node2 as client1
    masq is_installed with "${from_the_api[@]}" enableRemoteNodeMasquerade=true
    within 10 both client1 reaches node2 as node1

scenario "a node that is added and deleted is excluded meanwhile"
    masq is_installed with "${from_the_api[@]}"
    the_world_knows_the_pods
    both client1 reaches office as node1
    add_node_at office
    both pods_may_show_at office
    within 1 both client1 reaches office as client1
    kubectl delete node added >/dev/null
    within 1 both client1 reaches office as node1

scenario "a re-registered node has new pod CIDRs" limit=240
    before=${pod_prefix[${families[0]}/node2]}
    masq is_installed with "${from_the_api[@]}"
    re_register node2
    not   same "$before" "${pod_prefix[${families[0]}/node2]}"
    within 30 masq_knows_the_pods_of node2
    pod fresh runs_on node2
    both fresh reaches world as node2
    server1 serves tcp 80
    both fresh reaches server1 as fresh
