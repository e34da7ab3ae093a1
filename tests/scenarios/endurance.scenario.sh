# SPDX-License-Identifier: Apache-2.0
# The same as elsewhere, many times over: ./test --long.
# datapaths: bpf

world serves tcp 80
world serves udp 5300
ulimit -n 8192

# restarts COUNT under TCP UDP PINGS: every second one after SIGKILL; every connection keeps its endpoint, no packet of UDP
# and no ping is lost.
restarts() {
    local count=$1 tcp=$3 udp=$4 pings=$5 round ping_pause=0.05
    masqd starts
    pod1  keeps_up $((tcp / 2)) tcp with world as "talks1"
    pod2  keeps_up $((tcp / 2)) tcp with world as "talks2"
    pod1  keeps_up "$udp" udp with world as questions
    for round in $(seq "$pings"); do pod2 keeps_pinging world as "flood$round"; done
    for round in $(seq "$count"); do
        if ((round % 2)); then masqd is_killed; start_agent; eventually agent_is_ready; else masqd is_restarted; fi
        : >"$agent_log"
    done
    for round in talks1 talks2 questions; do $round goes_on; $round is_unbroken; done
    for round in $(seq "$pings"); do "flood$round" lost_nothing; done
}

scenario "twenty restarts under 245 streams lose nothing"
    restarts 20 under 200 40 5

scenario "a thousand restarts under 1220 streams lose nothing" long limit=3600
    restarts 1000 under 1000 200 20

scenario "two hundred restarts under transfers and pings lose nothing" long
    masqd starts
    pod1  downloads from world as down
    pod2  uploads to world as up
    background pod1 flood ping -q -n -i 0.005 -c 6000 "${address[world]}"
    for round in $(seq 200); do
        if ((round % 2)); then masqd is_killed; start_agent; eventually agent_is_ready; else masqd is_restarted; fi
    done
    down  is_unbroken
    up    is_unbroken
    within 60 process_ended "$(cat "$work/flood.pid")"
    contains " 0% packet loss" "$(cat "$work/flood.out")"

scenario "after a thousand uplink flaps masquerading resumes without leaks" long
    masqd starts
    background pod1 stream ping -q -n -i 0.002 -c 20000 "${address[world]}"
    for round in $(seq 1000); do
        printf '%s\n' "link set eth0 down" "link set eth0 up" "address replace ${address[node]}/$link dev eth0" \
            "route replace default via ${address[router]}"
    done | ip -n node -batch -
    within 2 uplinks_are eth0
    within 1 pod1 reaches world as node

scenario "masqd recovers after missing five thousand address events" long
    masqd starts
    misses_address_changes 2500
    within 2 uplinks_are eth0 eth1
    within 2 pod1 reaches beyond-east as node-east

scenario "the last of a thousand ConfigMap changes is in force" long
    the_configmap_excludes branch
    masqd starts with enable-ip-masq-agent
    for round in $(seq 500); do
        the_configmap_excludes branch
        the_configmap_excludes branch lab
        pod1  reaches office as node
    done
    pods_may_show_at lab
    within 2 ipmasq_lists lab

scenario "ten thousand connections are masqueraded and their mappings expire" long
    masqd starts with nat-timeout-tcp-transitory=2s
    for round in $(seq 20); do
        a_crowd pod1 tcp 500 world as "crowd$round"
        "crowd$round" was_answered 500
        "crowd$round" leaves
    done
    within 10 mappings_number 0
