# SPDX-License-Identifier: Apache-2.0
# The ConfigMap ip-masq-agent, as an operator changes it.

scenario "a changed ConfigMap takes effect"
    the_world_knows_the_pods
    both pods_may_show_at office lab
    world serves tcp 80
    ip_masq_agent excludes lab
    within 10 both client1 reaches lab as client1
    within 10 both client2 reaches lab as client2
    both client1 reaches office as node1
    ip_masq_agent excludes office
    within 10 both client1 reaches lab as node1
    both client1 reaches office as client1
    both client1 reaches world as node1

scenario "without a ConfigMap the reserved ranges are excluded"
    the_world_knows_the_pods
    both pods_may_show_at office lab
    world serves tcp 80
    ip_masq_agent excludes lab
    within 10 both client1 reaches office as node1
    ip_masq_agent is_removed
    within 10 both client1 reaches lab as node1
    [ "$family" = ipv6 ] || client1 reaches office as client1
    both client1 reaches world as node1

scenario "a rejected ConfigMap is an Event of each node"
    write_ip_masq_agent "nonMasqueradeCIDRs: [10.1.0.0/16, elsewhere]"
    for node in node1 node2; do
        within 30 node_tells "$node" IPMasqAgentConfigRejected 'line 1: nonMasqueradeCIDRs: "elsewhere"'
        same 1 "$(events_of "$node" IPMasqAgentConfigRejected elsewhere)" "Events of $node"
        masq_reports "$node" elsewhere
    done
    ip_masq_agent excludes lab
    for node in node1 node2; do
        within 30 node_tells "$node" IPMasqAgentConfigAccepted "valid again"
    done
    write_ip_masq_agent "nonMasqueradeCIDRs: [10.1.0.0/16, elsewhere]"
    for node in node1 node2; do # the same text is no second Event
        within 30 node_tells "$node" IPMasqAgentConfigRejected "(x2 over "
        same 1 "$(events_of "$node" IPMasqAgentConfigRejected elsewhere)" "Events of $node"
    done
    ip_masq_agent excludes lab
    for node in node1 node2; do
        within 10 masq_is_ok "$node"
    done

scenario "a ConfigMap of kubectl survives masq byte by byte" long
    masq is_uninstalled
    the_world_knows_the_pods
    both pods_may_show_at office lab
    world serves tcp 80
    write_configmap "# of the operator
$(excluding lab)  # no more"
    before=$(configmap_as_stored)
    masq is_installed
    within 10 both client1 reaches lab as client1
    both client1 reaches office as node1
    masq is_upgraded
    both client1 reaches lab as client1
    same "$before" "$(configmap_as_stored)"
    uninstall_masq
    same "$before" "$(configmap_as_stored)"
    masq is_installed
    both client1 reaches lab as client1

scenario "the old ip-masq-agent is replaced in place"
    masq is_uninstalled
    the_world_knows_the_pods
    both pods_may_show_at lab
    world serves tcp 80
    write_configmap "$(excluding lab)"
    both_nodes old_agent_writes_its_rules
    both client1 reaches world as node1
    both client1 reaches lab as client1
    client1 chats with world as talk
    masq is_installed
    within 10 masq_shows node1 "IP-MASQ-AGENT"
    both client1 reaches world as node1
    both_nodes old_agent_is_removed
    both client1 reaches world as node1
    both client2 reaches world as node2
    both client1 reaches lab as client1
    within 40 masq_is_silent_about node1 "IP-MASQ-AGENT"
    contains "$(address_of node1)" "$(masq_in node1 bpf nat list)"
    talk is_unbroken

scenario "a rejected ConfigMap changes nothing and is reported"
    the_world_knows_the_pods
    both pods_may_show_at lab
    world serves tcp 80
    ip_masq_agent excludes lab
    within 10 both client1 reaches lab as client1
    write_ip_masq_agent "nonMasqueradeCIDRs: [10.1.0.0/16, somewhere]"
    within 10 masq_reports node1 somewhere
    both client1 reaches lab as client1
    both client1 reaches world as node1
    ip_masq_agent excludes lab
    within 10 masq_is_ok node1
    within 10 masq_is_ok node2
