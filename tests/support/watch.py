#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The leak watcher: stands behind the uplinks and writes down packets that show a pod's address.

watch.py --out FILE --ready FILE --pods CIDR... DEVICE...

FILE holds a line "ADDRESS DESTINATION WHAT DEVICE" for each different one: packets of any protocol with a pod's source
address, whole or in fragments, with VLAN tags or without; and ICMP errors that quote a pod's address. The socket
filter lets little else through, so the watcher costs nothing and misses nothing. Devices are Ethernet, or have no link
header.
"""
import argparse
import ctypes
import ipaddress
import os
import selectors
import socket
import struct

SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
ETH_P_ALL = 3
PACKET_OUTGOING = 4
ARPHRD_ETHER = 1
TAGS = {0x8100, 0x88A8}
ERRORS = {4: (1, {3, 4, 5, 11, 12}), 6: (58, {1, 2, 3, 4})}
EXTENSION_HEADERS = {0, 43, 44, 60}

# --- the socket filter, in classic BPF ------------------------------------------------------------------------------

ACCEPT, REJECT = "accept", "reject"
ETHERTYPE = (0x20, None, None, 0xFFFFF000)  # SKF_AD_OFF + SKF_AD_PROTOCOL
IP_HEADER = 0xFFF00000  # SKF_NET_OFF


def load_word(at):
    return (0x20, None, None, IP_HEADER + at)


def load_byte(at):
    return (0x30, None, None, IP_HEADER + at)


def equal(value, then, otherwise=None):
    return (0x15, then, otherwise, value)


def assembled(steps):
    """Steps with labels (strings) in between; jumps that name none go on with the next step."""
    places, program = {}, []
    for step in steps:
        if isinstance(step, str):
            places[step] = len(program)
        else:
            program.append(step)
    for index, (code, then, otherwise, k) in enumerate(program):
        jumps = [0 if label is None else places[label] - index - 1 for label in (then, otherwise)]
        program[index] = (code, *jumps, k)
    return program


def source_tests(networks, offset):
    for number, network in enumerate(networks):
        words = network.max_prefixlen // 32
        for word in range(words):
            shift = 32 * (words - 1 - word)
            mask = int(network.netmask) >> shift & 0xFFFFFFFF
            yield load_word(offset + 4 * word)
            yield (0x54, None, None, mask)
            last = word == words - 1
            yield equal(int(network.network_address) >> shift & 0xFFFFFFFF, ACCEPT if last else None,
                        f"no {network} {number}")
        yield f"no {network} {number}"


def filter_for(networks):
    """Accepts what may be a leak: shows_pods() looks again."""
    return assembled([
        ETHERTYPE, *(equal(tag, ACCEPT) for tag in TAGS), equal(0x86DD, "IPv6"), equal(0x0800, None, REJECT),
        *source_tests([network for network in networks if network.version == 4], 12),
        load_byte(9), equal(1, None, REJECT),
        load_byte(0), (0x54, None, None, 15), (0x64, None, None, 2), (0x07, None, None, 0),  # X: 4 * header length
        (0x50, None, None, IP_HEADER),  # the octet behind it: the ICMP type
        *(equal(kind, ACCEPT) for kind in ERRORS[4][1]),
        REJECT, (0x06, None, None, 0),
        "IPv6",
        *source_tests([network for network in networks if network.version == 6], 8),
        load_byte(6), *(equal(number, ACCEPT) for number in EXTENSION_HEADERS), equal(58, None, "reject too"),
        load_byte(40), *(equal(kind, ACCEPT) for kind in ERRORS[6][1]),
        "reject too", (0x06, None, None, 0),
        ACCEPT, (0x06, None, None, 0x40000),
    ])


def attach(listener, program):
    text = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(text)
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


# --- what a packet shows --------------------------------------------------------------------------------------------


def ip_packet(kind, hardware, data):
    """Without Ethernet header and tags; the first tag is not in the data. Nothing, if it is no IP packet."""
    data = data[14:] if hardware == ARPHRD_ETHER else data
    while kind in TAGS and len(data) >= 4:
        kind, data = struct.unpack_from("!H", data, 2)[0], data[4:]
    return data if kind in (0x0800, 0x86DD) else b""


def addresses(data):
    ends = (data[12:16], data[16:20]) if data[0] >> 4 == 4 else (data[8:24], data[24:40])
    return tuple(ipaddress.ip_address(end) for end in ends)


def transport(data):
    """The protocol, and where its header is; of a later fragment there is none."""
    if data[0] >> 4 == 4:
        later = struct.unpack_from("!H", data, 6)[0] & 0x1FFF
        return data[9], b"" if later else data[(data[0] & 15) * 4 :]
    protocol, at = data[6], 40
    while protocol in EXTENSION_HEADERS and at + 8 <= len(data):
        if protocol == 44 and struct.unpack_from("!H", data, at + 2)[0] & 0xFFF8:
            return data[at], b""
        protocol, at = data[at], at + (8 if protocol == 44 else 8 + 8 * data[at + 1])
    return protocol, data[at:]


def is_whole(data):
    return len(data) >= 40 if data and data[0] >> 4 == 6 else len(data) >= 20


def shows_pods(data, pods):
    """A line for each pod's address that the packet shows."""
    if not is_whole(data):
        return
    source, destination = addresses(data)
    protocol, header = transport(data)
    if is_pod(source, pods):
        yield f"{source} {destination} protocol {protocol}"
    error, kinds = ERRORS[source.version]
    if protocol == error and header and header[0] in kinds and is_whole(header[8:]):
        for quoted in addresses(header[8:]):
            if is_pod(quoted, pods):
                yield f"{quoted} {destination} quoted by ICMP type {header[0]} of {source}"


def is_pod(address, pods):
    return any(address in network for network in pods)


def listen(device, pods):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    attach(listener, filter_for(pods))
    listener.bind((device, ETH_P_ALL))
    return listener


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--ready", required=True)
    parser.add_argument("--pods", action="append", required=True, type=ipaddress.ip_network)
    parser.add_argument("devices", nargs="+")
    options = parser.parse_args()
    listeners = selectors.DefaultSelector()
    for device in options.devices:
        listeners.register(listen(device, options.pods), selectors.EVENT_READ, device)
    seen = set()
    with open(options.out, "a", buffering=1) as out:
        with open(options.ready, "w"):
            pass
        while True:
            for key, _ in listeners.select():
                data, (_, kind, direction, hardware, _) = key.fileobj.recvfrom(2048)
                if direction == PACKET_OUTGOING:
                    continue
                for shown in shows_pods(ip_packet(kind, hardware, data), options.pods):
                    line = f"{shown} {key.data}"
                    if line not in seen:
                        seen.add(line)
                        os.write(out.fileno(), (line + "\n").encode())


main()
