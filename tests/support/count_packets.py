#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""count_packets.py REASON FAMILY < `masq status -o json`: how many packets left the engine for the reason."""
import json
import sys

reason, family = sys.argv[1:]
status = json.load(sys.stdin)
print(sum(row["packets"] for row in status["packets"] if row["reason"] == reason and row["family"] == family))
