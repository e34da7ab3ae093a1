#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each gate of scripts/check-source and scripts/check-tidy notices a planted fault, at its line. Closes with "N passed,
M failed"."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
CONFIGURATION = [".clang-tidy", ".clang-format", "bpf/.clang-format", "tests/.shellcheckrc", ".codespellrc"]
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


TIDY_HEADER = f"// {LICENCE}#pragma once\n#include <string>\nstd::string name();\n"
TIDY_GOOD = f'// {LICENCE}#include "base/name.hpp"\n#include <string>\nstd::string name() {{\n  return "";\n}}\n'
TIDY_FAULTS = [
    ("misc-include-cleaner", TIDY_GOOD.replace("#include <string>\n", ""), 3),
    ("misc-include-cleaner", TIDY_GOOD.replace("<string>\n", "<string>\n#include <map>\n"), 4),
    ("bugprone-use-after-move", TIDY_GOOD + "#include <utility>\nauto two(std::string a) {\n  auto b = std::move(a);\n  return a + b;\n}\n", 10),
    ("clang-diagnostic-error", TIDY_GOOD + "int x = y;\n", 7),
]


def write(root, samples):
    for name, text in samples.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def planted(folder, samples):
    root = pathlib.Path(folder)
    write(root, {name: (ROOT / name).read_text() for name in CONFIGURATION})
    write(root, samples)
    return root


def check_source(samples):
    with tempfile.TemporaryDirectory() as folder:
        planted(folder, samples)
        return subprocess.run([ROOT / "scripts/check-source", folder], capture_output=True, text=True)


def check_tidy(root):
    return subprocess.run(
        [ROOT / "scripts/check-tidy", "--root", root],
        env={**os.environ, "XDG_CACHE_HOME": str(root / "cache")},
        capture_output=True,
        text=True,
    )


def tidy_faults():
    """(what is wrong, what check-tidy prints) for each expectation that does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        root = planted(folder, {"src/base/name.hpp": TIDY_HEADER, "src/base/name.cpp": TIDY_GOOD})
        # As with a precompiled header of g++, which clang cannot read.
        command = f"/usr/bin/c++ -I{root}/src -std=c++23 -Winvalid-pch -include {root}/none.hxx -o a.o -c {root}/src/base/name.cpp"
        entry = {"directory": str(root), "file": f"{root}/src/base/name.cpp", "command": command}
        write(root, {"build/tidy/compile_commands.json": json.dumps([entry])})

        def expect(what, *words):
            run = check_tidy(root)
            missing = [word for word in words if word not in run.stdout]
            return [(what, run.stdout + run.stderr)] if missing or (run.returncode == 0) != ("0 failed" in words[-1]) else []

        yield expect("what is right passes", "0 of them unchanged", "1 passed, 0 failed")
        yield expect("what is unchanged is not checked again", "1 of them unchanged", "1 passed, 0 failed")
        for check, text, line in TIDY_FAULTS:
            write(root, {"src/base/name.cpp": text})
            for _ in "first", "again":  # a file with findings is not cached
                yield expect(f"{check} in line {line}", f"src/base/name.cpp:{line}:", check, "0 passed, 1 failed")
        write(root, {"src/base/name.cpp": TIDY_GOOD, "src/base/name.hpp": TIDY_HEADER + "int x = y;\n"})
        yield expect("a fault in a header that is included", "src/base/name.hpp:5:", "0 passed, 1 failed")
        write(root, {"src/base/name.hpp": TIDY_HEADER, "src/base/other.cpp": TIDY_GOOD})
        yield expect("a source that nothing builds", "src/base/other.cpp:1:", "1 passed, 1 failed")


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
    tidy = list(tidy_faults())
    for what, output in (wrong for found in tidy for wrong in found):
        failed += 1
        print(f"check-tidy: {what}: not so: {output}")
    print(f"{len(FAULTS) + 1 + len(tidy) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
