# SPDX-License-Identifier: Apache-2.0
"""A node with masqd, or the one where the kernel masquerades; its pods and its wires, in three network namespaces."""
import http.client
import itertools
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.parse

import layout
from lab import ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE, hardware_address, inside

QUIET = ("ipv6/conf/default/accept_ra", "ipv6/conf/default/accept_dad", "ipv6/conf/default/router_solicitations",
         "ipv4/conf/default/rp_filter", "ipv4/conf/all/rp_filter")
FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
PATIENCE = 10.0  # seconds until masqd has followed
ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}

# What the kernel's own masquerading makes of all that pods send out of the pod CIDRs. Marks are set on every node.
MARKS = """table inet marks {
  chain forward { type filter hook prerouting priority mangle;
    udp dport %d meta mark set %d
  }
}
""" % (layout.MARKED_PORT, layout.MARK)
REFERENCE = """table inet reference {
  chain out { type nat hook postrouting priority srcnat;
    ip saddr %(pods4)s ip daddr != %(pods4)s masquerade
    ip6 saddr %(pods6)s ip6 daddr != %(pods6)s masquerade
  }
}
""" % {"pods4": layout.PODS[4], "pods6": layout.PODS[6]}


def run(*command, text=None, check=True):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=check)


class Capture:
    """All devices of one namespace, as raw packets with the device's name."""

    def __init__(self, namespace):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setblocking(False)

    def packets(self):
        while True:
            try:
                data, (device, _, direction, _, _) = self.socket.recvfrom(1 << 16)
            except BlockingIOError:
                return
            if direction != PACKET_OUTGOING and data[12:14] in ETHERTYPES.values():
                yield device, data[14:]


class Node:
    """`name`: the datapath, or "kernel"."""

    def __init__(self, name, work):
        self.name, self.work = name, pathlib.Path(work) / name
        self.work.mkdir(parents=True)
        self.agent = None
        for part in (name, f"{name}-pods", f"{name}-wire"):
            run("ip", "netns", "add", part)
            with inside(part):
                for key in QUIET:
                    pathlib.Path("/proc/sys/net", key).write_text("0")
        with inside(name):
            for key in FORWARDING:
                pathlib.Path("/proc/sys/net", key).write_text("1")
            run("ip", "link", "set", "lo", "up")
            run("nft", "-f", "-", text=MARKS + (REFERENCE if name == "kernel" else ""))
        for part in ("pods", "wire"):  # they say nothing themselves
            with inside(f"{name}-{part}"):
                pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        self.captures = [Capture(f"{name}-wire"), Capture(f"{name}-pods")]
        with inside(f"{name}-pods"):
            self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)

    # --- masqd ----------------------------------------------------------------------------------------------------

    def start(self, binaries, options):
        if self.name == "kernel":
            return
        command = [f"{binaries}/masqd", f"--datapath={self.name}", f"--bpf-root={self.work}/bpf",
                   f"--socket-path={self.work}/masq.sock", "--log-level=debug",
                   f"--ipv4-pod-cidr={layout.PODS[4]}", f"--ipv6-pod-cidr={layout.PODS[6]}", *options]
        if self.name == "bpf":
            command.append("--nat-max-mappings=65536")
        environment = {"PATH": os.environ["PATH"]}
        with inside(self.name), open(self.work / "masqd.log", "a") as log:
            self.agent = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.await_desired(lambda desired: desired is not None, "masqd does not start")

    def stop(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait(PATIENCE)
            self.agent = None

    def ask(self, path):
        """masqd's answer, or None while it does not answer or has applied nothing."""
        connection = http.client.HTTPConnection("masqd")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(f"{self.work}/masq.sock")
            connection.request("GET", path)
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
        except (ConnectionError, FileNotFoundError):
            return None
        finally:
            connection.close()

    def await_desired(self, holds, what):
        deadline = time.monotonic() + PATIENCE
        while not holds(self.ask("/v1/desired")):
            if time.monotonic() > deadline or self.agent.poll() is not None:
                raise AssertionError(f"{self.name}: {what}; {self.last_words()}")
            time.sleep(0.01)

    def last_words(self):
        return "\n".join((self.work / "masqd.log").read_text().splitlines()[-3:])

    def explain(self, source, destination):
        question = urllib.parse.urlencode({"source": source, "destination": destination}, safe=":")
        return self.ask(f"/v1/explain?{question}")

    # --- layouts --------------------------------------------------------------------------------------------------

    def clear(self, last):
        """Removes the layout `last`, and what it left."""
        with inside(self.name):
            run("ip", "link", "delete", "group", str(layout.GROUP), check=False)  # fails if there is none
            run("ip", "nexthop", "flush")
            run("ip", "address", "flush", "dev", "lo", "scope", "global")
            for version, lines in last.undo.items():
                run("ip", f"-{version}", "-force", "-batch", "-", text="\n".join(lines) + "\n", check=False)

    def lay_out(self, wanted):
        """Makes the devices; raises their other ends, which routes need; then makes the rest."""
        names = {"wire": f"{self.name}-wire", "pods": f"{self.name}-pods"}
        with inside(self.name):
            self.batch(wanted.devices, names)
        for part in names.values():
            with inside(part):
                links = json.loads(run("ip", "-json", "link").stdout)
                run("ip", "-batch", "-", text="".join(f"link set {link['ifname']} up\n" for link in links))
        with inside(self.name):
            self.await_carriers()
            for version, lines in itertools.groupby(wanted.lines, key=lambda pair: pair[0]):
                self.batch([line for _, line in lines], names, *([f"-{version}"] if version else []))

    @staticmethod
    def await_carriers():
        """A bridge has its carrier a moment after its ports."""
        deadline = time.monotonic() + PATIENCE
        while any("NO-CARRIER" in link["flags"] for link in json.loads(run("ip", "-json", "link").stdout)):
            if time.monotonic() > deadline:
                raise AssertionError("a device has no carrier")
            time.sleep(0.005)

    @staticmethod
    def batch(lines, names, *flags):
        done = run("ip", *flags, "-batch", "-", text="".join(line.format(**names) + "\n" for line in lines), check=False)
        if done.returncode:
            number = int(done.stderr.rsplit(":", 1)[1])
            raise AssertionError(f"{done.stderr.strip()}: {lines[number - 1]}")

    def settle(self, old, new):
        """Returns when masqd has applied the layout. `new`: an address that is added now, instead of `old`; masqd has
        seen everything before it when it has seen this."""
        with inside(self.name):
            run("ip", "address", "add", f"{new}/32", "scope", "host", "dev", "lo")
            run("ip", "address", "delete", f"{old}/32", "dev", "lo", check=False)
        if self.agent:
            self.await_desired(lambda desired: desired and new in json.dumps(desired), f"{new} is not seen")

    # --- packets --------------------------------------------------------------------------------------------------

    def send(self, pod, data):
        sender = bytes.fromhex(layout.MAC_OF_PODS.replace(":", ""))
        header = hardware_address(self.name, pod.entrance) + sender + ETHERTYPES[data[0] >> 4]
        self.sender.sendto(header + data, (pod.device, 0))

    def arrived(self):
        for capture in self.captures:
            yield from capture.packets()
