#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""licences_test.py: licences.py notices a library that was added to a program. Prints "N passed, M failed"."""
import pathlib
import subprocess
import sys
import tempfile

import licences

# name, the libraries beside libc, breaches
CASES = [
    ("libc alone", "", ""),
    ("a shared library without a licence", "outside/libplanted.so", "libplanted is not in LIBRARIES"),
    ("a static library without a licence", "outside/libhidden.a", "libhidden is not in LIBRARIES"),
    ("a static library found by the linker", "-Loutside -lhidden", "libhidden is not in LIBRARIES"),
    ("a shared library under the LGPL", "outside/libmnl.so", ""),
    ("a static library under the LGPL", "outside/libyaml-cpp.a outside/libmnl.a", "libmnl has the licence LGPL-2.1-or-later, and"),
    ("a library of a library", "outside/libfmt.so", "libplanted is not in LIBRARIES"),
    ("the program's own archive", "build/libown.a", ""),
    ("all that can be static", "-static-libstdc++", "-static-libstdc++ is not in LIBRARIES"),
]


def compile_libraries(root):
    def run(*words):
        subprocess.run(words, check=True, cwd=root)

    (root / "one.c").write_text("int one(void) { return 1; }\n", encoding="utf-8")
    (root / "main.c").write_text("int one(void); int main(void) { return one(); }\n", encoding="utf-8")
    for folder in ("outside", "build"):
        (root / folder).mkdir()
    run("cc", "-c", "one.c", "-o", "one.o", "-fPIC")
    for name in ("outside/libhidden.a", "outside/libmnl.a", "outside/libyaml-cpp.a", "build/libown.a"):
        run("ar", "rc", name, "one.o")
    for name, more in {"libplanted": [], "libmnl": [], "libfmt": ["-Wl,--no-as-needed", "outside/libplanted.so"]}.items():
        run("cc", "-shared", "one.o", *more, "-o", f"outside/{name}.so", f"-Wl,-soname,{name}.so.1")
        (root / f"outside/{name}.so.1").symlink_to(f"{name}.so")


def found(root, libraries):
    program = root / "build/program"
    own = "" if libraries else "one.o"
    link = f"cc main.c {own} -o build/program -Wl,-rpath,{root}/outside {libraries} "
    subprocess.run(link, shell=True, check=True, cwd=root)
    # As ninja writes it: the paths are relative to the folder of the build.
    words = [str(root / word) if word.startswith(("outside/", "build/lib")) else word for word in link.split()]
    return list(licences.breaches(program, " ".join(words), root / "build"))


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        compile_libraries(root)
        for name, libraries, expected in CASES:
            if libraries.startswith("-static"):
                libraries += " one.o"
            breaches = found(root, libraries)
            is_right = len(breaches) == 1 and expected in breaches[0] if expected else not breaches
            if not is_right:
                failed += 1
                print(f"{name}: {breaches}")
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
