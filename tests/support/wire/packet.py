# SPDX-License-Identifier: Apache-2.0
"""Packets made of their fields. Every checksum is computed here, from the packet alone: the second opinion on what
masq does to checksums."""
import dataclasses
import itertools
import struct

ICMP, IPIP, TCP, UDP, DCCP, GRE, ESP, AH, ICMP6, SCTP, UDPLITE = 1, 4, 6, 17, 33, 47, 50, 51, 58, 132, 136
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
PORTS = {TCP, UDP, DCCP, SCTP, UDPLITE}  # protocols whose header begins with two ports
SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


CRC32C = [0] * 256
for value in range(256):
    crc = value
    for _ in range(8):
        crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    CRC32C[value] = crc


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return ~crc & 0xFFFFFFFF


def put(data, offset, field):
    return data[:offset] + field + data[offset + len(field) :]


EXTENSIONS = {
    HOP_BY_HOP: b"\x01\x04\0\0\0\0",  # PadN
    DESTINATION: b"\x01\x04\0\0\0\0",
    ROUTING: b"\xfd\0\0\0\0\0",  # an experimental type (RFC 3692), no segments left
    FRAGMENT: b"\0\0\0\0\x12\x34",  # an atomic fragment: offset 0, no more (RFC 6946)
}


def chain(*numbers):
    """The extension headers of these numbers, in this order."""
    return tuple((number, EXTENSIONS[number]) for number in numbers)


