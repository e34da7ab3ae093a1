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
