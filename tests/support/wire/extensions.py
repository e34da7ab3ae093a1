# SPDX-License-Identifier: Apache-2.0
"""Chains of IPv6 extension headers, with every transport protocol behind them, both ways."""
import itertools

from packet import DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, SYN, answer, chain, echo, sctp, tcp, udp

KINDS = (HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT)


def both_ways(lab, numbers, content):
    sent = lab.packet("pod1", "world", content, extensions=chain(*numbers))
    why = f"extension headers {numbers}"
    lab.expect(lab.world, lab.pod1, [answer(lab.opened(sent))], [answer(sent).forwarded()], why)


def contents(lab):
    return udp(40000, 53), tcp(40000, 80, SYN), echo(lab.version, 77), sctp(40000, 80)


def permutations(lab):
    """Every order of three of the four kinds."""
    for numbers in itertools.permutations(KINDS, 3):
        both_ways(lab, numbers, udp(40000, 53))


def single(lab):
    for number, content in itertools.product(KINDS, contents(lab)):
        both_ways(lab, (number,), content)


def long_chains(lab):
    """Six of them, and as many as masq walks; one more is dropped and counted."""
    six = (HOP_BY_HOP, DESTINATION, ROUTING, DESTINATION, FRAGMENT, DESTINATION)
    for content in contents(lab):
        both_ways(lab, six, content)
        both_ways(lab, six + (DESTINATION, ROUTING), content)
    for number in (9, 20):
        sent = lab.packet("pod1", "world", udp(40000, 53), extensions=chain(*[DESTINATION] * number))
        with lab.counted("malformed", 1, f"{number} headers"), lab.no_new_mapping():
            lab.nothing(lab.pod1, lab.world, [sent])


def large_headers(lab):
    """Destination options of 8 to 512 bytes."""
    for size in (6, 38, 254, 510):
        padding = b"\x01" + bytes([min(size - 2, 255)]) + bytes(size - 2)
        extensions = ((DESTINATION, padding),)
        sent = lab.packet("pod1", "world", udp(40000, 53), extensions=extensions)
        back = answer(lab.opened(sent))
        lab.expect(lab.world, lab.pod1, [back], [answer(sent).forwarded()], f"{size} bytes of options")


def cut_short(lab):
    """Chains that the packet ends in."""
    for numbers in ((DESTINATION,), (ROUTING, DESTINATION)):
        sent = lab.packet("pod1", "world", (255, b""), extensions=chain(*numbers))
        data = bytes(sent)
        for size in (1, 4):
            shorter = data[:-size]
            shorter = shorter[:4] + (len(shorter) - 40).to_bytes(2, "big") + shorter[6:]
            with lab.counted("malformed", 1, f"{numbers}, {size} bytes short"), lab.no_new_mapping():
                lab.nothing(lab.pod1, lab.world, [shorter])


def fragmented(lab):
    """A chain before the fragment header, and one behind it, in a datagram of four parts."""
    content = udp(40000, 53, bytes(range(200)))
    for before in ((), (DESTINATION,), (HOP_BY_HOP, ROUTING)):
        sent = lab.packet("pod1", "world", content, extensions=chain(*before), identification=9)
        seen = lab.opened(sent.but(identification=10)).but(identification=9)
        cuts = (64, 128, 192)
        lab.expect(lab.pod1, lab.world, sent.fragments(cuts)[::-1], seen.fragments(cuts), f"{before} out")
        lab.expect(lab.world, lab.pod1, answer(seen).fragments(cuts)[::-1], answer(sent).forwarded().fragments(cuts),
                   f"{before} in")


def ipv4_options(lab):
    """Options of every length, both ways, with every protocol."""
    for content in contents(lab):
        for length in range(4, 44, 4):
            sent = lab.packet("pod1", "world", content, options=b"\x01" * length)
            back = answer(lab.opened(sent))
            lab.expect(lab.world, lab.pod1, [back], [answer(sent).forwarded()], f"{length} bytes of options")
