# SPDX-License-Identifier: Apache-2.0
"""Who may make a mapping, and whom it serves."""
import ipaddress
import random

from lab import describe
from packet import ACK, FIN, RST, SYN, UDP, answer, echo, esp, gre, icmp_error, sctp, tcp, udp
from protocols import content_of

PSH, URG, ECN = 0x08, 0x20, 0xC0
OPENERS = SYN, SYN | ECN, ACK, ACK | PSH
NO_OPENERS = (RST, RST | ACK, FIN, FIN | ACK, SYN | ACK, SYN | FIN, SYN | RST, 0, FIN | PSH | URG, 0xFF)


def openers(lab):
    """Flags of a first segment; a segment from a connection's middle brings back a connection that was lost."""
    for port, flags in enumerate(OPENERS, 40000):
        lab.opened(lab.packet("pod1", "world", tcp(port, 80, flags)))
    others = [tcp(port, 80, flags) for port, flags in enumerate(NO_OPENERS, 41000)] + [echo(lab.version, 7, reply=True)]
    for content in others:
        sent = lab.packet("pod1", "world", content)
        with lab.counted("no_mapping", 1, describe(bytes(sent))), lab.no_new_mapping():
            lab.nothing(lab.pod1, lab.world, [sent])


def strangers(lab):
    """Whatever comes from outside makes no mapping, and only the remote endpoint of one comes in through it."""
    sent = lab.packet("pod1", "world", udp(40000, 53))
    seen = lab.opened(sent)
    port = seen.ports[0]
    with lab.no_new_mapping():
        for source, content in (("elsewhere", udp(53, port)), ("world", udp(54, port)), ("world", udp(53, port + 1)),
                                ("world", tcp(53, port, SYN)), ("world", tcp(53, port, ACK)), ("world", sctp(53, port)),
                                ("world", gre(7)), ("world", echo(lab.version, port)),
                                ("world", echo(lab.version, port, reply=True))):
            for pod in (lab.pod1, lab.pod2):
                lab.nothing(lab.world, pod, [lab.packet(source, "node", content)], f"{source} {content}")
    lab.expect(lab.world, lab.pod1, [answer(seen)], [answer(sent).forwarded()])


def late_segments(lab):
    """Segments of a forgotten inbound connection, and of a forgotten outbound one: the pod's next connection between
    the same endpoints is masqueraded (R19)."""
    for port, flags in enumerate((FIN | ACK, ACK, RST, SYN | ACK), 40000):
        stray = lab.packet("world", "pod1", tcp(80, port, flags))
        lab.expect(lab.world, lab.pod1, [stray], [stray.forwarded()], "a stray segment")
        lab.opened(lab.packet("pod1", "world", tcp(port, 80, SYN)))


def inbound(lab):
    """A connection from the world to a pod's own address stays as it is in both directions."""
    for content in (tcp(5000, 80, SYN), udp(5000, 53), echo(lab.version, 9), sctp(5000, 80)):
        sent = lab.packet("router", "pod1", content)
        lab.expect(lab.world, lab.pod1, [sent], [sent.forwarded()], "in")
        lab.expect(lab.pod1, lab.world, [answer(sent)], [answer(sent).forwarded()], "out")
        kind = 3 if lab.version == 4 else 1
        for sender, receiver, ends, quoted in ((lab.pod1, lab.world, ("pod1", "router"), sent.forwarded()),
                                               (lab.world, lab.pod1, ("router", "pod1"), answer(sent).forwarded())):
            error = lab.packet(*ends, icmp_error(kind, 0, bytes(quoted)[:60], lab.version))
            lab.expect(sender, receiver, [error], [error.forwarded()], "an error about it")


def spoofed(lab, count):
    """Sources outside the pod CIDRs pass as they are and leave no trace."""
    chance = random.Random(7)
    network = ipaddress.ip_network("198.18.64.0/18" if lab.version == 4 else "2001:db8:5b::/48")
    sources = [network[chance.randrange(network.num_addresses)] for _ in range(int(count))]
    packets = [lab.packet(source, "world", udp(40000, 53)) for source in sources]
    with lab.no_new_mapping():
        lab.expect(lab.pod1, lab.world, packets, [sent.forwarded() for sent in packets])


