# SPDX-License-Identifier: Apache-2.0
"""What must leave a node with masq, from what left the one where the kernel masquerades, and from the kernel's routes.

It is the same, but for this:
- Toward pods, broadcast addresses and networks inside the node nothing is masqueraded.
- The preferred source of a default route counts, which the kernel's masquerading ignores.
- With enable-masquerade-to-route-source the source is that of the node's own packets by the same device.
- A link-local address is never used: the packet is dropped. One inside the pod CIDRs is not borrowed from another device,
  unless the kernel says so at enable-masquerade-to-route-source.

Explained, but no aim:
- Where a rule selects a table for some packets only, another route of the same device may choose the address, because masq
  chooses it by device and destination.
- For a multipath IPv6 route the kernel may choose the source of its own packets before the device.
- bpf_fib_lookup() does not know suppress_prefixlength for IPv6.
"""
import ipaddress
import json

import layout
import node

DEFAULTS = {"default", "0.0.0.0/0", "::/0", *layout.HALVES[4], *layout.HALVES[6]}


class Kernel:
    """What the kernel says of routes, on the node where it masquerades."""

    def __init__(self, name):
        self.name = name

    def ask(self, marked, *words):
        mark = ["mark", hex(layout.MARK)] if marked else []
        with node.inside(self.name):
            done = node.run("ip", "-json", "route", "get", *words, *mark, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 and done.stdout.strip() else {}

    def route(self, probe):
        """Of the forwarded packet."""
        return self.ask(probe.marked, "fibmatch", probe.destination, "from", probe.source, "iif", probe.pod.entrance)

    def own_source(self, probe, device):
        answer = self.ask(probe.marked, probe.destination, "oif", device)
        return answer.get("prefsrc") if answer.get("dev") == device else None  # of IPv6 it may be another device's


def expected(wanted, probe, arrived, kernel, route_source):
    """The (device, source address) that masq must show where the kernel's masquerading showed `arrived`, and others that
    are explained; None stands for nothing."""
    if arrived is None:
        return [None]
    device, masqueraded = arrived
    if device in wanted.inner or is_excluded(wanted, probe):
        return [(device, probe.source)]
    name = wanted.name_of(device)
    found = [masqueraded]
    if route_source:
        found = by_route(wanted, probe, masqueraded, name, kernel)
    elif wanted.has_sources or wanted.selective_tables:
        found = by_device(wanted, probe, masqueraded, kernel)
    if is_borrowed_from_pods(wanted, probe, masqueraded, name, kernel):
        found = found if route_source else [each for each in found if each != masqueraded]
        found += [own for own in wanted.own[probe.version] if not is_pod(own)]
    if all(is_pod(own) for own in wanted.own[probe.version]) and masqueraded not in wanted.addresses[name]:
        found.append(None)
    return [(device, each) if each and not ipaddress.ip_address(each).is_link_local else None for each in found]


def by_device(wanted, probe, masqueraded, kernel):
    """Source addresses without enable-masquerade-to-route-source."""
    route = kernel.route(probe)
    found = [route.get("prefsrc") or masqueraded if route["dst"] in DEFAULTS else masqueraded]
    return found + (wanted.own[probe.version] if route.get("table") in wanted.selective_tables else [])


def by_route(wanted, probe, masqueraded, name, kernel):
    """Source addresses with enable-masquerade-to-route-source."""
    route = kernel.route(probe)
    found = [kernel.own_source(probe, name) or masqueraded]
    if "nexthops" in route:
        found.append(route.get("prefsrc") or masqueraded)
    if route.get("table") in wanted.selective_tables or (wanted.has_fallback_table and probe.version == 6):
        found += wanted.own[probe.version]
    return found


def is_borrowed_from_pods(wanted, probe, masqueraded, name, kernel):
    if not is_pod(masqueraded) or masqueraded in wanted.addresses[name]:
        return False
    route = kernel.route(probe)
    return route.get("prefsrc") != masqueraded and route.get("table") not in wanted.selective_tables


def is_pod(address):
    return any(ipaddress.ip_address(address) in pods for pods in layout.PODS.values())


def is_excluded(wanted, probe):
    return probe.destination in wanted.excluded[probe.version] or is_pod(probe.destination)
