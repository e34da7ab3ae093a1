# SPDX-License-Identifier: Apache-2.0
"""One pod - node - world for each contender, all up at once; the kernel takes them away when the processes end.

    pod eth0 --- lxc [ node ] up --- node [ world ]
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import time

POD, GATEWAY, NODE, ROUTER = "10.0.1.5", "10.0.1.1", "192.0.2.10", "192.0.2.1"
NFT = """table ip bench { chain post { type nat hook postrouting priority srcnat;
ip saddr 10.0.0.0/16 oifname "up" masquerade
}
}"""
# What each contender runs: a datapath of masqd and its number of exclusions, or rules for nft, or nothing.
CONTENDERS = {
    "no NAT": {},
    "masq bpf": {"datapath": "bpf", "exclusions": 12},
    "masq nftables": {"datapath": "nftables", "exclusions": 12},
    "masq iptables, 12": {"datapath": "iptables", "exclusions": 12},
    "masq iptables, 1000": {"datapath": "iptables", "exclusions": 1000},
    "nft masquerade": {"nft": NFT},
}


def do(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class Contender:
    def __init__(self, name, number, bin_dir, work, cpu):
        self.name, self.number, self.bin, self.cpu = name, number, bin_dir, cpu
        self.work = work / str(number)
        self.work.mkdir()
        self.agent = None
        self.allows_big_packets = True
        self.wire()
        self.server = self.start("world", self.bin / "masq_bench_traffic", "serve", pinned=True)
        self.server.stdout.readline()
        self.translate(**CONTENDERS[name])

    def place(self, who):
        return f"{who}{self.number}"

    def ip(self, who, *words):
        return do("ip", "-n", self.place(who), *words)

    def command(self, who, *words, pinned=False):
        at = ["taskset", "-c", str(self.cpu)] if pinned else []
        return [*at, "nsenter", f"--net=/run/netns/{self.place(who)}", *map(str, words)]

    def start(self, who, *words, pinned=False):
        log = open(self.work / f"{who}.log", "w")
        return subprocess.Popen(self.command(who, *words, pinned=pinned), stdout=subprocess.PIPE if pinned else log,
                                stderr=log, text=True, preexec_fn=dies_with_us)

    def wire(self):
        for who in ("pod", "node", "world"):
            do("ip", "netns", "add", self.place(who))
            self.ip(who, "link", "set", "lo", "up")
        do(*self.command("node", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"))
        do(*self.command("pod", "sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535"))
        for near, end, far, other in (("pod", "eth0", "node", "lxc"), ("node", "up", "world", "node")):
            do("ip", "link", "add", "name", end, "netns", self.place(near), "type", "veth",
               "peer", "name", other, "netns", self.place(far))
            self.ip(near, "link", "set", "dev", end, "up")
            self.ip(far, "link", "set", "dev", other, "up")
        self.ip("pod", "address", "add", f"{POD}/24", "dev", "eth0")
        self.ip("node", "address", "add", f"{GATEWAY}/24", "dev", "lxc")
        self.ip("node", "address", "add", f"{NODE}/24", "dev", "up")
        self.ip("world", "address", "add", f"{ROUTER}/24", "dev", "node")
        self.ip("pod", "route", "add", "default", "via", GATEWAY)
        self.ip("node", "route", "add", "default", "via", ROUTER)
        self.ip("world", "route", "add", "local", "203.0.113.0/24", "dev", "lo")

    def translate(self, datapath=None, exclusions=0, nft=None):
        if nft:
            do(*self.command("node", "nft", "-f", "-"), text=nft)
        elif datapath:
            self.run_masqd(datapath, exclusions)
        else:
            self.ip("world", "route", "add", "10.0.0.0/16", "via", NODE)

    def run_masqd(self, datapath, exclusions):
        file, socket = self.work / "ip-masq-agent", self.work / "masq.sock"
        ranges = [f"172.{16 + i // 256}.{i % 256}.0/24" for i in range(0, 2 * exclusions, 2)]  # no two make one
        file.write_text("nonMasqueradeCIDRs:\n" + "".join(f"- {cidr}\n" for cidr in ranges))
        bpf_root = self.work / "bpf"
        bpf_root.mkdir()
        limit = ["--nat-max-mappings-per-pod=524288"] if datapath == "bpf" else []  # one pod stands for all
        self.agent = self.start("node", self.bin / "masqd", *limit, f"--datapath={datapath}", f"--bpf-root={bpf_root}",
                                f"--socket-path={socket}", "--ipv4-pod-cidr=10.0.0.0/16", "--enable-ip-masq-agent",
                                f"--ip-masq-agent-config-path={file}", "--enable-ipv6-masquerade=false")
        said = None
        for _ in range(300):
            said = subprocess.run([self.bin / "masq", "--socket-path", socket, "status", "--brief"], text=True,
                                  capture_output=True)
            if said.returncode == 0:
                return
            if self.agent.poll() is not None:
                break
            time.sleep(0.1)  # until it is ready: at most half a minute
        raise SystemExit(f"{self.name}: {said.stdout}{said.stderr}{(self.work / 'node.log').read_text()}")

    def came_in(self):
        """Packets that have come in at the world."""
        for line in do(*self.command("world", "cat", "/proc/net/dev")).splitlines():
            if line.strip().startswith("node:"):
                return int(line.split(":")[1].split()[1])
        raise SystemExit("the world has lost its device")

    def sees_the_node(self):
        """Whether the world is spoken to by the node, or by the pod itself where nobody translates."""
        client = subprocess.Popen(self.command("pod", self.bin / "masq_bench_traffic", "rr", "0.3", "1"),
                                  stdout=subprocess.DEVNULL)
        expected, seen = (NODE if CONTENDERS[self.name] else POD), ""
        while client.poll() is None and expected not in seen:
            seen = do(*self.command("world", "ss", "-Htn", "state", "established"))
        client.wait()
        return expected in seen

    def big_packets(self, allowed):
        """Packets of many segments, as the kernel makes them of a bulk transfer; or none larger than the wire's."""
        if allowed == self.allows_big_packets:
            return
        word = "on" if allowed else "off"
        for who, device in (("pod", "eth0"), ("node", "lxc"), ("node", "up"), ("world", "node")):
            do(*self.command(who, "ethtool", "-K", device, "tso", word, "gso", word))
        self.allows_big_packets = allowed
