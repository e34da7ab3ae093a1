# SPDX-License-Identifier: Apache-2.0
"""Fragments in any order, of every protocol; what masq may hold, and what never comes of it."""
import itertools
import struct

from lab import difference
from packet import FRAGMENT, SYN, answer, echo, esp, sctp, tcp, udp

DATA = bytes(range(256)) * 2
CUTS = (64, 200, 320)  # four fragments


def datagrams(lab):
    """A fragmented packet of each kind; of those with ports, none is in the range."""
    lab.opened(lab.packet("pod2", "world", echo(lab.version, 77)))
    for content in (udp(40000, 53, DATA), echo(lab.version, 77, DATA), tcp(40002, 80, SYN, DATA), sctp(40003, 80),
                    esp(0x4321, DATA)):
        protocol, payload = content
        yield lab.packet("pod1", "world", (protocol, payload.ljust(400, b"x")))


def orders(parts):
    return enumerate(itertools.permutations(range(len(parts))), 100)


def every_order(lab, sender, receiver, sent, wanted):
    for number, order in orders(range(4)):
        parts = sent.but(identification=number).fragments(CUTS)
        lab.expect(sender, receiver, [parts[i] for i in order], wanted.but(identification=number).fragments(CUTS),
                   f"protocol {sent.protocol} in the order {order}")


def out_in_every_order(lab):
    for sent in datagrams(lab):
        every_order(lab, lab.pod1, lab.world, sent, lab.opened(sent))


def in_in_every_order(lab):
    for sent in datagrams(lab):
        every_order(lab, lab.world, lab.pod1, answer(lab.opened(sent)), answer(sent).forwarded())


def many_reversed(lab):
    """A datagram of 60,000 bytes, the last fragment first."""
    sent, cuts = lab.packet("pod1", "world", udp(40000, 53, bytes(60000))), range(1400, 60000, 1400)
    ports = lab.opened(sent.but(payload=udp(40000, 53)[1])).ports
    seen = sent.forwarded().but(source=lab["node"]).with_ports(*ports)
    lab.expect(lab.pod1, lab.world, sent.fragments(cuts)[::-1], seen.fragments(cuts), "out")
    lab.expect(lab.world, lab.pod1, answer(seen).fragments(cuts)[::-1], answer(sent).forwarded().fragments(cuts), "in")


def twice(lab):
    """Doubles go the way of the first ones."""
    sent = next(datagrams(lab))
    seen = lab.opened(sent)
    for one, other, packet, wanted in ((lab.pod1, lab.world, sent, seen),
                                       (lab.world, lab.pod1, answer(seen), answer(sent).forwarded())):
        doubled = [part for part in packet.fragments(CUTS) for _ in range(2)]
        lab.expect(one, other, doubled, [part for part in wanted.fragments(CUTS) for _ in range(2)])


def without_a_head(lab):
    """Neither makes a mapping, nor leaves."""
    sent = lab.packet("pod1", "world", udp(40000, 53, DATA), identification=7)
    with lab.no_new_mapping():
        lab.nothing(lab.pod1, lab.world, sent.fragments(CUTS)[1:], "out")
        lab.nothing(lab.world, lab.pod1, lab.packet("world", "node", udp(53, 40000, DATA)).fragments(CUTS)[1:], "in")


def with_a_head_too_short(lab):
    """A first fragment without the whole transport header (RFC 1858, RFC 7112)."""
    sent = [lab.packet("pod1", "world", content, identification=number)
            for number, content in enumerate((tcp(40000, 80, SYN, DATA), sctp(40001, 80)), 1)]
    with lab.no_new_mapping(), lab.counted("malformed", len(sent)):
        for packet in sent:
            lab.nothing(lab.pod1, lab.world, packet.fragments((8,))[:1])


def two_pods_one_identification(lab):
    """Their datagrams never meet under one identification at the receiver."""
    pods = ((lab.pod1, lab.packet("pod1", "world", udp(40000, 53, b"1" * 400), identification=9)),
            (lab.pod2, lab.packet("pod2", "world", udp(40000, 53, b"2" * 400), identification=9)))
    seen = [lab.opened(sent) for _, sent in pods]
    for order in [(0, 1, 2, 3), (3, 0, 2, 1)]:
        lab.forget(lab.world)
        for part in order:
            for pod, sent in pods:
                pod.send(sent.fragments(CUTS)[part])
        arrived = lab.gather(lab.pod1, lab.world, 8)
        used = {identification_of(part) for part in arrived}
        if len(used) != 2:
            raise AssertionError(f"identifications at the receiver: {used}")
        # Which identification a pod's datagram has is masq's choice.
        choices = [sorted(part for packet, number in zip(seen, numbers)
                          for part in packet.but(identification=number).fragments(CUTS))
                   for numbers in itertools.permutations(used)]
        if sorted(arrived) not in choices:
            raise AssertionError("datagrams were mixed or broken\n" + difference(choices[0], arrived))


def identification_of(data):
    return struct.unpack_from("!H", data, 4)[0] if data[0] >> 4 == 4 else struct.unpack_from("!I", data, 44)[0]


