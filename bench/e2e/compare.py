# SPDX-License-Identifier: Apache-2.0
"""Compares in interleaved rounds what masquerading costs. Run it by bench/e2e/run."""
import argparse
import json
import os
import pathlib
import platform
import random
import subprocess
import sys
import tempfile

import lab
import report

# Name, the client's words, unit, what a count is of that unit, whether packets of many segments are allowed.
TESTS = (
    ("TCP, one stream", ["bulk"], "Gbit/s", 8e-9, True),
    ("TCP, one stream of wire-sized packets", ["bulk"], "Gbit/s", 8e-9, False),
    ("request/response, 1 connection", ["rr", 1], "/s", 1, True),
    ("request/response, 64 connections", ["rr", 64], "/s", 1, True),
    ("connections opened and closed", ["crr"], "/s", 1, True),
    ("UDP, 64 bytes", ["udp"], "packets/s", 1, True),
)


def softirq_thread(cpu):
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() == f"ksoftirqd/{cpu}":
                return int(comm.parent.name)
        except OSError:
            pass  # it has ended
    return None


class Bench:
    def __init__(self, options, contenders):
        self.options, self.contenders = options, contenders
        self.softirq = softirq_thread(options.cpu)
        self.samples = {test[0]: {c.name: [] for c in contenders} for test in TESTS}

    def cpu_elsewhere(self, contender):
        """CPU seconds of whom the client does not see: the server, and the kernel's thread for packets."""
        return lab.cpu_seconds(contender.server.pid) + (lab.cpu_seconds(self.softirq) if self.softirq else 0)

    def sample(self, contender, words, unit_of_count, number):
        mode, *rest = words
        if mode == "crr":
            rest = [number * 17]
        before, arrived = self.cpu_elsewhere(contender), contender.came_in()
        done = subprocess.run(contender.command("pod", contender.bin / "masq_bench_traffic", mode,
                                                self.options.seconds, *rest, pinned=True),
                              text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"{contender.name}, {mode}: {done.stderr}")
        result = json.loads(done.stdout)
        if mode == "udp":
            result["count"] = contender.came_in() - arrived
        result["cpu"] += self.cpu_elsewhere(contender) - before
        return {"rate": result["count"] * unit_of_count / result["cpu"],
                "wall_rate": result["count"] * unit_of_count / result["seconds"], **result}

    def round(self, number):
        for name, words, _, unit_of_count, big in TESTS:
            order = random.sample(self.contenders, len(self.contenders))
            for contender in order:
                contender.big_packets(big)
                self.samples[name][contender.name].append(self.sample(contender, words, unit_of_count, number))
        print(f"round {number + 1} of {self.options.rounds}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=13)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--cpu", type=int, default=os.cpu_count() - 1, help="the one that everything runs on")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path)
    options = parser.parse_args()
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    lab.do("mount", "-t", "tmpfs", "none", "/run/netns")
    with tempfile.TemporaryDirectory() as work:
        lab.do("mount", "-t", "tmpfs", "none", work)
        contenders = []
        try:
            for number, name in enumerate(lab.CONTENDERS):
                contenders.append(lab.Contender(name, number, options.bin.resolve(), pathlib.Path(work), options.cpu))
            for contender in contenders:
                if not contender.sees_the_node():
                    raise SystemExit(f"{contender.name}: the world sees the wrong address")
            bench = Bench(options, contenders)
            for number in range(options.rounds):
                bench.round(number)
        finally:
            for contender in contenders:
                for process in (contender.agent, contender.server):
                    if process:
                        process.kill()
                        process.wait()
            lab.do("umount", "-l", work)
    result = {"kernel": platform.release(), "cpus": os.cpu_count(), "rounds": options.rounds,
              "seconds": options.seconds,
              "tests": [{"name": t[0], "unit": t[2], "samples": bench.samples[t[0]]} for t in TESTS]}
    if options.json:
        options.json.write_text(json.dumps(result))
    if options.svg:
        options.svg.write_text(report.plot(result))
    print(report.table(result))


if __name__ == "__main__":
    main()
