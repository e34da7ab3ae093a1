# SPDX-License-Identifier: Apache-2.0
# What was decided for a connection's first packet holds until it ends; a change acts on new connections.
# datapaths: bpf

the_world_knows_the_pods
world serves tcp 80
world serves udp 5300

scenario "an excluded connection survives the end of its exclusion"
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  chats with office as old
    the_file_excludes branch
    within 1 pod1 reaches office as node
    old   goes_on
    old   is_unbroken

scenario "a masqueraded connection survives the exclusion of its destination"
    pods_may_show_at office
    the_file_excludes branch
    masqd starts with enable-ip-masq-agent
    pod1  chats with office as old
    the_file_excludes office
    within 1 pod1 reaches office as pod1
    old   goes_on
    old   is_unbroken

scenario "a UDP flow keeps its decision after a change"
    pods_may_show_at office
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1 over udp from 20000
    the_file_excludes branch
    within 1 pod1 reaches office as node over udp
    pod1  reaches office as pod1 over udp from 20000

scenario "a gigabyte transfer survives changes of the exclusions"
    pods_may_show_at office
    the_file_excludes branch
    masqd starts with enable-ip-masq-agent
    pod1  downloads from world as load
    for round in 1 2 3 4 5; do
        the_file_excludes office
        within 1 pod2 reaches office as pod2
        the_file_excludes world
        within 1 pod2 reaches office as node
    done
    pods_may_show_at world
    load  has_moved 1000000000
    load  is_unbroken