def overlap_from_outside(lab):
    """Two heads of one identification for two pods: what follows belongs to nobody, so nobody gets it."""
    flows = [(pod, lab.packet(pod.name, "world", udp(port, 53, DATA[:392]), identification=9))
             for pod, port in ((lab.pod1, 40000), (lab.pod2, 40001))]
    answers = [answer(lab.opened(sent)).fragments(CUTS) for _, sent in flows]
    lab.forget(lab.pod1, lab.pod2)
    for packet in (answers[0][0], answers[1][0], answers[0][1], answers[1][2]):
        lab.world.send(packet)
    for pod, sent in flows:
        arrived = lab.await_mark(lab.world, pod)
        if [part for part in arrived if part != answer(sent).forwarded().fragments(CUTS)[0]]:
            raise AssertionError(f"{pod.name} got fragments that may be another's\n" + difference([], arrived))


def to_two_destinations(lab):
    """One identification toward two destinations is two datagrams."""
    for destination in ("world", "elsewhere"):
        sent = lab.packet("pod1", destination, udp(40000, 53, DATA[:392]), identification=9)
        seen = lab.opened(sent.but(identification=10))
        lab.expect(lab.pod1, lab.world, sent.fragments(CUTS)[::-1], seen.but(identification=9).fragments(CUTS))


def atomic(lab):
    """IPv6 packets with a fragment header that are whole (RFC 6946), both ways, interleaved with others."""
    part = (FRAGMENT, struct.pack("!HI", 0, 9))
    sent = lab.packet("pod1", "world", udp(40000, 53), extensions=(part,))
    seen = lab.opened(sent)
    lab.expect(lab.world, lab.pod1, [answer(seen)], [answer(sent).forwarded()])
    lab.opened(lab.packet("pod2", "world", udp(40000, 53), extensions=(part,)))


def cut_by_the_node(lab):
    """A datagram that is too large for the uplink and may be cut: the node does, before masq sees it."""
    for number in (0, 9):
        sent = lab.packet("pod1", "world", udp(40000, 53, bytes(1372)), identification=number)
        ports = lab.opened(sent.but(payload=udp(40000, 53)[1])).ports
        seen = sent.forwarded().but(source=lab["node"]).with_ports(*ports)
        lab.expect(lab.pod1, lab.world, [sent], seen.fragments((1256,)))


def flood(lab):
    """Later fragments of datagrams that have no head, by the thousand; another pod's out-of-order datagram arrives."""
    stray = lab.packet("pod1", "world", udp(40000, 53, DATA))
    sent = lab.packet("pod2", "world", udp(40000, 53, DATA[:392]), identification=9)
    seen = lab.opened(sent)
    with lab.no_new_mapping():
        lab.nothing(lab.pod1, lab.world, (stray.but(identification=number % 65535 + 1).fragments(CUTS)[1 + number % 3]
                                          for number in range(5000)))
        lab.expect(lab.pod2, lab.world, sent.fragments(CUTS)[::-1], seen.fragments(CUTS))
    whole = lab.packet("pod1", "world", udp(40001, 53))
    lab.opened(whole)


def flood_from_outside(lab):
    sent = lab.packet("pod1", "world", udp(40000, 53, DATA[:392]), identification=9)
    seen = lab.opened(sent)
    stray = lab.packet("elsewhere", "node", udp(53, 40000, DATA))
    lab.nothing(lab.world, lab.pod1, (stray.but(identification=number % 65535 + 1).fragments(CUTS)[1 + number % 3]
                                      for number in range(5000)))
    lab.expect(lab.world, lab.pod1, answer(seen).fragments(CUTS)[::-1], answer(sent).forwarded().fragments(CUTS))


def flood_of_heads(lab):
    """First fragments of datagrams for the node itself, more than any table has room for, from few and from many."""
    sent = lab.packet("pod1", "world", udp(40000, 53, DATA[:392]), identification=9)
    seen = lab.opened(sent)
    for sources in (1, 1000):
        stray = lab.packet("elsewhere", "node", udp(53, 40000, DATA))
        lab.nothing(lab.world, lab.pod1, (
            stray.but(source=stray.source + number % sources, identification=number % 65535 + 1).fragments(CUTS)[0]
            for number in range(4000)))
        why = f"after a flood of {sources}"
        lab.expect(lab.world, lab.pod1, answer(seen).fragments(CUTS), answer(sent).forwarded().fragments(CUTS), why)
        lab.expect(lab.pod1, lab.world, sent.fragments(CUTS), seen.fragments(CUTS), why)


def flood_of_many(lab):
    """Later fragments from a thousand sources: a pod's own still wait for their head."""
    sent = lab.packet("pod1", "world", udp(40000, 53, DATA[:392]), identification=9)
    seen = lab.opened(sent)
    stray = lab.packet("elsewhere", "node", udp(53, 40000, DATA))
    lab.nothing(lab.world, lab.pod1,
                (stray.but(source=stray.source + number).fragments(CUTS)[1] for number in range(1000)))
    lab.expect(lab.pod1, lab.world, sent.fragments(CUTS)[::-1], seen.fragments(CUTS))


def to_an_excluded_destination(lab):
    """Left alone in any order."""
    sent = lab.packet("pod1", "office", udp(40000, 53, DATA[:392]), identification=9)
    for number, order in orders(range(4)):
        parts = sent.but(identification=number)
        lab.expect(lab.pod1, lab.world, [parts.fragments(CUTS)[i] for i in order], parts.forwarded().fragments(CUTS))