def from_an_uplink(lab):
    """A pod's source address that comes in by an uplink and goes out by one was not written by a pod."""
    with lab.no_new_mapping():
        for content in (udp(40000, 53), tcp(40001, 80, SYN), echo(lab.version, 7)):
            lab.world.send(bytes(lab.packet("pod1", "beyond-east", content)))
        lab.await_mark(lab.world, lab.pod1)


def of_the_node(lab):
    """The node's own packets are not touched, whole or in fragments, also where a pod has the same port (R96)."""
    lab.opened(lab.packet("pod1", "world", udp(20000, 53)))
    for content in (udp(20000, 53, bytes(400)), echo(lab.version, 7, bytes(400)), tcp(20000, 80, FIN | ACK),
                    sctp(20000, 80), gre(7)):
        sent = lab.packet("node", "world", content, identification=9)
        lab.expect(lab.uplink, lab.world, [sent], [sent], "whole")
        if len(sent.payload) > 400:
            lab.expect(lab.uplink, lab.world, sent.fragments((64, 128))[::-1], sent.fragments((64, 128)), "fragments")


def dhcp_offers(lab):
    """From a server that has a link-local address, to the address on offer and to everybody."""
    server = ipaddress.ip_address("169.254.169.254")
    for destination in (lab["node"], ipaddress.ip_address("255.255.255.255")):
        lab.world.send(bytes(lab.packet(server, destination, udp(67, 68))))


def tunnels_of_the_node(lab):
    """What comes for a tunnel that the node itself has is the node's, though a pod may send of the same protocol to the
    same end."""
    for content in ((4, bytes(40)), (41, bytes(40)), gre(), gre(7), esp(7), (89, bytes(40))):
        own = lab.packet("node", "world", content)
        lab.expect(lab.uplink, lab.world, [own], [own])
        lab.pod1.send(bytes(lab.packet("pod1", "world", content)))
        lab.nothing(lab.world, lab.pod1, [answer(own)], f"protocol {content[0]}")


def hairpin(lab):
    """A pod that calls the node's address and a port that is another pod's speaks to the node, as itself."""
    for content in (udp(40000, 53), tcp(40001, 80, SYN), echo(lab.version, 77)):
        seen = lab.opened(lab.packet("pod2", "world", content))
        port = 0 if content[0] in (1, 58) else seen.ports[0]
        own = {UDP: udp(53, port), 6: tcp(80, port, SYN)}.get(content[0]) or echo(lab.version, seen.identifier)
        call = lab.packet("pod1", "node", own)
        lab.forget(lab.pod1)
        with lab.no_new_mapping():
            lab.nothing(lab.pod1, lab.world, [call])
            lab.nothing(lab.pod1, lab.pod2, [call])
        said = lab.at_last(lab.pod1)
        if said[:40].find(lab["node"].packed) < 0:
            raise AssertionError(f"somebody else than the node answered protocol {content[0]}")
        error = icmp_error(3 if lab.version == 4 else 1, 3, bytes(answer(seen)), lab.version)
        lab.nothing(lab.pod1, lab.pod2, [lab.packet("pod1", "node", error)], "an error about another pod's connection")


def probes(lab):
    """What the node owns and knows nothing about is not sent on, however far it may travel (R88)."""
    for protocol in range(0, 256):
        if protocol in (0, 43, 44, 60) and lab.version == 6:
            continue
        for destination in ("node", "gateway"):
            sent = lab.packet("world", destination, content_of(lab, protocol), hops=255)
            lab.forget(lab.world)
            lab.nothing(lab.world, lab.pod1, [sent], f"protocol {protocol} to {destination}")
            copies = [data for data in lab.world.frames() if sent.destination.packed in (data[16:20], data[24:40])]
            if copies:
                raise AssertionError(f"protocol {protocol} to {destination} came back {len(copies)} times")
