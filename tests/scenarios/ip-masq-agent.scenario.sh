# SPDX-License-Identifier: Apache-2.0
# The ip-masq-agent's file: every way of changing it is noticed within a second, and a bad one changes nothing.
# datapaths: bpf nftables

the_world_knows_the_pods
pods_may_show_at office lab branch
world serves tcp 80

scenario "rewriting the ip-masq-agent file takes effect within a second"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    the_file_excludes lab
    within 1 pod1 reaches lab as pod1
    within 1 pod1 reaches office as node
    ipmasq_lists lab
    ipmasq_lacks office

scenario "replacing the ip-masq-agent file takes effect within a second"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    for round in 1 2 3; do
        the_file_is_replaced_by_one_excluding lab
        within 1 pod1 reaches lab as pod1
        the_file_is_replaced_by_one_excluding office
        within 1 pod1 reaches lab as node
    done

scenario "changing a mounted ConfigMap takes effect within a second"
    the_configmap_excludes office
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    for round in 1 2 3; do
        the_configmap_excludes lab
        within 1 pod1 reaches lab as pod1
        the_configmap_excludes office
        within 1 pod1 reaches lab as node
    done

scenario "removing or recreating the ip-masq-agent file takes effect" family=ipv4
    pods_may_show_at world
    the_file_excludes branch
    masqd starts with enable-ip-masq-agent
    pod1  reaches world as node
    rm "$agent_file"
    within 1 pod1 reaches world as pod1
    ipmasq_lists 203.0.113.0/24 169.254.0.0/16
    the_file_excludes branch
    within 1 pod1 reaches world as node

scenario "a directory for the ip-masq-agent file may be created later"
    rmdir "$work/config"
    masqd starts with enable-ip-masq-agent
    mkdir "$work/config"
    the_file_excludes lab
    within 2 ipmasq_lists lab
    pod1  reaches lab as pod1

scenario "without an ip-masq-agent file the reserved ranges are excluded" family=ipv4
    pods_may_show_at world elsewhere
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches branch as pod1
    pod1  reaches world as pod1
    pod1  reaches public as node
    ipmasq_lists 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 \
        198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 169.254.0.0/16 fe80::/10

scenario "an ip-masq-agent file of comments excludes the reserved ranges" family=ipv4
    the_file_says "# nothing here

"
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches public as node

scenario "an empty nonMasqueradeCIDRs excludes only the link-local ranges"
    the_file_says "nonMasqueradeCIDRs: []"
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as node
    same  "IP PREFIX/ADDRESS 169.254.0.0/16 fe80::/10" "$(masq bpf ipmasq list | xargs)"

scenario "with masqLinkLocal nothing is excluded by default"
    the_file_says '{"masqLinkLocal": true, "masqLinkLocalIPv6": true}'
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as node
    contains "No entries found." "$(masq bpf ipmasq list 2>&1)"

scenario "an ip-masq-agent file may be JSON with any key case"
    the_file_says "{\"NONMASQUERADECIDRS\": [\"$(cidr_of office)\"], \"resyncInterval\": \"60s\"}"
    masqd starts with enable-ip-masq-agent
    pod1  reaches office as pod1
    pod1  reaches lab as node

scenario "an invalid ip-masq-agent file is rejected and shown by status"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    the_file_says "nonMasqueradeCIDRs:
- $(cidr_of lab)
- 10.300.0.0/16"
    within 1 status_shows "10.300.0.0/16"
    status_shows "line 3"
    status_shows "$agent_file"
    not   masq status --brief
    pod1  reaches office as pod1
    pod1  reaches lab as node
    same  1 "$(grep -c 10.300.0.0/16 "$agent_log")" "lines of the log"
    the_file_excludes lab
    within 1 masq status --brief
    status_hides "10.300.0.0/16"
    within 1 pod1 reaches lab as pod1

scenario "every kind of invalid ip-masq-agent file changes nothing"
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    for text in "nonMasqueradeCIDRs: [10.0.0.1]" "nonMasqueradeCIDRs: [null]" "nonMasqueradeCIDRs: [5]" \
        "nonMasqueradeCIDRs: 10.0.0.0/8" "nonMasqueradeCIDRs: [10.0.0.0/33]" '{"nonMasqueradeCIDRs": [' \
        "masqLinkLocal: maybe" "- a list" "just words" $'\x01\x02\x03' "nonMasqueradeCIDRs: [\"\"]"; do
        the_file_says "$text"
        within 1 not masq status --brief
        pod1  reaches office as pod1
        the_file_excludes office
        within 1 masq status --brief
    done

scenario "masqd masquerades despite an invalid ip-masq-agent file at its start"
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    agent_flags with enable-ip-masq-agent
    start_agent
    within 5 uplinks_are eth0
    status_shows nonsense
    pod1  reaches public as node

scenario "a restart with an invalid ip-masq-agent file keeps the exclusions"
    the_file_excludes lab
    masqd starts with enable-ip-masq-agent
    masqd is_killed
    the_file_says "nonMasqueradeCIDRs: [nonsense]"
    start_agent
    within 5 uplinks_are eth0
    status_shows nonsense
    ipmasq_lists lab
    pod1  reaches lab as pod1
    pod1  reaches office as node

scenario "rewriting the ip-masq-agent file never applies the default ranges" family=ipv4
    the_file_excludes office
    masqd starts with enable-ip-masq-agent
    (for round in $(seq 150); do the_file_excludes office branch; sleep 0.01; done) &
    writer=$!
    while kill -0 "$writer" 2>/dev/null; do
        pod1  reaches world as node
        pod1  reaches office as pod1
    done
    eventually ipmasq_lists branch

scenario "the ip-masq-agent file is applied only after it is closed"
    the_file_excludes branch
    masqd starts with enable-ip-masq-agent
    exec 9>"$agent_file"
    printf 'nonMasqueradeCIDRs:\n- %s' "$([ "$family" = ipv4 ] && echo 10.0.0.0/1 || echo fc00::/1)" >&9
    throughout 1 pod1 reaches office as node
    printf '6\n' >&9
    exec 9>&-
    within 1 ipmasq_lists "$([ "$family" = ipv4 ] && echo 10.0.0.0/16 || echo fc00::/16)"
    pod1  reaches office as node

scenario "the last of two hundred ConfigMap changes is in force"
    the_configmap_excludes office
    masqd starts with enable-ip-masq-agent
    for round in $(seq 100); do
        the_configmap_excludes office
        the_configmap_excludes lab
    done
    within 2 ipmasq_lists lab
    pod1  reaches lab as pod1
    pod1  reaches office as node
    agent_is_ready

scenario "fifty thousand exclusions are applied within five seconds" serial
    fifty_thousand() {
        echo "nonMasqueradeCIDRs:"
        echo "- $(cidr_of office)"
        awk -v v6="$([ "$family" = ipv6 ] && echo 1)" 'BEGIN { for (i = 0; i < 49999; i++)
            printf v6 ? "- fd99::%x/128\n" : "- 11.%d.%d.%d/32\n", v6 ? i : i / 65536, int(i / 256) % 256, i % 256 }'
    }
    masqd starts with enable-ip-masq-agent
    fifty_thousand >"$agent_file"
    within 5 ipmasq_lists office
    same  50003 "$(masq bpf ipmasq list | wc -l)" "lines of the list"
    pod1  reaches office as pod1
    pod1  reaches lab as node
    the_file_excludes lab
    within 5 ipmasq_lists lab
    within 1 pod1 reaches office as node
