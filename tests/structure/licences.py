#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""licences.py BUILD: each library in masqd and masq, which have the licence Apache-2.0, has a licence that allows it.
Prints each breach and "N passed, M failed"."""
import pathlib
import re
import shlex
import subprocess
import sys

# A library is its name before ".so" or ".a". Libraries that only have headers are in HEADERS.
LIBRARIES = {
    "ld-linux-aarch64": "LGPL-2.1-or-later",
    "ld-linux-x86-64": "LGPL-2.1-or-later",
    "libbpf": "LGPL-2.1-only OR BSD-2-Clause",
    "libbrotlicommon": "MIT",
    "libbrotlidec": "MIT",
    "libc": "LGPL-2.1-or-later",
    "libcap": "BSD-3-Clause OR GPL-2.0-only",
    "libcom_err": "MIT",
    "libcrypto": "Apache-2.0",
    "libcurl": "curl",
    "libelf": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libffi": "MIT",
    "libfmt": "MIT",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgmp": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libgssapi_krb5": "MIT",
    "libhogweed": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libidn2": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libk5crypto": "MIT",
    "libkeyutils": "LGPL-2.1-or-later",
    "libkrb5": "MIT",
    "libkrb5support": "MIT",
    "liblber": "OLDAP-2.8",
    "liblber-2.5": "OLDAP-2.8",
    "libldap": "OLDAP-2.8",
    "libldap-2.5": "OLDAP-2.8",
    "libm": "LGPL-2.1-or-later",
    "libmnl": "LGPL-2.1-or-later",
    "libnettle": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libnghttp2": "MIT",
    "libnghttp3": "MIT",
    "libngtcp2": "MIT",
    "libngtcp2_crypto_gnutls": "MIT",
    "libngtcp2_crypto_ossl": "MIT",
    "libp11-kit": "BSD-3-Clause",
    "libprometheus-cpp-core": "MIT",
    "libpsl": "MIT",
    "libresolv": "LGPL-2.1-or-later",
    "librtmp": "LGPL-2.1-or-later",
    "libsasl2": "BSD-4-Clause-UC",
    "libseccomp": "LGPL-2.1-only",
    "libspdlog": "MIT",
    "libssh2": "BSD-3-Clause",
    "libssl": "Apache-2.0",
    "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libtasn1": "LGPL-2.1-or-later",
    "libunistring": "GPL-2.0-or-later OR LGPL-3.0-or-later",
    "libyaml-cpp": "MIT",
    "libz": "Zlib",
    "libzstd": "BSD-3-Clause OR GPL-2.0-only",
}
# The first folder of an include that is no header of the compiler, of libc or of the kernel.
HEADERS = {
    "CLI": "BSD-3-Clause",
    "bpf": "LGPL-2.1-only OR BSD-2-Clause",
    "curl": "curl",
    "fmt": "MIT",
    "libmnl": "LGPL-2.1-or-later",
    "nlohmann": "MIT",
    "prometheus": "MIT",
    "spdlog": "MIT",
    "yaml-cpp": "MIT",
}
SYSTEM_HEADERS = {"arpa", "asm", "linux", "net", "netinet", "sys"}
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause-UC", "MIT", "OLDAP-2.8", "Zlib", "curl",
              "GPL-3.0-or-later WITH GCC-exception-3.1"}
# The user must be able to replace the library: not in a static one.
REPLACEABLE = {"LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-or-later"}

PROGRAMS = ("masqd", "masq")
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^/>]+)/[^>]*>", re.M)


def is_allowed(licence, allowed):
    return any(alternative in allowed for alternative in licence.split(" OR "))


def objection(file, is_static):
    """The reason why an Apache-2.0 program may not have this library, or None."""
    name = re.sub(r"\.(so|a)(\..*)?$", "", pathlib.PurePath(file).name)
    licence = LIBRARIES.get(name)
    if licence is None:
        return f"{name} is not in LIBRARIES of tests/structure/licences.py: add it with its licence"
    if not is_allowed(licence, PERMISSIVE if is_static else PERMISSIVE | REPLACEABLE):
        return f"{name} has the licence {licence}{', and is linked statically' if is_static else ''}"
    return None


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def shared_libraries(program):
    """Those that the program names, and those that these name in turn."""
    named = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", program))
    loaded = re.findall(r"^\t(\S+)", output("ldd", program), re.M)
    return {pathlib.PurePath(name).name for name in named + loaded if not name.startswith("linux-vdso")}


def static_libraries(link, build):
    """The archives of a link command, but those of the build; and what it may take from others."""
    words = shlex.split(link)
    for word in words:
        if word.startswith("-static") or "-Bstatic" in word:
            yield f"{word}.a"
        elif word.startswith("-l"):
            file = output(words_compiler(words), f"-print-file-name=lib{word[2:]}.so").strip()
            if "/" not in file:
                yield f"lib{word[2:]}.a"
        elif re.search(r"\.a$", word) and not (build / word).resolve().is_relative_to(build.resolve()):
            yield word


def words_compiler(words):
    return next(word for word in words if re.search(r"(^|/)(c\+\+|g\+\+|cc|gcc|clang(\+\+)?)(-\d+)?$", word))


def breaches(program, link, build):
    for library in sorted(shared_libraries(program)):
        if reason := objection(library, False):
            yield f"{program.name}: {reason}"
    for library in static_libraries(link, build):
        if reason := objection(library, True):
            yield f"{program.name}: {reason}"


def link_command(program, build):
    return output("ninja", "-C", str(build), "-t", "commands", "-s", f"bin/{program}").splitlines()[-1]


def headers_of_libraries_have_a_licence(root):
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in {".cpp", ".hpp"}:
            continue
        for folder in SYSTEM_INCLUDE.findall(path.read_text()):
            licence = HEADERS.get(folder, "")
            if folder not in SYSTEM_HEADERS and not is_allowed(licence, PERMISSIVE | REPLACEABLE):
                yield f"{path.relative_to(root)}: <{folder}/...> is not in HEADERS of tests/structure/licences.py"


RULES = (headers_of_libraries_have_a_licence,)


def main():
    build = pathlib.Path(sys.argv[1])
    failed = 0
    for program in PROGRAMS:
        found = list(breaches(build / "bin" / program, link_command(program, build), build))
        failed += bool(found)
        for breach in found:
            print(breach)
    print(f"{len(PROGRAMS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
