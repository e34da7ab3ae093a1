#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""raw.py SOURCE DESTINATION KIND [--count N] [--from-port P] [--to-port P] [--bad-checksum]

Sends crafted packets from a raw socket, each with the next source port: udp, tcp-syn, tcp-ack, tcp-rst, tcp-fin, tcp-synack, sctp, gre, esp, ipip,
icmp-timestamp, the number of a protocol, or "all": every protocol once.
"""
import argparse
import ipaddress
import socket
import struct

FLAGS = {"tcp-syn": 0x02, "tcp-ack": 0x10, "tcp-rst": 0x04, "tcp-fin": 0x11, "tcp-synack": 0x12}
NUMBERS = {"udp": 17, "sctp": 132, "gre": 47, "esp": 50, "ipip": 4, "icmp-timestamp": 1}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(source, destination, protocol, header, offset, payload=b""):
    pseudo = source.packed + destination.packed + struct.pack("!II", len(header + payload), protocol)
    value = checksum(pseudo + header + payload) or 0xFFFF
    return header[:offset] + struct.pack("!H", value) + header[offset + 2 :] + payload


def transport(options, source, destination):
    ports = struct.pack("!HH", options.from_port, options.to_port)
    if options.kind in FLAGS:
        header = ports + struct.pack("!IIBBHHH", 1000, 2000, 5 << 4, FLAGS[options.kind], 65535, 0, 0)
        return 6, with_checksum(source, destination, 6, header, 16)
    protocol = NUMBERS.get(options.kind) or int(options.kind)
    if options.kind == "udp":
        return protocol, with_checksum(source, destination, 17, ports + struct.pack("!HH", 12, 0), 6, b"raw\n")
    if options.kind == "sctp":
        return protocol, ports + struct.pack("!II", 1, 0) + bytes([1, 0, 0, 20]) + bytes(16)
    if options.kind == "gre":
        return protocol, struct.pack("!HH", 0, 0x0800) + bytes(20)
    if options.kind == "icmp-timestamp":
        header = struct.pack("!BBHHH", 13, 0, 0, options.from_port, 1) + bytes(12)
        return protocol, header[:2] + struct.pack("!H", checksum(header)) + header[4:]
    return protocol, struct.pack("!II", 0x1234, 1) + bytes(24)


def send(options):
    v6 = options.source.version == 6
    family = socket.AF_INET6 if v6 else socket.AF_INET
    for _ in range(options.count):
        protocol, payload = transport(options, options.source, options.destination)
        options.from_port += 1
        if options.bad_checksum:
            payload = payload[:-1] + bytes([payload[-1] ^ 0xFF])
        if not v6:
            payload = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                                  options.source.packed, options.destination.packed) + payload
        with socket.socket(family, socket.SOCK_RAW, protocol if v6 else socket.IPPROTO_RAW) as sender:
            if v6:
                sender.bind((str(options.source), 0))
            sender.sendto(payload, (str(options.destination), 0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=ipaddress.ip_address)
    parser.add_argument("destination", type=ipaddress.ip_address)
    parser.add_argument("kind")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--from-port", type=int, default=40000)
    parser.add_argument("--to-port", type=int, default=80)
    parser.add_argument("--bad-checksum", action="store_true")
    options = parser.parse_args()
    every = range(1, 255) if options.source.version == 6 else range(256)  # as the kernel lets raw sockets send
    for kind in map(str, every) if options.kind == "all" else [options.kind]:
        options.kind = kind
        send(options)


main()
