#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""paired.py MAPS FAMILY: every mapping of the pinned table stands once in each index that has to name it, and the indexes
name nothing else. Ends with one line and exit 1 when that is not so; packets may be under way, so ask again."""
import json
import subprocess
import sys

LINKED, RESTING, DATAGRAM_IN, CELL_SLOT = 2, 16, 2, 0xFFFFFF


def dump(name):
    path = f"{sys.argv[1]}/{name}{4 if sys.argv[2] == 'ipv4' else 6}"
    said = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", path], check=True, capture_output=True)
    return [element["formatted"]["value"] for element in json.loads(said.stdout)]


def named_by(index):
    return sorted((cell & CELL_SLOT) - 1 for bucket in dump(index) for cell in bucket["cell"] if cell)


slots = {number: slot for number, slot in enumerate(dump("mappings")) if slot["slot"] == LINKED}
wanted = {
    "forward": sorted(number for number, slot in slots.items() if not slot["flags"] & RESTING),
    "reply": sorted(n for n, slot in slots.items() if slot["reason"] == 0 and slot["flow"]["kind"] != DATAGRAM_IN),
}
for index, numbers in wanted.items():
    found = named_by(index)
    if found != numbers:
        extra, missing = sorted(set(found) - set(numbers)), sorted(set(numbers) - set(found))
        sys.exit(f"{index}: {len(found)} entries for {len(numbers)} mappings; too many {extra[:5]}, missing {missing[:5]}")
print(f"{len(wanted['forward'])} and {len(wanted['reply'])} entries")
