#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""figures_test.py: scripts/unreached-reasons names what no test reached. Prints "N passed, M failed"."""
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/unreached-reasons"
ABI = '#define MASQ_REASONS(X) \\\n\tX(ONE, PASS, "one", "the first") \\\n\tX(TWO, DROP, "two", "the second")\n\n'
STATUS = '{"packets": [{"reason": "one", "packets": 0}, {"reason": "two", "packets": 3}]}'

# name, files of the folder, exit code, text of the output
CASES = [
    ("every reason is reached", {"a": "one\n", "b.json": STATUS}, 0, "2 of 2"),
    ("a reason that no test reached", {"a": "one\n"}, 1, "unreached: two"),
    ("a reason without a packet", {"b.json": STATUS}, 1, "unreached: one"),
    ("no test has written", {}, 1, "no test has written"),
    ("the status of a scenario without an agent", {"a": "one\ntwo\n", "b.json": ""}, 0, "2 of 2"),
]


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "abi.h").write_text(ABI, encoding="utf-8")
        (root / "seen").mkdir()
        for name, text in files.items():
            (root / "seen" / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-B", SCRIPT, root / "seen", root / "abi.h"]
        return subprocess.run(command, capture_output=True, text=True, check=False)


failed = 0
for name, files, code, text in CASES:
    result = run(files)
    if result.returncode != code or text not in result.stdout + result.stderr:
        failed += 1
        print(f"{name}: exit {result.returncode}: {result.stdout}{result.stderr}")
print(f"{len(CASES) - failed} passed, {failed} failed")
sys.exit(failed > 0)
