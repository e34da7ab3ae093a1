# SPDX-License-Identifier: Apache-2.0
"""Frames with VLAN tags (802.1Q, 802.1ad), as a bridge or a virtual machine may put them on an uplink."""
from lab import difference
from packet import SYN, answer, echo, sctp, tcp, udp

OUTWARD = [b"\x81\x00\x00\x05", b"\x88\xa8\x00\x06\x81\x00\x00\x05"]
PRIORITY = b"\x81\x00\xa0\x00"  # VLAN 0: the receiver takes the frame as its own


def tagged(lab):
    """Out with one tag and with two; in with a priority tag."""
    for port, tags in enumerate(OUTWARD, 40000):
        for content in (udp(port, 53), tcp(port, 80, SYN), echo(lab.version, port), sctp(port, 80)):
            sent = lab.packet("pod1", "world", content)
            lab.forget(lab.world)
            lab.uplink.send(bytes(sent), tags)
            left = lab.at_last(lab.world)
            seen = lab.opened(sent)
            if left != bytes(seen.but(hops=64)):
                raise AssertionError("a tagged frame left wrongly\n" + difference([bytes(seen)], [left]))
            lab.forget(lab.pod1)
            lab.world.send(bytes(answer(seen)), PRIORITY)
            if (came := lab.at_last(lab.pod1)) != bytes(answer(sent).forwarded()):
                raise AssertionError("a tagged frame came in wrongly\n" + difference([bytes(answer(sent))], [came]))
