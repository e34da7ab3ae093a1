# SPDX-License-Identifier: Apache-2.0
"""Random nodes: devices, addresses, rules, tables, routes and next-hop objects, as lines of `ip -batch`.

A number gives a layout, always the same one. Each node that gets its lines is alike, down to the device indexes.
"""
import collections
import dataclasses
import ipaddress
import random

PODS = {4: ipaddress.ip_network("10.244.0.0/16"), 6: ipaddress.ip_network("fd00:244::/64")}
OTHER_PODS = {4: "10.244.200.9", 6: "fd00:244::c8:9"}
GROUP = 5  # of all devices, so that one command deletes them
MARK = 0x64  # of packets to MARKED_PORT
MARKED_PORT = 4242
CARD_NAMES = ("eth0", "ens5", "enp2s0f1np1", "eno1", "wlan0", "wg-site", "tun7", "bond0", "lan", "net1")
SITES = {
    4: ("172.20.1.0/24", "172.20.0.0/16", "8.8.8.0/24", "198.51.100.0/25", "203.0.113.7/32", "10.9.0.0/16", "100.64.8.0/22"),
    6: ("2001:db8:51::/48", "2001:db8:51:7::/64", "2001:4860:4860::8888/128", "fd7a:115c::/48", "2a00:1450::/32"),
}
ANYWHERE = {4: ("1.1.1.1", "9.9.9.9", "151.101.2.3", "224.1.1.1"), 6: ("2606:4700::1111", "2001:db8:ffff::5", "fd99::1")}
DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
HALVES = {4: ("0.0.0.0/1", "128.0.0.0/1"), 6: ("::/1", "8000::/1")}
HOST = {4: 32, 6: 128}
NEIGHBOUR = "02:00:00:00:00:99"
MAC_OF_PODS = "02:00:00:00:00:01"  # a neighbour with another one would be a forgery


@dataclasses.dataclass
class Card:
    """A device whose cable leads out of the node."""
    name: str
    number: int
    addresses: dict = dataclasses.field(default_factory=lambda: {4: [], 6: []})
    gateways: dict = dataclasses.field(default_factory=dict)  # in the subnet of the first address

    def subnet(self, version, second=False):
        if version == 4:
            return ipaddress.ip_network(f"198.{19 if second else 18}.{self.number}.0/24")
        return ipaddress.ip_network(f"2001:db8:{'b' if second else 'a'}{self.number}::/64")


@dataclasses.dataclass
class Pod:
    device: str  # the pod's end
    entrance: str  # the node's device at which its packets arrive
    addresses: dict