@dataclasses.dataclass(frozen=True)
class Packet:
    """One IP packet. `payload` is the transport header and its data; its checksum field is filled in by bytes()."""

    source: object
    destination: object
    protocol: int
    payload: bytes
    hops: int = 64
    identification: int = 1
    dont_fragment: bool = False
    options: bytes = b""  # IPv4
    extensions: tuple = ()  # IPv6: (number, what follows the first two bytes)
    no_checksum: bool = False  # UDP over IPv4

    @property
    def version(self):
        return self.source.version

    def but(self, **fields):
        return dataclasses.replace(self, **fields)

    def forwarded(self):
        return self.but(hops=self.hops - 1)

    @property
    def ports(self):
        return struct.unpack_from("!HH", self.payload)

    def with_ports(self, source=None, destination=None):
        ports = self.ports
        return self.but(payload=put(self.payload, 0, struct.pack("!HH", source or ports[0], destination or ports[1])))

    @property
    def identifier(self):
        return struct.unpack_from("!H", self.payload, 4)[0]

    def with_identifier(self, identifier):
        return self.but(payload=put(self.payload, 4, struct.pack("!H", identifier)))

    def transport(self):
        """The payload with its checksum."""
        data = self.payload
        pseudo = self.source.packed + self.destination.packed + struct.pack("!II", len(data), self.protocol)
        if (self.version, self.protocol) == (4, ICMP):
            return put(data, 2, struct.pack("!H", checksum(data)))
        if self.protocol == SCTP:
            return put(data, 8, struct.pack("<I", crc32c(data)))
        if self.no_checksum:
            return data
        if self.protocol == UDPLITE:
            covered = struct.unpack_from("!H", data, 4)[0] or len(data)
            return put(data, 6, struct.pack("!H", checksum(pseudo + data[:covered]) or 0xFFFF))
        offset = {TCP: 16, UDP: 6, DCCP: 6, ICMP6: 2}.get(self.protocol)
        if offset is None or (self.version, self.protocol) == (4, ICMP6):
            return data
        value = checksum(pseudo + data)
        if self.protocol in (UDP, UDPLITE):
            value = value or 0xFFFF
        return put(data, offset, struct.pack("!H", value))

    def head(self, length, flags=0):
        """The IPv4 header before `length` bytes; the fixed IPv6 header and its extension headers."""
        if self.version == 4:
            size = 20 + len(self.options)
            header = struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, 0, size + length, self.identification,
                                 flags | self.dont_fragment << 14, self.hops, self.protocol, 0,
                                 self.source.packed, self.destination.packed) + self.options
            return put(header, 10, struct.pack("!H", checksum(header)))
        chain, following = b"", self.protocol
        for number, content in reversed(self.extensions):
            chain = struct.pack("!BB", following, (len(content) + 2) // 8 - 1) + content + chain
            following = number
        return struct.pack("!IHBB16s16s", 6 << 28, len(chain) + length, following, self.hops,
                           self.source.packed, self.destination.packed) + chain

    def __bytes__(self):
        data = self.transport()
        return self.head(len(data)) + data

    def fragments(self, cuts):
        """Fragments as bytes, cut before the given offsets of the payload (multiples of 8)."""
        data = self.transport()
        edges = [0, *cuts, len(data)]
        return [self.fragment(data[begin:end], begin, end < len(data)) for begin, end in itertools.pairwise(edges)]

    def fragment(self, data, offset, more):
        if self.version == 4:
            return self.head(len(data), more << 13 | offset // 8) + data
        content = struct.pack("!HI", offset | more, self.identification)
        return self.but(extensions=(*self.extensions, (FRAGMENT, content))).head(len(data)) + data


def udp(source_port, destination_port, data=b"datagram"):
    return UDP, struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data


def udplite(source_port, destination_port, data=b"datagram", covered=8):
    return UDPLITE, struct.pack("!HHHH", source_port, destination_port, covered, 0) + data


def dccp(source_port, destination_port):
    """A DCCP-Request (RFC 4340, 5.1)."""
    return DCCP, struct.pack("!HHBBHBBHII", source_port, destination_port, 5, 0, 0, 1, 0, 0, 1, 42)


def tcp(source_port, destination_port, flags=ACK, data=b"segment", options=b""):
    size = 20 + len(options)
    return TCP, struct.pack("!HHIIBBHHH", source_port, destination_port, 1000, 2000 if flags & ACK else 0,
                            size // 4 << 4, flags, 65535, 0, 0) + options + data


def echo(version, identifier, data=b"echo, a little longer than eight bytes", reply=False, sequence=1):
    kind = (0 if reply else 8) if version == 4 else (129 if reply else 128)
    return query(version, kind, identifier, data, sequence)


def query(version, kind, identifier, data=b"", sequence=1):
    return ICMP if version == 4 else ICMP6, struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + data


INIT, INIT_ACK = 1, 2


def sctp(source_port, destination_port, chunk=INIT, tag=0):
    """One INIT or INIT ACK chunk (RFC 9260, 3.3.2), or the bare chunk header of another type."""
    body = struct.pack("!IIHHI", 0x1111, 65535, 1, 1, 7) if chunk in (INIT, INIT_ACK) else b""
    return SCTP, (struct.pack("!HHII", source_port, destination_port, tag, 0) +
                  struct.pack("!BBH", chunk, 0, 4 + len(body)) + body)


def gre(key=None, data=b"\x45" + bytes(27)):
    return GRE, struct.pack("!HH", 0 if key is None else 0x2000, 0x0800) + (
        b"" if key is None else struct.pack("!I", key)) + data


def esp(spi, data=bytes(32)):
    return ESP, struct.pack("!II", spi, 1) + data


def ah(spi, data=bytes(24)):
    return AH, struct.pack("!BBHII", 59, 4, 0, spi, 1) + bytes(12) + data


def icmp_error(kind, code, quoted, version, rest=0, extension=b""):
    """An ICMP error about the packet whose bytes are quoted. With an extension the quote is padded and its length
    told, as RFC 4884 has it."""
    if extension:
        unit = 4 if version == 4 else 8
        quoted = quoted.ljust(128, b"\0")
        quoted += b"\0" * (-len(quoted) % unit)
        rest |= len(quoted) // unit << (16 if version == 4 else 24)
    return ICMP if version == 4 else ICMP6, struct.pack("!BBHI", kind, code, 0, rest) + quoted + extension


def mpls_extension():
    """An extension structure with one object: a label stack entry (RFC 4950)."""
    structure = struct.pack("!BBHHBBI", 0x20, 0, 0, 8, 1, 1, 0x12345101)
    return put(structure, 2, struct.pack("!H", checksum(structure)))


def answer(packet):
    """A packet as the other side may send it back: SYN is met by SYN+ACK, an echo request by its reply."""
    packet = packet.but(source=packet.destination, destination=packet.source, hops=64)
    payload = packet.payload
    if (packet.version, packet.protocol) == (4, ICMP):
        return packet.but(payload=bytes([payload[0] - 8 if payload[0] == 8 else payload[0] + 1]) + payload[1:])
    if (packet.version, packet.protocol) == (6, ICMP6):
        return packet.but(payload=bytes([payload[0] + 1]) + payload[1:])
    if packet.protocol == TCP:
        packet = packet.but(payload=put(payload, 13, bytes([payload[13] | ACK])))
    return packet.with_ports(*packet.ports[::-1]) if packet.protocol in PORTS else packet
