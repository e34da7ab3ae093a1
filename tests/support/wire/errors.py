# SPDX-License-Identifier: Apache-2.0
"""ICMP errors, in both directions, about every protocol that masq masquerades."""
import time

from lab import difference
from packet import (DESTINATION, FRAGMENT, HOP_BY_HOP, SYN, answer, chain, dccp, echo, esp, gre, icmp_error,
                    mpls_extension, sctp, tcp, udp, udplite)

# (type, code): RFC 792, 1122, 1812; RFC 4443. Path MTUs stand in the field that the others leave 0.
ERRORS = {
    4: [(3, code) for code in range(16)] + [(4, 0), (11, 0), (11, 1), (12, 0), (12, 1), (12, 2)],
    6: [(1, code) for code in range(9)] + [(2, 0), (3, 0), (3, 1)] + [(4, code) for code in range(11)],
}
MTU = {4: (3, 4), 6: (2, 0)}
EXTENSIBLE = {4: {3, 11, 12}, 6: {1, 3}}  # RFC 4884, 4.4-4.6
QUOTES = [8, 9, 12, 20, 28, 1000]  # bytes after the IP header


def connections(lab):
    """A pod's first packets. Ports are outside the range, so that they are replaced, and the identifier is taken."""
    lab.opened(lab.packet("pod2", "world", echo(lab.version, 77)))
    data = b"what a router may quote, or cut off somewhere; " * 3
    for content in (tcp(40000, 80, SYN, data), udp(40001, 53, data), echo(lab.version, 77, data), sctp(40003, 5000),
                    udplite(40004, 9, data), dccp(40005, 9), gre(0x1234), esp(0x4321)):
        yield lab.packet("pod1", "world", content, dont_fragment=True)


def quotes(lab, kind):
    """(length of the quote after the IP header, fields of the quoted packet, extension)"""
    yield from ((length, {}, b"") for length in QUOTES)
    if lab.version == 4:
        shapes = {"options": b"\x94\x04\0\0" + b"\x01" * 8}, {"options": b"\x01" * 40}  # router alert; the longest
    else:
        shapes = {"extensions": chain(HOP_BY_HOP, DESTINATION)}, {"extensions": chain(FRAGMENT)}
    yield from ((length, shape, b"") for length in (8, 1000) for shape in shapes)
    if kind in EXTENSIBLE[lab.version]:
        least = 128 - (20 if lab.version == 4 else 40)  # short packets are padded to it
        yield from ((length, {}, mpls_extension()) for length in (least, 1000))


def error_about(lab, kind, code, quoted, length, shape, extension):
    quoted = quoted.but(**shape)
    cut = len(bytes(quoted)) - len(quoted.payload) + length
    rest = 1280 if (kind, code) == MTU[lab.version] else 0
    return icmp_error(kind, code, bytes(quoted)[:cut], lab.version, rest, extension)


def every_error(lab, source, destination, quoted):
    for kind, code in ERRORS[lab.version]:
        for length, shape, extension in quotes(lab, kind):
            yield lab.packet(source, destination, error_about(lab, kind, code, quoted, length, shape, extension))


def from_outside(lab):
    """The quote has what the world saw; the pod gets what it sent."""
    for sent in connections(lab):
        seen = lab.opened(sent)
        with lab.no_new_mapping():
            lab.expect(lab.world, lab.pod1, every_error(lab, "router", "node", seen),
                       [error.forwarded() for error in every_error(lab, "router", "pod1", sent.forwarded())],
                       f"errors about protocol {sent.protocol}")


def from_a_pod(lab):
    """The quote has what the pod received; the world gets what it sent, and no pod's address."""
    for sent in connections(lab):
        seen = lab.opened(sent)
        back, delivered = answer(seen), answer(sent).forwarded()
        lab.expect(lab.world, lab.pod1, [back], [delivered], "an answer")
        with lab.no_new_mapping():
            lab.expect(lab.pod1, lab.world, every_error(lab, "pod1", "world", delivered),
                       [error.forwarded() for error in every_error(lab, "node", "world", back.forwarded())],
                       f"errors about protocol {sent.protocol}")


def odd_ones(lab):
    """Quotes of a datagram's first fragment, and of one without a checksum; errors in padded frames."""
    plain = [lab.packet("pod1", "world", content) for content in (udp(40001, 53, bytes(range(200))),
                                                                  tcp(40000, 80, SYN, bytes(range(200))))]
    for sent in plain:
        seen = lab.opened(sent)
        every_length_and_padding(lab, bytes(seen), bytes(sent.forwarded()))
        every_length_and_padding(lab, seen.fragments((128,))[0], sent.forwarded().fragments((128,))[0])
    if lab.version == 4:
        sent = lab.packet("pod1", "world", udp(40002, 53), no_checksum=True)
        every_length_and_padding(lab, bytes(lab.opened(sent)), bytes(sent.forwarded()))


