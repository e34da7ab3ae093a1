# SPDX-License-Identifier: Apache-2.0
"""Packets that contradict themselves, and packets to where none may go: none is half translated, none makes a
mapping, none shows a pod to the world."""
import ipaddress
import struct

from packet import SYN, UDP, answer, checksum, echo, put, sctp, tcp, udp


def patched(packet, *patches):
    """The packet's bytes with fields overwritten; the IPv4 header's checksum is right again."""
    data = bytes(packet)
    for offset, field in patches:
        data = put(data, offset, field)
    if packet.version == 4:
        size = min(max(data[0] & 15, 5) * 4, len(data))
        data = put(data, 10, bytes(2))
        data = put(data, 10, struct.pack("!H", checksum(data[:size])))
    return data


def dropped_here(lab):
    """Name and packet of what reaches the uplink and must be counted there as malformed."""
    tcp_packet = lab.packet("pod1", "world", tcp(40000, 80, SYN))
    udp_packet = lab.packet("pod1", "world", udp(40000, 53))
    head, protocol_at = (20, 9) if lab.version == 4 else (40, 6)
    yield "TCP source port 0", bytes(lab.packet("pod1", "world", tcp(0, 80, SYN)))
    yield "TCP destination port 0", bytes(lab.packet("pod1", "world", tcp(40000, 0, SYN)))
    yield "UDP source port 0", bytes(lab.packet("pod1", "world", udp(0, 53)))
    yield "UDP destination port 0", bytes(lab.packet("pod1", "world", udp(40000, 0)))
    for words in (0, 1, 4):
        yield f"TCP data offset {words}", patched(tcp_packet, (head + 12, bytes([words << 4])))
    yield "TCP data offset beyond the end", patched(tcp_packet, (head + 12, b"\xf0"))
    for length in (0, 7, 200, 65535):
        yield f"UDP length {length}", patched(udp_packet, (head + 4, struct.pack("!H", length)))
    last = lab.packet("pod1", "world", (UDP, bytes(64)))
    yield "a fragment that ends beyond 65,535", last.fragment(bytes(64), 65512, False)
    for content, sizes in ((tcp(40000, 80, SYN), (0, 1, 4, 8, 19)), (udp(40000, 53), (0, 1, 4, 7)),
                           (echo(lab.version, 7), (0, 1, 4, 7)), (sctp(40000, 80), (0, 4, 11))):
        protocol, payload = content
        for size in sizes:
            packet = patched(lab.packet("pod1", "world", (255, payload[:size])), (protocol_at, bytes([protocol])))
            yield f"{size} bytes of protocol {protocol}", packet


def stopped_by_the_node(lab):
    """Name, packet, and whether the uplink would drop it too: lying lengths, hops, addresses of nobody and of
    everybody."""
    packet = lab.packet("pod1", "world", udp(40000, 53))
    for hops in (0, 1):
        yield f"{hops} hops", bytes(packet.but(hops=hops)), hops == 0
    destinations = {"0.0.0.0": True, "0.1.2.3": True, "127.0.0.1": True, "224.0.0.1": False, "239.1.2.3": False,
                    "255.255.255.255": False}
    if lab.version == 6:
        destinations = {"::": True, "::1": True, "ff02::1": False, "ff0e::1": False, "fe80::1": False}
    for destination, dropped in destinations.items():
        yield f"to {destination}", bytes(lab.packet("pod1", ipaddress.ip_address(destination), udp(40000, 53))), dropped
    yield "LAND", bytes(lab.packet("pod1", "pod1", tcp(80, 80, SYN))), False
    yield "cut off in the IP header", bytes(packet)[:19], False
    yield "cut off after the IP header", bytes(packet)[: 20 if lab.version == 4 else 40], True
    if lab.version == 4:
        for words in (0, 1, 4):
            yield f"header length of {words} words", patched(packet, (0, bytes([0x40 | words]))), True
        yield "header beyond the packet", patched(packet, (0, b"\x4f")), True
        for length in (0, 19, 4000):
            yield f"total length {length}", patched(packet, (2, struct.pack("!H", length))), True
        yield "version 5", patched(packet, (0, b"\x55")), True
        yield "a wrong header checksum", put(bytes(packet), 10, b"\x12\x34"), False
        everybody = "255.255.255.255"
    else:
        yield "payload length 4000", put(bytes(packet), 4, struct.pack("!H", 4000)), True
        yield "version 5", put(bytes(packet), 0, b"\x50"), True
        everybody = "ff0e::1"
    yield f"from {everybody}", bytes(lab.packet(ipaddress.ip_address(everybody), "world", udp(40000, 53))), False


def before_the_uplink(lab):
    for name, data, _ in stopped_by_the_node(lab):
        with lab.no_new_mapping(name):
            lab.nothing(lab.pod1, lab.world, [data], name)


def at_the_uplink(lab):
    """Each is dropped and counted once, also if the node's own IP did not stop it before."""
    cases = [(lab.pod1, *case) for case in dropped_here(lab)]
    cases += [(lab.uplink, name, data) for name, data, dropped in stopped_by_the_node(lab) if dropped]
    for sender, name, data in cases:
        with lab.no_new_mapping(name), lab.counted("malformed", 1, name):
            lab.nothing(sender, lab.world, [data], name)


def from_outside(lab):
    """What belongs to a connection and is malformed never reaches the pod."""
    back = answer(lab.opened(lab.packet("pod1", "world", tcp(40000, 80, SYN))))
    head = 20 if lab.version == 4 else 40
    for name, data in (("a data offset of 4", patched(back, (head + 12, b"\x40"))),
                       ("a data offset beyond the end", patched(back, (head + 12, b"\xf0"))),
                       ("half a header", patched(back.but(protocol=255, payload=back.payload[:10]),
                                                 (9 if lab.version == 4 else 6, b"\x06")))):
        lab.nothing(lab.world, lab.pod1, [data], name)


def padded(lab):
    """Frames that are longer than their packet, as Ethernet has them, are as good as others."""
    for content in (tcp(40000, 80, SYN), udp(40001, 53), echo(lab.version, 7), sctp(40002, 80)):
        sent = lab.packet("pod1", "world", content)
        seen = lab.opened(sent)
        back = answer(seen)
        for padding in (bytes(24), b"\xff" * 7):
            lab.expect(lab.world, lab.pod1, [bytes(back) + padding], [answer(sent).forwarded()], "in")
            lab.expect(lab.pod1, lab.world, [bytes(sent) + padding], [seen], "out")
