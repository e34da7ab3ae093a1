#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each gate of scripts/check-source notices a planted fault, at its line. Closes with "N passed, M failed"."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
CONFIGURATION = [".clang-format", "bpf/.clang-format", "tests/.shellcheckrc", ".codespellrc"]
LICENCE = "SPDX-License-Identifier: Apache-2.0\n"
C_LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */"
MISSPELT = "rec" + "ieve"  # in two parts: this file is checked too

# Name of the gate, the file with the fault, its text, and the line of the fault.
FAULTS = [
    ("format", "src/base/fault.cpp", f"// {LICENCE}int sum(int a, int b) {{\n  return a+b;\n}}\n", 3),
    ("format", "src/base/fault.hpp", f"// {LICENCE}#pragma once\nstruct Empty{{ }};\n", 3),
    ("format", "bpf/fault.c", f"{C_LICENCE}\nint one(void)\n{{\n  return 1;\n}}\n", 3),
    ("format", "bench/fault.bpf.c", f"{C_LICENCE}\nint one(void) {{\n\treturn 1;\n}}\n", 2),
    ("shell", "scripts/fault", f"#!/bin/bash\n# {LICENCE}ls $1\n", 3),
    ("shell", "scripts/fault", f"#!/usr/bin/env bash\n# {LICENCE}ls $1\n", 3),
    ("shell", ".ci/fault", f"#!/bin/sh\n# {LICENCE}ls $1\n", 3),
    ("shell", "tests/scenarios/fault.scenario.sh", f"# {LICENCE}rm $1\n", 2),
    ("spelling", "docs/fault.md", f"# A page\n\nIt is right to {MISSPELT} it.\n", 3),
    ("spelling", "src/base/fault.cpp", f"// {LICENCE}// {MISSPELT}\n", 2),
]
GOOD = {
    "src/base/good.cpp": f"// {LICENCE}int sum(int a, int b) {{\n  return a + b;\n}}\n",
    "bpf/good.c": f"{C_LICENCE}\nint one(void)\n{{\n\treturn 1;\n}}\n",
    "scripts/good": f'#!/bin/bash\n# {LICENCE}ls "$1"\n',
    "tests/scenarios/good.scenario.sh": f'# {LICENCE}rm "$work/$1"\n',
    "docs/good.md": "# A page\n\nIt is right to receive it.\n",
    "build/generated.cpp": "int   x;\n",
    "scripts/good.py": f"#!/usr/bin/python3\n# {LICENCE}x = 1\n",
}


def check_source(samples):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in CONFIGURATION:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        for name, text in samples.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return subprocess.run([ROOT / "scripts/check-source", folder], capture_output=True, text=True)


def main():
    failed = 0
    for gate, name, text, line in FAULTS:
        run = check_source({name: text})
        noticed = any(found.startswith((f"{name}:{line}:", f"./{name}:{line}:")) for found in run.stdout.splitlines())
        if run.returncode != 1 or not noticed or f"{gate}: no findings" in run.stdout or not run.stdout.endswith("2 passed, 1 failed\n"):
            failed += 1
            print(f"{gate}: the fault at {name}:{line} is not found: {run.stdout}{run.stderr}")
    run = check_source(GOOD)
    if run.returncode != 0 or not run.stdout.endswith("3 passed, 0 failed\n"):
        failed += 1
        print(f"check-source objects to what is right: {run.stdout}{run.stderr}")
    print(f"{len(FAULTS) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
