# SPDX-License-Identifier: Apache-2.0
"""Every protocol there is, from two pods at once."""
import struct

from packet import (AH, DESTINATION, DCCP, ESP, FRAGMENT, GRE, HOP_BY_HOP, ICMP, ICMP6, INIT, INIT_ACK, ROUTING,
                    SCTP, SYN, TCP, UDP, UDPLITE, ah, answer, dccp, echo, esp, gre, put, query, sctp, tcp, udp, udplite)

QUERIES = {4: [8, 13, 15, 17, 42], 6: [128, 160]}  # echo, timestamp, information, mask, extended echo: requests
ERRORS = {4: {3, 4, 5, 11, 12}, 6: {1, 2, 3, 4}}
CHUNKS = {3: False, 6: False, 7: False, 8: False, 10: True, 14: False, 0: True, INIT: True, INIT_ACK: False}


def content_of(lab, protocol):
    """A packet of the protocol that is as right as can be; of the unknown ones something that is not 0."""
    known = {TCP: tcp(20000, 80, SYN), UDP: udp(20000, 53), UDPLITE: udplite(20000, 9), DCCP: dccp(20000, 9),
             SCTP: sctp(20000, 80), GRE: gre(7), ESP: esp(7), AH: ah(7)}
    if protocol == (ICMP if lab.version == 4 else ICMP6):
        return echo(lab.version, 77)
    return known.get(protocol, (protocol, bytes(range(1, 41))))


def sweep(lab):
    """Each protocol leaves under the node's address and is answered; the numbers of IPv6 extension headers are no
    protocols there."""
    headers = {HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION} if lab.version == 6 else set()
    for protocol in sorted(set(range(256)) - headers):
        sent = lab.packet("pod1", "world", content_of(lab, protocol))
        back = answer(lab.opened(sent))
        lab.expect(lab.world, lab.pod1, [back], [answer(sent).forwarded()], f"the answer of protocol {protocol}")


def by_address(lab):
    """One pod at a time toward a destination, of all that has nothing to tell pods apart; others are free."""
    told_apart = {TCP, UDP, UDPLITE, DCCP, SCTP, ICMP, ICMP6, GRE, ESP, AH, HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION}
    for protocol in sorted(set(range(0, 256, 9)) - told_apart | {4, 41}):
        content = content_of(lab, protocol)
        lab.opened(lab.packet("pod1", "world", content))
        with lab.counted("no_free_port", 1, f"protocol {protocol}"):
            lab.nothing(lab.pod2, lab.world, [lab.packet("pod2", "world", content)])
        other = lab.packet("pod2", "elsewhere", content)
        back = answer(lab.opened(other))
        lab.expect(lab.world, lab.pod2, [back], [answer(other).forwarded()], f"protocol {protocol}")


def numbered(lab, make):
    """Two pods with numbers of their own (keys, SPIs) toward one destination, and both with one number."""
    for pod, number in (("pod1", 0x1111), ("pod2", 0x2222), ("pod1", 0xFFFFFFFF)):
        sent = lab.packet(pod, "world", make(number))
        seen = lab.opened(sent)
        lab.expect(lab.world, lab.pod_of(sent), [answer(seen)], [answer(sent).forwarded()], f"number {number:#x}")
    with lab.counted("no_free_port", 1):
        lab.nothing(lab.pod2, lab.world, [lab.packet("pod2", "world", make(0x1111))])
    unknown = [lab.packet(source, to, make(0x9999)) for source, to in (("world", "node"), ("world", "pod1"))]
    lab.expect(lab.world, lab.pod1, unknown[:1], [unknown[1].forwarded()], "a number of the other side's own choice")
    lab.nothing(lab.world, lab.pod1, [lab.packet("elsewhere", "node", make(0x1111))], "from a stranger")


def keys_and_spis(lab):
    for make in (gre, esp, ah):
        numbered(lab, make)


def gre_without_a_key(lab):
    sent = lab.packet("pod1", "world", gre())
    lab.expect(lab.world, lab.pod1, [answer(lab.opened(sent))], [answer(sent).forwarded()])
    with lab.counted("no_free_port", 1):
        lab.nothing(lab.pod2, lab.world, [lab.packet("pod2", "world", gre())])
    lab.opened(lab.packet("pod2", "world", gre(5)))


def sctp_associations(lab):
    """Ports are kept and the CRC32c stays right; who comes second with a port does not get through."""
    for port in (20000, 40000):  # inside the range, and outside
        sent = lab.packet("pod1", "world", sctp(port, 5000))
        seen = lab.opened(sent)
        if seen.ports != sent.ports:
            raise AssertionError(f"ports {seen.ports} of {sent.ports}")
        lab.expect(lab.world, lab.pod1, [answer(seen).but(payload=sctp(5000, port, INIT_ACK, 7)[1])],
                   [answer(sent).forwarded().but(payload=sctp(5000, port, INIT_ACK, 7)[1])], "INIT ACK")
        with lab.counted("no_free_port", 1), lab.no_new_mapping():
            lab.nothing(lab.pod2, lab.world, [lab.packet("pod2", "world", sctp(port, 5000))], "a port that is taken")
        lab.opened(lab.packet("pod2", "world", sctp(port, 5001)))
        lab.opened(lab.packet("pod2", "elsewhere", sctp(port, 5000)))


