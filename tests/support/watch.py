#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The leak watcher: stands behind the uplinks and writes down packets that still have a pod's source address.

watch.py --out FILE --ready FILE --pods CIDR... DEVICE...

FILE holds a line "SOURCE DESTINATION protocol N DEVICE" for each different one, any protocol. The socket filter
lets nothing else through, so the watcher costs nothing and misses nothing. Router and neighbour discovery of the
pods' own link cannot come here.
"""
import argparse
import ctypes
import ipaddress
import os
import selectors
import socket
import struct

SO_ATTACH_FILTER = 26
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def filter_for(networks):
    """Classic BPF: accept when the source address lies in one of the networks; else reject."""
    program = []
    for network in networks:
        v6 = network.version == 6
        offset, words = (22, 4) if v6 else (26, 1)
        ethertype = 0x86DD if v6 else 0x0800
        address, mask = int(network.network_address), int(network.netmask)
        steps = [(0x28, 0, 0, 12), (0x15, 0, None, ethertype)]  # ldh [12]; jeq ethertype
        for word in range(words):
            shift = 32 * (words - 1 - word)
            steps += [
                (0x20, 0, 0, offset + 4 * word),  # ld [source]
                (0x54, 0, 0, (mask >> shift) & 0xFFFFFFFF),  # and mask
                (0x15, 0, None, (address >> shift) & 0xFFFFFFFF),  # jeq
            ]
        steps.append((0x06, 0, 0, 0x40000))  # ret: accept
        for index, (code, jt, jf, k) in enumerate(steps):
            program.append((code, jt, len(steps) - index - 1 if jf is None else jf, k))
    program.append((0x06, 0, 0, 0))
    return program


def attach(listener, program):
    text = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(text)
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


def describe(packet):
    if packet[12:14] == b"\x08\x00":
        source, destination, protocol = packet[26:30], packet[30:34], packet[23]
    else:
        source, destination, protocol = packet[22:38], packet[38:54], packet[20]
    return f"{ipaddress.ip_address(source)} {ipaddress.ip_address(destination)} protocol {protocol}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--ready", required=True)
    parser.add_argument("--pods", action="append", required=True, type=ipaddress.ip_network)
    parser.add_argument("devices", nargs="+")
    options = parser.parse_args()
    listeners = selectors.DefaultSelector()
    for device in options.devices:
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        attach(listener, filter_for(options.pods))
        listener.bind((device, ETH_P_ALL))
        listeners.register(listener, selectors.EVENT_READ, device)
    seen = set()
    with open(options.out, "a", buffering=1) as out:
        with open(options.ready, "w"):
            pass
        while True:
            for key, _ in listeners.select():
                packet, (_, _, direction, _, _) = key.fileobj.recvfrom(2048)
                line = f"{describe(packet)} {key.data}"
                if direction != PACKET_OUTGOING and line not in seen:
                    seen.add(line)
                    os.write(out.fileno(), (line + "\n").encode())


main()
