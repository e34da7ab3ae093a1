# SPDX-License-Identifier: Apache-2.0
"""What the leak watcher must see: for the harness' own test, where nobody masquerades."""
from packet import chain, icmp_error, udp, FRAGMENT, DESTINATION


def later_fragment(lab):
    lab.pod1.send(lab.packet("pod1", "world", udp(40000, 53, bytes(200))).fragments((64,))[1])


def tagged(lab):
    lab.uplink.send(bytes(lab.packet("pod1", "world", udp(40000, 53))), b"\x88\xa8\x00\x06\x81\x00\x00\x05")


def quoted(lab):
    shown = bytes(lab.packet("world", "pod1", udp(53, 40000)))
    extensions = () if lab.version == 4 else chain(DESTINATION, FRAGMENT)
    error = icmp_error(3 if lab.version == 4 else 1, 1, shown, lab.version)
    lab.uplink.send(bytes(lab.packet("node", "world", error, extensions=extensions)))


def any_protocol(lab):
    lab.pod1.send(bytes(lab.packet("pod1", "world", (253, bytes(8)))))


def untouched(lab):
    """Something must be there to compare with: this one claims that a packet is masqueraded."""
    lab.opened(lab.packet("pod1", "world", udp(40000, 53)))
