# SPDX-License-Identifier: Apache-2.0
# Pods come and go, and their addresses are used again at once.
# datapaths: bpf

# world_keeps_sending: over TCP and UDP, to the first that asks at port 7777, whatever becomes of it.
world_keeps_sending() {
    background world sender /usr/bin/python3 -c '
import socket, sys, threading, time
address = sys.argv[1] if ":" in sys.argv[1] else "::ffff:" + sys.argv[1]
def datagrams():
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind((address, 7777))
    _, source = server.recvfrom(100)
    while True:
        server.sendto(b"for the old pod", source)
        time.sleep(0.001)
threading.Thread(target=datagrams, daemon=True).start()
server = socket.create_server(("::", 7777), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
connection, _ = server.accept()
while True:
    connection.sendall(bytes(100000))
' "${address[world]}"
    eventually grep -q ready "$work/sender.out"
}
listens_to_both() { # POD
    background "$1" listener /usr/bin/python3 -c '
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
datagram = socket.socket(family, socket.SOCK_DGRAM)
datagram.bind(("", 40000))
datagram.sendto(b"begin", (sys.argv[1], 7777))
datagram.recv(100)
stream = socket.socket(family)
stream.connect((sys.argv[1], 7777))
stream.recv(100)
print("listening", flush=True)
while True:
    stream.recv(1 << 16)
' "${address[world]}"
    eventually grep -q listening "$work/listener.out"
}
# The answer to its own question is the only datagram that came to it.
got_nothing_but_its_own() { # POD
    same 0 "$(snmp "$1" Tcp InSegs)" "TCP segments that came to the new $1"
    same 1 "$(($(datagrams_at "$1") + 0))" "datagrams that came to the new $1"
}
datagrams_at() {
    inside "$1" awk '$1 ~ /^Udp6(InDatagrams|NoPorts)$/ { n += $2 } END { print n + 0 }' /proc/net/snmp6 |
        { read -r six; echo $((six + $(snmp "$1" Udp InDatagrams) + $(snmp "$1" Udp NoPorts))); }
}

# connect_pod_by_bridge: pod3, in a bridge's subnet, as the bridge plugin of CNI has it.
connect_pod_by_bridge() {
    new_namespace pod3
    ip -n node link add lxc3 type veth peer name eth0 netns pod3
    ip_in node link set lxc3 master cni0 up
    ip_in pod3 link set eth0 up
    give pod3 eth0 "${address[pod3]}/$link"
    ip_in pod3 route add default via "${address[bridge]}"
}
[ "$family" = ipv4 ] && address+=([pod3]=10.0.1.13 [bridge]=10.0.1.254) || address+=([pod3]=fd00:0:0:1::13 [bridge]=fd00:0:0:1::fe)
pod3() { act pod3 "$@"; }

world serves tcp 80
world serves udp 5300

scenario "packets for a deleted pod never reach its successor" only=bpf # R12, R30
    masqd starts
    world_keeps_sending
    listens_to_both pod1
    ip -n node link delete lxc1
    ip netns delete pod1
    connect_pod pod1 lxc1
    pod1  asks world 5300 from 40001
    within 3 has_dropped quarantined 20
    got_nothing_but_its_own pod1

scenario "packets for a deleted bridged pod never reach its successor" only=bpf # R30
    ip -n node link add cni0 type bridge
    ip_in node link set cni0 up
    give node cni0 "${address[bridge]}/$link"
    connect_pod_by_bridge
    masqd starts
    world_keeps_sending
    listens_to_both pod3
    ip -n node link delete lxc3
    ip netns delete pod3
    connect_pod_by_bridge
    pod3  asks world 5300 from 40001
    within 3 has_dropped quarantined 20
    got_nothing_but_its_own pod3

scenario "a new pod can reuse a deleted pod's endpoint" only=bpf # R12, R30
    masqd starts
    pod1  reaches world as node from 40000
    pod1  chats with world as talk from 40100
    ip -n node link delete lxc1
    ip netns delete pod1
    connect_pod pod1 lxc1
    pod1  chats with world as again from 40100
    again is_unbroken

scenario "connections survive a pod device that goes down and up" only=bpf
    masqd starts
    pod1  chats with world as talk
    ip_in node link set lxc1 down
    ip_in node link set lxc1 up
    [ "$family" = ipv4 ] || give node lxc1 "${address[gateway]}/$host"
    ip_in node route replace "${address[pod1]}/$host" dev lxc1
    talk  goes_on
    talk  is_unbroken