def every_length_and_padding(lab, outside, inside):
    head = 20 if lab.version == 4 else 48 if outside[6] == FRAGMENT else 40
    for length in QUOTES:
        error, wanted = (unreachable(lab, to, quoted[: head + length])
                         for to, quoted in (("node", outside), ("pod1", inside)))
        for padding in (b"", bytes(24), b"\xff" * 7):
            lab.expect(lab.world, lab.pod1, [bytes(error) + padding], [wanted.forwarded()],
                       f"{length} bytes quoted, {len(padding)} of padding")


def unreachable(lab, destination, quoted):
    """Port unreachable, from the world's router."""
    kind, code = (3, 3) if lab.version == 4 else (1, 4)
    return lab.packet("router", destination, icmp_error(kind, code, quoted, lab.version))


def with_a_wrong_checksum(lab):
    """Is not made right: who gets it is to see that it was damaged (RFC 5508 REQ-3)."""
    sent = lab.packet("pod1", "world", udp(40001, 53))
    error = bytes(unreachable(lab, "node", bytes(lab.opened(sent))))
    wanted = bytes(unreachable(lab, "pod1", bytes(sent.forwarded())).forwarded())
    lab.expect(lab.world, lab.pod1, [error[:-1] + b"?"], [wanted[:-1] + b"?"])


def about_nothing(lab):
    """From outside: the node's own business. From a pod: about a connection that masq does not know."""
    unknown = lab.packet("node", "world", udp(40009, 53), hops=3)
    others = lab.packet("pod2", "world", udp(40001, 53))
    lab.opened(others)
    errors = list(every_error(lab, "router", "node", unknown))
    with lab.no_new_mapping():
        for pod in (lab.pod1, lab.pod2):
            lab.nothing(lab.world, pod, errors, "from outside")
        for quoted in (answer(unknown).but(destination=lab["pod1"]), answer(unknown), answer(others)):
            errors = list(every_error(lab, "pod1", "world", quoted))
            with lab.counted("icmp_error", len(errors)):
                lab.nothing(lab.pod1, lab.world, errors, "from a pod")


def redirects(lab):
    """RFC 5508 has nothing to say for them, and a pod is not to change its routes at a stranger's word."""
    sent = lab.packet("pod1", "world", udp(40001, 53))
    seen = lab.opened(sent)
    gateway = int.from_bytes(lab["elsewhere"].packed, "big")
    with lab.no_new_mapping(), lab.counted("icmp_redirect", 8):
        for code in range(4):
            for sender, receiver, source, destination, quoted in (
                    (lab.world, lab.pod1, "router", "node", seen),
                    (lab.pod1, lab.world, "pod1", "world", answer(sent))):
                redirect = icmp_error(5, code, bytes(quoted)[:28], 4, gateway)
                lab.nothing(sender, receiver, [lab.packet(source, destination, redirect)])


def keep_alive(lab):
    """An idle mapping, and errors about it for as long as it lives: it must time out all the same."""
    seen = lab.opened(lab.packet("pod1", "world", udp(40001, 53)))
    errors, begin = list(every_error(lab, "router", "node", seen)), time.monotonic()
    while lab.mappings():
        lab.carry(lab.world, lab.pod1, errors)
        if time.monotonic() - begin > 8:
            raise AssertionError("errors keep a mapping alive")


def of_the_node(lab):
    """What the node itself says of a packet on its way to a pod quotes the packet as the world sent it: of one with a
    hop too few, and of one too big for the pod's link (the scenario makes it narrow)."""
    for content in (tcp(40000, 80, SYN), udp(40001, 53), sctp(40003, 5000)):
        back = answer(lab.opened(lab.packet("pod1", "world", content)))
        big = back.but(payload=back.payload.ljust(1400, b"x"), dont_fragment=True)
        too_far = back.but(hops=1)
        for packet, (kind, code) in ((too_far, (11, 0) if lab.version == 4 else (3, 0)), (big, MTU[lab.version])):
            lab.nothing(lab.world, lab.pod1, [packet])
            said = lab.at_last(lab.world)
            rest = 1280 if packet is big else 0
            head = 20 if lab.version == 4 else 40
            quoted = bytes(packet)[: len(said) - head - 8]
            expected = lab.packet("node", "world", icmp_error(kind, code, quoted, lab.version, rest))
            if said[head:] != expected.transport():
                raise AssertionError(f"the node's error {kind}/{code}\n" + difference([bytes(expected)], [said]))


def refusals(lab):
    """A pod whose packet finds no way out is told so, to the byte, and nobody else is (RFC 5508 REQ-8)."""
    kind, code, head = (3, 13, 20) if lab.version == 4 else (1, 1, 40)
    for content in (sctp(40003, 5000), (41, bytes(40)), gre(), esp(7)):
        lab.opened(lab.packet("pod1", "world", content))
        sent = lab.packet("pod2", "world", content)
        lab.forget(lab.pod1, lab.pod2)
        lab.nothing(lab.pod2, lab.world, [sent])
        said = lab.at_last(lab.pod2)
        quoted = bytes(sent.forwarded())[: head + 8]
        expected = lab.packet("node", "pod2", icmp_error(kind, code, quoted, lab.version))
        if said[head:] != expected.transport():
            raise AssertionError(f"protocol {content[0]} was refused wrongly\n" + difference([bytes(expected)], [said]))
        assert not list(lab.pod1.frames()), "another pod heard of it"