class Layout:
    """`devices`: lines of `ip -batch` that make them. `lines`: (version or None, line) of what follows, for `ip -4`, `ip -6` or
    plain `ip`. `inner`: devices that lead to pods or other containers, and only there."""

    def __init__(self, number):
        self.random = random.Random(number)
        self.devices, self.lines = [], []
        self.ports = {}  # of bridges that lead to containers
        self.has_sources = self.has_fallback_table = False
        self.selective_tables = set()  # of rules that select some packets only
        self.undo = {4: [], 6: []}  # of what does not go with the devices
        self.cards, self.pods, self.inner, self.targets = [], [], set(), {4: [], 6: []}
        self.own = {4: [], 6: []}
        self.addresses = collections.defaultdict(list)  # by device
        self.excluded = {4: [], 6: []}  # broadcast addresses
        self.story = []  # words for what is special
        self.cloud = self.maybe(0.12)
        self.one_armed = not self.cloud and self.maybe(0.12)
        self.make_devices()
        self.make_pods()
        for version in (4, 6):
            self.make_addresses(version)
        for version in (4, 6):
            self.make_routes(version)

    def maybe(self, chance):
        return self.random.random() < chance

    def add(self, line, version=None):
        if line.startswith("link "):
            self.devices.append(line)
        else:
            self.lines.append((version, line))

    def add_with_undo(self, line, version):
        self.add(line.format("add"), version)
        self.undo[version].append(line.format("delete"))

    def note(self, word):
        self.story.append(word)

    def name_of(self, cable):
        """The device that packets leave by, of the cable on which they were seen."""
        return "br0" if self.one_armed and cable == self.cable_of_bridge else cable

    def names_of(self, route):
        """The devices of an explanation's route; of bridges also their ports."""
        names = route.get("devices", [route["device"]] if "device" in route else [])
        return names + [port for name in names for port in self.ports.get(name, [])]

    # --- devices --------------------------------------------------------------------------------------------------

    def make_devices(self):
        names = self.random.sample(CARD_NAMES, self.random.choice((1, 2, 2, 3, 4)))
        self.cards = [Card(name, number) for number, name in enumerate(names, 1)]
        self.cables = set(names)
        for card in self.cards:
            self.add(f"link add {card.name} group {GROUP} arp off type veth peer name {card.name} netns {{wire}}")
            self.add(f"link set {card.name} up")
            if self.maybe(0.2):
                self.add(f"link property add dev {card.name} altname an-alternative-name-of-{card.number}")
        if self.one_armed:
            self.note("pods and a card on one bridge")
            first = self.cards[0]
            self.make_bridge("br0")
            self.add(f"link set {first.name} master br0")
            self.cable_of_bridge = first.name
            first.name = "br0"

    def make_bridge(self, name):
        self.add(f"link add {name} group {GROUP} type bridge")
        self.add(f"link set {name} up")

    def make_pods(self):
        style = "bridge" if self.one_armed or (not self.cloud and self.maybe(0.35)) else "device"
        bridge = "br0" if self.one_armed else self.random.choice(("cni0", "br-0123456789ab", "podman1", "virbr0"))
        if style == "bridge" and not self.one_armed:
            self.note("pods on a bridge")
            self.make_bridge(bridge)
            self.inner.add(bridge)
        if style == "bridge":
            for version in (4, 6):
                subnet = ipaddress.ip_network({4: "10.244.1.0/24", 6: "fd00:244::1:0/112"}[version])
                self.add(self.address(subnet[1], subnet.prefixlen, bridge))
                self.excluded[version].append(str(subnet[-1]))
        for number in range(1, 4):
            device = f"lxc{number}"
            addresses = {4: f"10.244.1.{10 + number}", 6: f"fd00:244::1:{10 + number}"}
            self.add(f"link add {device} group {GROUP} type veth peer name {device} netns {{pods}}")
            self.add(f"link set {device} up")
            self.inner.add(device)
            if style == "bridge":
                self.add(f"link set {device} master {bridge}")
                self.ports.setdefault(bridge, []).append(device)
            else:
                for version in (4, 6):
                    self.add(f"route add {addresses[version]}/{HOST[version]} dev {device}", version)
            self.pods.append(Pod(device, bridge if style == "bridge" else device, addresses))
        if self.maybe(0.25):
            self.make_other_containers()

    def make_other_containers(self):
        self.note("a bridge of other containers")
        self.make_bridge("docker0")
        self.inner.update({"docker0", "other"})
        self.add(f"link add other group {GROUP} type veth peer name other netns {{pods}}")
        self.add("link set other up master docker0")
        self.ports["docker0"] = ["other"]
        self.add(self.address("172.17.0.1", 16, "docker0"))
        self.add(f"neigh add 172.17.0.9 lladdr {NEIGHBOUR} dev docker0")
        self.targets[4].append("172.17.0.9")

    # --- addresses ------------------------------------------------------------------------------------------------

    def address(self, address, length, device, deprecated=False):
        version = ipaddress.ip_address(str(address)).version
        self.own[version].append(str(address))
        self.addresses[device].append(str(address))
        states = "" if version == 4 else " nodad" + (" preferred_lft 0" if deprecated else "")
        return f"address add {address}/{length} dev {device}{states}"

    def make_addresses(self, version):
        if self.maybe(0.3):
            self.loopback = {4: "192.0.2.1", 6: "2001:db8:10::1"}[version]
            self.add(self.address(self.loopback, HOST[version], "lo"))
        for card in self.cards:
            self.number(card, version)
        if not any(card.addresses[version] for card in self.cards):
            self.add_to_card(self.cards[0], version, self.cards[0].subnet(version), 10)

    def number(self, card, version):
        style = self.random.choices(("one", "several", "none"), (6, 3, 2))[0]
        if style == "none":
            return self.note(f"{card.name} has no IPv{version} address")
        if self.cloud and card is self.cards[0]:
            self.note("the node's address is inside the pod CIDR")
            subnet = ipaddress.ip_network({4: "10.244.0.0/20", 6: "fd00:244::/96"}[version])
            self.add_to_card(card, version, subnet, 7)
        else:
            self.add_to_card(card, version, card.subnet(version), 10)
        if style == "several":
            for _ in range(self.random.choice((1, 2))):
                subnet = card.subnet(version, second=self.maybe(0.6))
                if version == 6 and self.maybe(0.3):
                    subnet = ipaddress.ip_network(f"fd5a:{card.number}::/64")
                self.add_to_card(card, version, subnet, 20 + len(card.addresses[version]))
        return None

    def add_to_card(self, card, version, subnet, host):
        deprecated = version == 6 and self.maybe(0.2)
        if deprecated:
            self.note("a deprecated address")
        address = str(subnet[host])
        card.addresses[version].append(address)
        card.gateways.setdefault(version, subnet[1])
        self.add(self.address(address, subnet.prefixlen, card.name, deprecated))
        if version == 4:
            self.excluded[4].append(str(subnet[-1]))
        self.aim(card, version, subnet[77])

    def aim(self, card, version, address):
        """A destination that is a neighbour on the card's link."""
        if card.name == "br0":
            self.add(f"neigh replace {address} lladdr {NEIGHBOUR} dev br0")
        self.targets[version].append(str(address))

    # --- routes ---------------------------------------------------------------------------------------------------

    def make_routes(self, version):
        self.make_default(version)
        for site in self.random.sample(SITES[version], self.random.choice((0, 1, 2, 3))):
            self.make_site(version, site)
        if len(self.cards) > 1 and self.maybe(0.5):
            self.make_table(version)
        if self.maybe(0.1):
            self.make_fallback_table(version)
        self.targets[version] += self.random.sample(ANYWHERE[version], 2)
        self.targets[version].append(OTHER_PODS[version])

    def hop(self, card, version):
        """The words of a route by this card: gateway and device."""
        if card.name == "br0":
            gateway = card.gateways.get(version, {4: "100.64.0.1", 6: "fe80::99"}[version])
            self.add(f"neigh replace {gateway} lladdr {NEIGHBOUR} dev br0")
        elif version not in card.gateways or self.maybe(0.15):
            return self.unusual_hop(card, version)
        else:
            gateway = card.gateways[version]
        return f"via {gateway} dev {card.name} onlink" if version == 4 else f"via {gateway} dev {card.name}"

    def unusual_hop(self, card, version):
        if version == 6:
            return self.random.choice((f"dev {card.name}", f"via fe80::99 dev {card.name}"))
        return self.random.choice((f"dev {card.name}", f"dev {card.name} scope link", f"via 100.64.0.1 dev {card.name} onlink",
                                   f"via inet6 fe80::99 dev {card.name}"))

    def source(self, card, version, chance=0.25):
        """The words for a preferred source, or none."""
        candidates = card.addresses[version] or self.own[version]
        if not candidates or not self.maybe(chance):
            return ""
        self.has_sources = True
        if self.maybe(0.3):
            candidates = [own for own in self.own[version] if ipaddress.ip_address(own) not in PODS[version]] or candidates
        return f" src {self.random.choice(candidates)}"

    def route(self, version, destination, hop, rest=""):
        self.add(f"route replace {destination} {hop}{rest}", version)

    def several_hops(self, cards, version):
        hops = [self.hop(card, version) for card in cards]
        hops = [hop if version == 4 or "via" in hop else f"via fe80::99 {hop}" for hop in hops]  # the kernel wants it
        if self.maybe(0.5) and not any("scope" in hop or "inet6" in hop for hop in hops):
            self.note("a group of next-hop objects")
            first = 10 * version + self.random.randrange(1000) * 100
            for number, hop in enumerate(hops, first):
                self.add(f"nexthop add id {number} {hop}", version)
            group = "/".join(str(number) for number in range(first, first + len(hops)))
            self.add(f"nexthop add id {first + 9} group {group}")
            return f"nhid {first + 9}"
        self.note("a multipath route")
        return " ".join(f"nexthop {hop.replace(' scope link', '')}" for hop in hops)

    def make_default(self, version):
        card = self.random.choice(self.cards[:2]) if not (self.cloud or self.one_armed) else self.cards[0]
        style = self.random.choices(("one", "two", "several hops", "halves", "none"), (6, 2, 2, 1, 1))[0]
        if len(self.cards) == 1 and style == "two":
            style = "one"
        if style not in ("one", "two") and (self.cloud or self.one_armed or len(self.cards) == 1):
            style = "one"  # a device that leads to pods is an uplink if it has the default route
        if style == "one" or style == "two":
            self.route(version, DEFAULT[version], self.hop(card, version), self.source(card, version) + " metric 50")
        if style == "two":
            self.note("two default routes")
            other = self.random.choice([each for each in self.cards if each is not card])
            self.route(version, DEFAULT[version], self.hop(other, version), self.source(other, version) + " metric 600")
        if style == "several hops":
            self.route(version, DEFAULT[version], self.several_hops(self.random.sample(self.cards, 2), version))
        if style == "halves":
            self.note("halves of a default route")
            for half in HALVES[version]:
                self.route(version, half, self.hop(card, version), self.source(card, version))
        if style == "none":
            self.note(f"no IPv{version} default route")

    def make_site(self, version, site):
        network = ipaddress.ip_network(site)
        self.targets[version].append(str(network[min(5, network.num_addresses - 1)]))
        way = self.random.choices(("card", "pod", "nowhere", "several"), (6, 1, 1, 1))[0]
        if way == "several" and len(self.cards) > 1:
            return self.route(version, site, self.several_hops(self.random.sample(self.cards, 2), version))
        if way == "pod" and not self.one_armed:
            self.note("a site behind a pod")
            pod = self.pods[0]
            self.add(f"neigh replace {pod.addresses[version]} lladdr {MAC_OF_PODS} dev {pod.entrance}")
            return self.route(version, site, f"via {pod.addresses[version]} dev {pod.entrance}" + (" onlink" if version == 4 else ""))
        if way == "nowhere":
            kind = self.random.choice(("blackhole", "unreachable", "prohibit", "throw"))
            return self.add_with_undo(f"route {{}} {kind} {site}", version)
        card = self.random.choice(self.cards)
        return self.route(version, site, self.hop(card, version), self.source(card, version))

    def make_table(self, version):
        """A card has a table of its own, as clouds and VPNs make it."""
        card, table = self.cards[-1], 100 + self.random.randrange(3)
        pod = self.random.choice(self.pods)
        rule = self.random.choice((f"from {pod.addresses[version]}", f"from {PODS[version]}", f"fwmark {MARK:#x}",
                                   f"iif {pod.entrance}", f"to {SITES[version][0]}", f"fwmark {MARK:#x}/0xff"))
        self.note(f"a rule {rule.split()[0]}")
        self.selective_tables.add(str(table))
        self.route(version, DEFAULT[version], self.hop(card, version), self.source(card, version) + f" table {table}")
        if rule.split()[0] in ("from", "iif") or self.maybe(0.5):  # else pods would not reach one another
            self.add_with_undo(f"rule {{}} pref 900 to {PODS[version]} lookup main", version)
        self.add_with_undo(f"rule {{}} pref 1000 {rule} lookup {table}", version)

    def make_fallback_table(self, version):
        """As wg-quick: all that the main table has no route longer than the default one for."""
        self.note("a table before the default route")
        self.has_fallback_table = True
        card = self.random.choice(self.cards)
        self.route(version, DEFAULT[version], self.hop(card, version), " table 51820")
        self.add_with_undo(f"rule {{}} pref 2000 not fwmark 0xca6c lookup 51820", version)
        self.add_with_undo(f"rule {{}} pref 1900 lookup main suppress_prefixlength 0", version)

    # --- questions ------------------------------------------------------------------------------------------------

    def probes(self):
        """(pod, version, destination, marked), of each family and pod."""
        for version in (4, 6):
            targets = list(dict.fromkeys(self.targets[version]))
            own = set(self.own[version])
            for pod in self.pods[:2]:
                for target in self.random.sample(targets, min(7, len(targets))):
                    if target not in own:
                        yield pod, version, target, self.maybe(0.3)
