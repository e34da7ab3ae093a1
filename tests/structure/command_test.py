#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""command_test.py: ./test ends with the status and the sum of its suites, and leaves no file. Prints "N passed, M
failed"."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TEST = pathlib.Path(__file__).resolve().parents[2] / "test"

# name, arguments, what the suite `source` does, exit code, last lines
CASES = [
    ("a failure is named again at the end", ["source"], 'echo "FAILED  this"; echo "0 passed, 1 failed"; exit 1', 1,
     "source: FAILED  this\n0 passed, 1 failed"),
    ("all is well", ["source"], 'echo "3 passed, 0 failed"', 0, "3 passed, 0 failed"),
    ("a check fails", ["source"], 'echo "2 passed, 1 failed"; exit 1', 1, "2 passed, 1 failed"),
    ("a suite dies", ["source"], "exit 3", 1, "0 passed, 1 failed"),
    ("nothing is built after a fault", [], 'echo "2 passed, 1 failed"', 1, "7 passed, 1 failed"),
    ("an unknown suite", ["sauce"], "true", 2, "test: no suite 'sauce' (--help shows what there is)"),
    ("help", ["--help"], "true", 0, '--long: also what takes longer than CI has. Closes with "N passed, M failed".'),
]


def run(arguments, source):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "scripts").mkdir()
        (root / "tests/structure").mkdir(parents=True)
        (root / "temporary").mkdir()
        shutil.copy(TEST, root / "test")
        for name, text in {"install-packages": "true", "check-source": source}.items():
            (root / "scripts" / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
            (root / "scripts" / name).chmod(0o755)
        for name in pathlib.Path(__file__).parent.glob("*.py"):
            (root / "tests/structure" / name.name).write_text('print("1 passed, 0 failed")\n', encoding="utf-8")
        environment = {**os.environ, "TMPDIR": str(root / "temporary")}
        result = subprocess.run([root / "test", *arguments], capture_output=True, text=True, check=False, env=environment)
        return result, list((root / "temporary").iterdir())


failed = 0
for name, arguments, source, code, last in CASES:
    result, left = run(arguments, source)
    output = result.stdout + result.stderr
    if result.returncode != code or not f"\n{output}".endswith(f"\n{last}\n") or left:
        failed += 1
        print(f"{name}: exit {result.returncode}, left {left}: {output}")
print(f"{len(CASES) - failed} passed, {failed} failed")
sys.exit(failed > 0)
