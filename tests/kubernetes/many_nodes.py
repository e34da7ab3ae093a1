# SPDX-License-Identifier: Apache-2.0
"""many_nodes.py create|measure DIRECTORY NUMBER [MASQ]: for tests/kubernetes/many-nodes.

create: Node objects with the size of real ones. measure: masqd's memory, the time until a change is in force, its CPU time.
"""
import concurrent.futures
import datetime
import http.client
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import time

MEMORY_LIMIT_MB = 40
IN_FORCE_LIMIT_S = 1
CPU_LIMIT_PERCENT = 1
CHANGES = 10
UPDATES_PER_SECOND = 20
MEASURED_S = 30
POD = "10.128.0.5"


class Api:
    """Requests to the API server of a kubeconfig; a connection for each thread."""

    def __init__(self, directory):
        text = (directory / "api/admin.conf").read_text()
        self.host, self.port = re.search(r"https://([\d.]+):(\d+)", text).groups()
        self.token = re.search(r"token: (\w+)", text)[1]
        self.context = ssl.create_default_context(cafile=re.search(r"certificate-authority: (\S+?)}", text)[1])
        self.local = threading.local()

    def send(self, method, path, body=None, content_type="application/json"):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPSConnection(self.host, int(self.port), context=self.context)
        connection = self.local.connection
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status}: {text[:200]}")

    def patch_status(self, number, status):
        self.send("PATCH", f"/api/v1/nodes/node-{number}/status", {"status": status}, "application/strategic-merge-patch+json")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind, status):
    return {"type": kind, "status": status, "lastHeartbeatTime": now(), "lastTransitionTime": "2026-01-01T00:00:00Z",
            "reason": "KubeletHasNoProblem", "message": "kubelet has no problem of this kind"}


def addresses(number):
    """Of other nodes; none is in a reserved range."""
    return [{"type": "InternalIP", "address": f"44.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"},
            {"type": "InternalIP", "address": f"2620:fe::{number:x}"}, {"type": "Hostname", "address": f"node-{number}"}]


def node(number):
    """With what makes real ones large: fifty images, labels, annotations, conditions."""
    images = [{"names": [f"registry.example/team-{each}/service@sha256:{each:064x}", f"registry.example/team-{each}/service:v1.{each}"],
               "sizeBytes": 1234567 + each} for each in range(50)]
    conditions = [condition("MemoryPressure", "False"), condition("DiskPressure", "False"), condition("PIDPressure", "False"),
                  condition("Ready", "True")]
    labels = {f"example.com/label-{each}": f"value-{each}-of-this-node" for each in range(15)}
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": f"node-{number}", "labels": labels, "annotations": {"example.com/annotation": "x" * 300}},
            "spec": {"podCIDR": f"10.{128 + (number >> 8)}.{number & 255}.0/24",
                     "podCIDRs": [f"10.{128 + (number >> 8)}.{number & 255}.0/24", f"fd00:1:0:{number:x}::/64"],
                     "providerID": f"cloud://region/zone/instance-{number:016x}"},
            "status": {"addresses": addresses(number) if number else [{"type": "InternalIP", "address": "192.0.2.11"}],
                       "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110"}, "allocatable": {"cpu": "8", "memory": "31Gi", "pods": "110"},
                       "conditions": conditions, "images": images}}


def create(directory, count):
    api = Api(directory)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: api.send("POST", "/api/v1/nodes", node(number)), range(count)))
    print(f"{count} nodes, {len(json.dumps(node(1))) / 1e3:.0f} kB each")


# --- the agent -------------------------------------------------------------------------------------------------------------


class Agent:
    def __init__(self, directory, masq):
        self.masq, self.socket = masq, f"--socket-path={directory}/masq.sock"
        self.pid = int((directory / "masqd.pid").read_text())

    def ask(self, *words):
        return subprocess.run([self.masq, *words, self.socket], capture_output=True, text=True, check=False).stdout

    def status(self):
        return json.loads(self.ask("status", "-o", "json") or "{}")

    def knows(self, address):
        return "node" in json.loads(self.ask("explain", POD, address, "-o", "json") or "{}").get("reason", "")

    def memory_mb(self, field):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) / 1e3

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Maximum:
    """Of a value that is sampled every 5 ms. VmHWM does not serve: it has the tables of the kernel that masqd maps at times."""

    def __init__(self, read):
        self.read, self.value, self.ended = read, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def sample(self):
        while not self.ended.wait(0.005):
            self.value = max(self.value, self.read())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def wait_for(seconds, what, ready, pause=0.02):
    begin = time.monotonic()
    while not ready():
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)
    return time.monotonic() - begin


def changes(api, agent, count):
    """A node gets another address: seconds until the agent excludes it, of each change."""
    took = []
    for each in range(CHANGES):
        number = 1 + each * (count // CHANGES - 1)
        address = f"44.200.0.{each + 1}"
        api.patch_status(number, {"addresses": [{"type": "InternalIP", "address": address}, {"type": "ExternalIP", "address": address}]})
        took.append(wait_for(30, f"node-{number}", lambda address=address: agent.knows(address)))
    return took


def updates(api, count):
    """Heartbeats of kubelets, at a constant rate."""
    begin = time.monotonic()
    for each in range(UPDATES_PER_SECOND * MEASURED_S):
        api.patch_status(1 + each % (count - 1), {"conditions": [condition("Ready", "True")]})
        time.sleep(max(0.0, begin + (each + 1) / UPDATES_PER_SECOND - time.monotonic()))
    return time.monotonic() - begin


def list_again(directory, api, agent):
    """The API server begins again, and has forgotten the version of the watch."""
    server = pathlib.Path(__file__).with_name("api-server")
    subprocess.run([server, "stop", directory / "api", "api"], check=True)
    subprocess.run([server, "resume", directory / "api"], check=True)
    api.local = threading.local()
    api.patch_status(1, {"addresses": [{"type": "InternalIP", "address": "44.201.0.1"}]})
    wait_for(60, "the second list", lambda: agent.knows("44.201.0.1"), 0.1)


def measure(directory, count, masq):
    api, agent = Api(directory), Agent(directory, masq)
    far = f"44.{(count - 1) >> 16 & 255}.{(count - 1) >> 8 & 255}.{(count - 1) & 255}"
    first = wait_for(60, "the nodes are in force", lambda: agent.knows(far), 0.1)
    took = changes(api, agent, count)
    before, lasted = agent.cpu_seconds(), updates(api, count)
    percent = 100 * (agent.cpu_seconds() - before) / lasted
    memory = agent.memory_mb("VmRSS")
    with Maximum(lambda: agent.memory_mb("RssAnon")) as of_list:
        list_again(directory, api, agent)
    rows = [("memory of masqd (VmRSS)", memory, MEMORY_LIMIT_MB, "MB"),
            ("anonymous memory during a new list of all nodes", of_list.value, MEMORY_LIMIT_MB, "MB"),
            ("a change of a node is in force after, at most", max(took), IN_FORCE_LIMIT_S, "s"),
            (f"CPU with {UPDATES_PER_SECOND} updates a second", percent, CPU_LIMIT_PERCENT, "%")]
    print(f"in force {first:.1f} s after the start; a change in force after {sorted(took)[len(took) // 2]:.2f} s (median)")
    failed = 0
    for what, value, limit, unit in rows:
        failed += value >= limit
        print(f"{'FAILED  ' if value >= limit else 'ok      '}{what}: {value:.2f} {unit}, limit {limit} {unit}")
    print(f"{len(rows) - failed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if sys.argv[1] == "create":
        create(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(0 if measure(pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]) else 1)
