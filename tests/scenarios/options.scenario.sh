# SPDX-License-Identifier: Apache-2.0
# Options: where they come from, which source wins, and what a wrong one says. docs/reference.md lists them.
# Only bpf and once: what is said of options before any datapath has a word.
# datapaths: bpf
# families: ipv4

# refused KEY=VALUE WORDS...: exit 2 and one line with the key and the words in it.
refused() {
    local option=$1 word; shift
    masqd refuses "$option"
    for word in "${option%%=*}" "$@"; do contains "$word" "$said"; done
}

scenario "an invalid option value is rejected with one line" only=bpf family=ipv4
    refused datapath=magic magic bpf nftables iptables
    refused ipv4-pod-cidr=10.0.0.1 10.0.0.1
    refused ipv4-pod-cidr=fd00::/64 fd00::/64
    refused ipv6-native-routing-cidr=10.0.0.0/8 10.0.0.0/8
    refused nat-max-mappings=many many
    refused nat-max-mappings=-1
    refused nat-port-range=0-10
    refused nat-port-range=2000-1000
    refused nat-port-range=1000-70000
    refused node-port-range=x
    refused nat-timeout-udp=soon soon
    refused nat-timeout-udp=-5s
    refused enable-ip-masq-agent=perhaps perhaps true false
    refused node-addresses=10.0.0.0/8
    refused masquerade-address=eth0 eth0
    refused log-level=loud loud debug
    refused log-format=xml xml json
    refused enable-k8s=sometimes sometimes auto

scenario "an unknown flag is rejected with one line" only=bpf family=ipv4
    masqd refuses no-such-key=1
    contains no-such-key "$said"

scenario "an unknown environment variable is rejected with one line" only=bpf family=ipv4
    agent_environment=(MASQ_NO_SUCH_KEY=1)
    masqd refuses
    contains MASQ_NO_SUCH_KEY "$said"

scenario "option errors in the environment name the variable" only=bpf family=ipv4
    agent_environment=(MASQ_NAT_MAX_MAPPINGS=many)
    masqd refuses
    contains MASQ_NAT_MAX_MAPPINGS "$said"
    contains many "$said"

scenario "option errors in the YAML file name file and key" only=bpf family=ipv4
    echo "no-such-key: 1" >"$work/masq.yaml"
    masqd refuses "config=$work/masq.yaml"
    contains masq.yaml "$said"
    contains no-such-key "$said"
    echo "nat-max-mappings: many" >"$work/masq.yaml"
    masqd refuses "config=$work/masq.yaml"
    contains masq.yaml "$said"
    contains many "$said"

scenario "option errors in the config directory name the file" only=bpf family=ipv4
    mkdir "$work/keys"
    echo many >"$work/keys/nat-max-mappings"
    masqd refuses "config-dir=$work/keys"
    contains keys "$said"
    contains nat-max-mappings "$said"

scenario "flags override environment, directory, YAML file and default" only=bpf family=ipv4
    table_size= # only what is given below
    maximum_is() { status_shows "of $1"; }
    mkdir "$work/keys"
    echo "nat-max-mappings: 1001" >"$work/masq.yaml"
    masqd starts with "config=$work/masq.yaml" "config-dir=$work/keys"
    maximum_is 1001
    masqd is_terminated
    echo 1002 >"$work/keys/nat-max-mappings"
    masqd starts with "config=$work/masq.yaml" "config-dir=$work/keys"
    maximum_is 1002
    masqd is_terminated
    agent_environment=(MASQ_NAT_MAX_MAPPINGS=1003)
    masqd starts with "config=$work/masq.yaml" "config-dir=$work/keys"
    maximum_is 1003
    masqd is_terminated
    masqd starts with "config=$work/masq.yaml" "config-dir=$work/keys" nat-max-mappings=1004
    maximum_is 1004

scenario "unknown keys of a cilium-config are ignored" only=bpf
    mkdir "$work/keys"
    echo true >"$work/keys/enable-ip-masq-agent"
    echo whatever >"$work/keys/bpf-lb-algorithm"
    echo true >"$work/keys/enable-bpf-masquerade"
    the_file_excludes office
    masqd starts with "config-dir=$work/keys"
    ipmasq_lists office

scenario "list options accept commas, repeated flags and YAML lists" family=ipv4,ipv6
    the_world_knows_the_pods
    pods_may_show_at office branch lab
    world serves tcp 80
    masqd starts with "$family-native-routing-cidr=$(cidr_of office),$(cidr_of branch)" "$family-native-routing-cidr=$(cidr_of lab)"
    pod1  reaches office as pod1
    pod1  reaches branch as pod1
    pod1  reaches lab as pod1
    masqd is_terminated
    echo "$family-native-routing-cidr: [$(cidr_of office), $(cidr_of lab)]" >"$work/masq.yaml"
    masqd starts with "config=$work/masq.yaml"
    pod2  reaches office as pod2
    pod2  reaches lab as pod2
    pod2  reaches branch as node

scenario "contradictory options are rejected" only=bpf family=ipv4
    masqd refuses datapath=bpf enable-bpf-masquerade=false
    contains enable-bpf-masquerade "$said"
    masqd refuses egress-masquerade-interfaces=eth0 datapath=bpf
    contains devices "$said"

scenario "Kubernetes without a way to its API is rejected" only=bpf family=ipv4
    masqd refuses enable-k8s=true
    contains "enable-k8s: true: k8s-kubeconfig-path, k8s-api-server or a pod with a service account is expected" "$said"
    masqd refuses ip-masq-agent-config-map=kube-system/ip-masq-agent
    masqd refuses k8s-api-server=ftp://192.0.2.1

scenario "masquerading works without the API of Kubernetes" only=bpf family=ipv4
    world serves tcp 80
    agent_flags with enable-k8s=true k8s-api-server=https://192.0.2.99:6443 "state-dir=$work/state"
    start_agent
    eventually status_shows "[eth0]"
    status_shows "kubernetes: Failed to connect to 192.0.2.99 port 6443" # provokes kubernetes
    status_is_not_ok
    pod1  reaches world as node

scenario "--help lists every option, and --version prints a version" only=bpf family=ipv4
    contains "$("$bin/masqd" --version)" "$("$bin/masqd" --version)"
    [[ $("$bin/masqd" --version) =~ [0-9]+\.[0-9]+ ]] || fail "masqd --version: $("$bin/masqd" --version)"
    [[ $("$bin/masq" --version) =~ [0-9]+\.[0-9]+ ]] || fail "masq --version: $("$bin/masq" --version)"
    help=$("$bin/masqd" --help)
    while read -r key; do
        contains "--$key" "$help"
    done < <(sed -n 's/^| `\([a-z][a-z0-9-]*\)` .*/\1/p' "$support/../../docs/reference.md" | grep -- -)
    contains ipmasq "$("$bin/masq" bpf --help)"
    contains status "$("$bin/masq" --help)"

scenario "every key of the reference is accepted" only=bpf family=ipv4
    masqd starts with enable-ipv4-masquerade=true enable-ipv6-masquerade=true devices=eth+ node-port-range=30000-32767 \
        nat-max-mappings=65536 nat-max-mappings-per-pod=1024 nat-timeout-tcp-established=1h30m nat-timeout-tcp-transitory=240s \
        nat-timeout-udp=5m nat-timeout-dns=5s nat-timeout-icmp=60s nat-timeout-other=600s enable-source-ip-verification=true random-fully=false enable-k8s=false log-format=json \
        nat-port-range=1024-29999,61000-65535
    world serves tcp 80
    pod1  reaches world as node
    /usr/bin/python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$agent_log"
