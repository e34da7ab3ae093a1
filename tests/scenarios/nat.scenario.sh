# SPDX-License-Identifier: Apache-2.0
# What `masq bpf nat` shows of the mappings, and which of them it ends.

world serves tcp 80
world serves udp 53

# wrong_use VALUE WORDS...: masq ends with 2 and one line that names the value.
wrong_use() {
  local value=$1 status=0; shift
  said=$(masq "$@" 2>&1) || status=$?
  same 2 "$status" "exit of masq $*: $said"
  same 1 "$(wc -l <<<"$said")" "lines"
  contains "$value" "$said"
}

pods_talk() { # a TCP connection of pod1 and one of pod2, and a datagram of pod1
  pod1  chats with world as talk from 20001
  pod2  chats with elsewhere as other from 20002
  pod1  asks world 53 from 20003
}

scenario "nat list shows what was asked for"
    masqd starts with nat-port-range=20000-29999
    pods_talk
    listed() { same "$1" "$(masq bpf nat list "${@:2}" | wc -l)" "mappings with ${*:2}"; }
    listed 3
    listed 2 --pod "${address[pod1]}"
    listed 3 --pod "${cidr[pods]}"
    listed 1 --dst "${address[elsewhere]}"
    listed 2 --dst "${cidr[world]}"
    listed 2 --proto tcp
    listed 1 --proto UDP
    listed 1 --proto 17
    listed 3 --state established
    listed 1 --proto udp --pod "${address[pod1]}" --dst "${address[world]}" --state established
    contains "No entries found." "$(masq bpf nat list --proto udp --pod "${address[pod2]}" 2>&1)"
    same  "[]" "$(masq bpf nat list --proto icmp -o json)"
    same  1 "$(masq bpf nat ls --pod "${address[pod2]}" -o json | /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')"

scenario "nat list refuses what it does not understand" family=ipv4
    masqd starts with nat-port-range=20000-29999
    pods_talk
    wrong_use nonsense bpf nat list --pod nonsense
    wrong_use 10.0.0.0/33 bpf nat list --dst 10.0.0.0/33
    wrong_use tpc bpf nat list --proto tpc
    wrong_use 256 bpf nat list --proto 256
    wrong_use open bpf nat list --state open
    wrong_use --pod bpf nat list --pod ""
    wrong_use extra bpf nat list extra

scenario "a long list takes no second"
    masqd starts with nat-port-range=1024-29999
    inside pod1 "$support/raw.py" "${address[pod1]}" "${address[elsewhere]}" udp --to-port 7 --from-port 2000 --count 20000
    begin=$(now_ms)
    same  20000 "$(masq bpf nat list --dst "${address[elsewhere]}" --state new | wc -l)" mappings
    (($(now_ms) - begin < 1000)) || fail "$(($(now_ms) - begin)) ms"
