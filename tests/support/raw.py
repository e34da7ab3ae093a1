#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""raw.py SOURCE DESTINATION KIND [--count N] [--times N] [--from-port P] [--to-port P]
[--bad-checksum]

Sends crafted packets from a raw socket, each with the next source port, --times over: udp, tcp-syn, tcp-ack, tcp-rst,
tcp-fin, tcp-synack, sctp, gre, esp, ipip, icmp-timestamp, the number of a protocol, or "all": every protocol once.
"""
import argparse
import ipaddress
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "wire"))
from packet import ACK, FIN, RST, SYN, Packet, esp, gre, query, sctp, tcp, udp  # noqa: E402

FLAGS = {"tcp-syn": SYN, "tcp-ack": ACK, "tcp-rst": RST, "tcp-fin": FIN | ACK, "tcp-synack": SYN | ACK}


def content(kind, source_port, destination_port):
    if kind in FLAGS:
        return tcp(source_port, destination_port, FLAGS[kind])
    made = {"udp": udp(source_port, destination_port), "sctp": sctp(source_port, destination_port), "gre": gre(),
            "esp": esp(0x1234), "ipip": (4, bytes(20)), "icmp-timestamp": query(4, 13, source_port, bytes(12))}
    return made.get(kind) or (int(kind), bytes(24))


def send(options, kind):
    v6 = options.source.version == 6
    for port in range(options.from_port, options.from_port + options.count):
        packet = Packet(options.source, options.destination, *content(kind, port, options.to_port))
        # The kernel writes the IPv6 header, but not IPv4's.
        data = packet.transport() if v6 else bytes(packet)
        if options.bad_checksum:
            data = data[:-1] + bytes([data[-1] ^ 0xFF])
        family, protocol = (socket.AF_INET6, packet.protocol) if v6 else (socket.AF_INET, socket.IPPROTO_RAW)
        with socket.socket(family, socket.SOCK_RAW, protocol) as sender:
            if v6:
                sender.bind((str(options.source), 0))
            for _ in range(options.times):
                sender.sendto(data, (str(options.destination), 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=ipaddress.ip_address)
    parser.add_argument("destination", type=ipaddress.ip_address)
    parser.add_argument("kind")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--from-port", type=int, default=40000)
    parser.add_argument("--to-port", type=int, default=80)
    parser.add_argument("--bad-checksum", action="store_true")
    options = parser.parse_args()
    every = range(1, 255) if options.source.version == 6 else range(256)  # as the kernel lets raw sockets send
    for kind in map(str, every) if options.kind == "all" else [options.kind]:
        send(options, kind)


main()