def sctp_openers(lab):
    for port, (chunk, may_open) in enumerate(CHUNKS.items(), 20100):
        sent = lab.packet("pod1", "world", sctp(port, 5000, chunk, 7))
        if may_open:
            lab.opened(sent)
        elif chunk in (INIT_ACK, 8, 14, 6):
            with lab.counted("no_mapping", 1, f"chunk {chunk}"), lab.no_new_mapping():
                lab.nothing(lab.pod1, lab.world, [sent], f"chunk {chunk}")


def datagrams(lab):
    """UDP-Lite with each coverage, DCCP; both ways, inside the port range and outside, and two pods with one port."""
    for port in (20000, 40000):
        for content in [udplite(port, 9, covered=covered) for covered in (0, 8, 12)] + [dccp(port, 9)]:
            for pod in ("pod1", "pod2"):
                sent = lab.packet(pod, "world", content)
                seen = lab.opened(sent)
                lab.expect(lab.world, lab.pod_of(sent), [answer(seen)], [answer(sent).forwarded()])


def icmp_queries(lab):
    """Each query, its reply, and two pods with one identifier; identifiers of all the space are kept."""
    for kind in QUERIES[lab.version]:
        for pod in ("pod1", "pod2"):  # pod1 has its identifiers before pod2 gets random ones
            for identifier in (kind, 40000 + kind, 65535 - kind):
                sent = lab.packet(pod, "world", query(lab.version, kind, identifier, b"0123456789abcdef"))
                seen = lab.opened(sent)
                lab.expect(lab.world, lab.pod_of(sent), [answer(seen)], [answer(sent).forwarded()],
                           f"type {kind}, identifier {identifier}")
                if (seen.identifier == identifier) != (pod == "pod1"):
                    raise AssertionError(f"type {kind}: {pod}'s identifier {identifier} became {seen.identifier}")


def other_icmp(lab):
    """What is neither a query nor an error has no way through; replies open nothing."""
    openers = set(QUERIES[lab.version]) | ERRORS[lab.version]
    sent = [lab.packet("pod1", "world", query(lab.version, kind, 7, bytes(24))) for kind in set(range(256)) - openers]
    with lab.no_new_mapping():
        lab.nothing(lab.pod1, lab.world, sent)


def all_identifiers(lab, step):
    """Identifiers are a space of their own: all 65,536 of them toward one destination, and then there is none left."""
    step = int(step)
    for begin in range(0, 65536, 4096):
        sent = [lab.packet("pod1", "world", echo(lab.version, identifier))
                for identifier in range(begin, begin + 4096, step)]
        lab.expect(lab.pod1, lab.world, sent, [one.but(source=lab["node"]).forwarded() for one in sent], "identifiers")
    if step == 1:
        with lab.counted("no_free_port", 1):
            lab.nothing(lab.pod2, lab.world, [lab.packet("pod2", "world", echo(lab.version, 5))])


def pings_of_the_node(lab, step):
    """The world's own pings of the node, with identifiers that pods use: the node answers them, and no pod hears."""
    for identifier in range(0, 65536, int(step)):
        ping = lab.packet("world", "node", echo(lab.version, identifier))
        lab.nothing(lab.world, lab.pod1, [ping])
        said = lab.at_last(lab.world)
        at = len(said) - len(ping.payload)
        if said[at:] != answer(ping).transport():
            raise AssertionError(f"identifier {identifier}: the node did not answer the world's ping")


def udp_checksums(lab):
    """No checksum stays none; one that comes out as 0 is sent as 0xffff (RFC 768), in both directions."""
    plain = lab.packet("pod1", "world", udp(40000, 53, b"datagram"), no_checksum=True)
    if lab.version == 4:
        seen = lab.opened(plain)
        lab.expect(lab.world, lab.pod1, [answer(seen)], [answer(plain).forwarded()])
    sent = plain.but(no_checksum=False)
    ports = lab.opened(sent).ports
    seen = sent.forwarded().but(source=lab["node"]).with_ports(*ports)
    for sender, receiver, given, wanted in ((lab.pod1, lab.world, sent, seen),
                                            (lab.world, lab.pod1, answer(seen), answer(sent).forwarded())):
        data = zero_checksum(wanted)
        given, wanted = (packet.but(payload=put(packet.payload, 8, data)) for packet in (given, wanted))
        lab.expect(sender, receiver, [given], [wanted], f"a checksum of 0 at {receiver.name}")


def zero_checksum(packet):
    """The two bytes of data with which the checksum of a packet is computed as 0."""
    data = put(packet.payload, 8, bytes(2))
    value = packet.but(payload=data).transport()[6:8]
    found = put(data, 8, value)
    assert packet.but(payload=found).transport()[6:8] == b"\xff\xff", struct.unpack("!H", value)
    return value
