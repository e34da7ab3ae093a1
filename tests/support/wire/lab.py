# SPDX-License-Identifier: Apache-2.0
"""The lab as one process sees it: a raw socket in each namespace, so that a packet can be made, sent and compared with
what arrives, to the byte. tests/support/wire.sh makes the kernels of pods and world keep silent meanwhile."""
import collections
import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import json
import os
import select
import socket
import struct
import subprocess
import time

import packet

ETH_P_ALL, PACKET_OUTGOING = 3, 4
TAGS = {0x8100, 0x88A8}
SIOCGIFHWADDR, SO_RCVBUFFORCE = 0x8927, 33
CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def inside(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def hardware_address(namespace, device):
    with inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        return fcntl.ioctl(query, SIOCGIFHWADDR, device.encode().ljust(40, b"\0"))[18:24]


def is_housekeeping(data):
    """Neighbour discovery and multicast listeners: the kernels' own."""
    if data[0] >> 4 == 4:
        return data[16] >= 224
    return data[24] == 0xFF or (data[6] == packet.ICMP6 and data[40] in range(133, 138))


class Wire:
    """The end of a cable, NAMESPACE and DEVICE; the other end is called likewise. `aside` is the address that its marks
    have on the pods' side."""

    def __init__(self, kind, aside, namespace, device, *other_end):
        self.name, self.kind, self.aside = namespace, kind, aside
        self.peer = hardware_address(*other_end)
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            self.socket.bind((device, ETH_P_ALL))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()[4]
        self.has_ethernet = len(self.address) == 6

    def send(self, data, tags=b""):
        """An IP packet; tags are what stands between the Ethernet addresses and the type."""
        header = self.peer + self.address + tags + self.kind if self.has_ethernet else b""
        try:
            self.socket.send(header + data)
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # dropped by a program on this very device
                raise

    def frames(self):
        """Packets that have arrived."""
        while True:
            try:
                data, (_, kind, direction, _, _) = self.socket.recvfrom(1 << 17)
            except BlockingIOError:
                return
            data = data[14:] if self.has_ethernet else data
            while kind in TAGS:  # the first one is not in the data
                kind, data = struct.unpack_from("!H", data, 2)[0], data[4:]
            if direction != PACKET_OUTGOING and kind in (0x0800, 0x86DD) and not is_housekeeping(data):
                yield data

    def wait(self, seconds):
        select.select([self.socket], [], [], max(0.0, seconds))


class Lab:
    def __init__(self, names, masq, near, far):
        """`near` and `far`: the uplink's device, and its end in the world."""
        self.names = {name: ipaddress.ip_address(address) for name, address in names.items()}
        self.masq = masq
        self.version = self["node"].version
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])  # one queue from end to end keeps packets in order
        kind = b"\x08\x00" if self.version == 4 else b"\x86\xdd"
        self.pod1 = Wire(kind, self["aside-pod1"], "pod1", "eth0", "node", "lxc1")
        self.pod2 = Wire(kind, self["aside-pod2"], "pod2", "eth0", "node", "lxc2")
        self.world = Wire(kind, None, "world", far, "node", near)
        self.uplink = Wire(kind, self["aside-pod1"], "node", near, "world", far)  # behind the node's own IP
        self.marks = 0
        for pod in (self.pod1, self.pod2):  # the first packets wait for neighbour discovery
            self.await_mark(pod, self.world)
            self.await_mark(self.world, pod)

    def __getitem__(self, name):
        return self.names[name]

    def packet(self, source, destination, content, **fields):
        """packet("pod1", "world", udp(1, 2)), with fields of Packet."""
        names = [self[end] if isinstance(end, str) else end for end in (source, destination)]
        return packet.Packet(*names, *content, **fields)

    @staticmethod
    def forget(*receivers):
        """What has arrived so far is nobody's answer any more."""
        for receiver in receivers:
            collections.deque(receiver.frames(), maxlen=0)

    # --- sending and comparing ----------------------------------------------------------------------------------

    def mark(self, sender, receiver):
        """Sends a packet that masq has nothing to do with; what it follows has arrived when it has."""
        ends = (sender.aside or self["world"], receiver.aside or self["world"])
        self.marks += 1
        sent = packet.Packet(*ends, *packet.udp(9, 9, b"mark %d" % self.marks))
        sender.send(bytes(sent))
        return bytes(sent if sender is self.uplink else sent.forwarded())

    def await_mark(self, sender, receiver, patience=2.0):
        """What arrives before a mark that is sent now."""
        mark, arrived, deadline = self.mark(sender, receiver), [], time.monotonic() + patience
        while time.monotonic() < deadline:
            for data in receiver.frames():
                if data == mark:
                    return arrived
                arrived.append(data)
            receiver.wait(0.1)
        raise AssertionError(f"the mark from {sender.name} to {receiver.name} did not arrive")

    def gather(self, sender, receiver, at_least=0):
        """What arrives before a mark, and up to `at_least` packets if some come later."""
        arrived = self.await_mark(sender, receiver)
        deadline = time.monotonic() + 1.0
        while len(arrived) < at_least and time.monotonic() < deadline:
            receiver.wait(0.05)
            arrived += receiver.frames()
        return arrived

    def carry(self, sender, receiver, packets, at_least=0):
        self.forget(receiver)
        for sent in packets:
            sender.send(bytes(sent))
        return self.gather(sender, receiver, at_least)

    def expect(self, sender, receiver, sent, wanted, why=""):
        """Exactly the wanted packets arrive, to the byte, in any order."""
        wanted = [bytes(one) for one in wanted]
        arrived = self.carry(sender, receiver, sent, len(wanted))
        missing = collections.Counter(wanted) - collections.Counter(arrived)
        surplus = collections.Counter(arrived) - collections.Counter(wanted)
        if missing or surplus:
            raise AssertionError(f"{why}: {sender.name} to {receiver.name}\n" + difference(missing, surplus))

    def nothing(self, sender, receiver, sent, why=""):
        self.expect(sender, receiver, sent, [], why)

    def at_last(self, receiver):
        """The next packet that arrives there, whoever sent it."""
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            for data in receiver.frames():
                return data
            receiver.wait(0.05)
        raise AssertionError(f"nothing came to {receiver.name}")

    def opened(self, sent, pod=None):
        """Sends a pod's packet into the world; it must arrive masqueraded. As what it arrived."""
        pod = pod or self.pod_of(sent)
        arrived = self.carry(pod, self.world, [sent], 1)
        if len(arrived) != 1:
            raise AssertionError(f"{len(arrived)} packets came of {describe(bytes(sent))}")
        seen = sent.forwarded().but(source=self["node"])
        at = len(arrived[0]) - len(sent.payload)
        if sent.protocol in packet.PORTS:
            seen = seen.with_ports(source=struct.unpack_from("!H", arrived[0], at)[0])
        elif sent.protocol == (packet.ICMP if self.version == 4 else packet.ICMP6):
            seen = seen.with_identifier(struct.unpack_from("!H", arrived[0], at + 4)[0])
        if arrived[0] != bytes(seen):
            raise AssertionError("masqueraded wrongly:\n" + difference([bytes(seen)], arrived))
        return seen

    def pod_of(self, sent):
        return self.pod2 if sent.source == self["pod2"] else self.pod1

    # --- what masq says -----------------------------------------------------------------------------------------

    def says(self, *words):
        return subprocess.run([*self.masq, *words], check=True, capture_output=True, text=True).stdout

    def mappings(self):
        lines = self.says("bpf", "nat", "list").splitlines()
        return sorted(line.split(" age=")[0] for line in lines if "XLATE_SRC" in line)

    def counters(self):
        """Packets by reason; marks are left out of nobody's count but `unrelated`."""
        counts = collections.Counter()
        for row in json.loads(self.says("status", "-o", "json"))["packets"]:
            if row["family"] == f"ipv{self.version}":
                counts[row["reason"]] += row["packets"]
        return counts

    @contextlib.contextmanager
    def counted(self, reason, number, why=""):
        before = self.counters()[reason]
        yield
        counted = self.counters()[reason] - before
        if counted != number:
            raise AssertionError(f"{why}: {counted} packets counted as {reason}, not {number}")

    @contextlib.contextmanager
    def no_new_mapping(self, why=""):
        before = self.mappings()
        yield
        if (after := self.mappings()) != before:
            raise AssertionError(f"{why}: the mappings changed\n" + "\n".join([*before, "became", *after]))


def describe(data):
    version = data[0] >> 4
    ends = (data[12:16], data[16:20]) if version == 4 else (data[8:24], data[24:40])
    source, destination = (ipaddress.ip_address(end) for end in ends)
    protocol = data[9 if version == 4 else 6]
    return f"{source} > {destination} protocol {protocol}, {len(data)} bytes: {data[:72].hex(' ', -4)}"


def difference(missing, surplus):
    missing, surplus = list(missing), list(surplus)
    lines = [f"  missing {describe(one)}" for one in missing[:3]]
    lines += [f"  came    {describe(one)}" for one in surplus[:3]]
    if missing and surplus:
        at = next((i for i, (a, b) in enumerate(zip(missing[0], surplus[0])) if a != b), None)
        lines.append(f"  the first differ at byte {at}")
    return "\n".join([f"  {len(missing)} missing, {len(surplus)} that should not have come"] + lines)
