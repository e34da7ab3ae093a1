#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check.py [ROOT]: the rules of the house that a machine can see. Prints each breach and "N passed, M failed"."""
import pathlib
import re
import sys

import abi
import chart
import findings
import fuzzers
import hard_cases
import licences
import pages
import pictures

# What a folder may include of ours; docs/architecture.md has the picture.
MAY_INCLUDE = {
    "src/base": {"base"},
    "src/model": {"base", "model"},
    "src/os": {"base", "os"},
    "src/datapath": {"base", "model", "os", "datapath", "bpf"},
    "src/kubernetes": {"base", "model", "os", "kubernetes"},
    "src/agent": {"base", "model", "os", "kubernetes", "datapath", "agent"},
    "src/cli": {"base", "model", "os", "datapath", "cli"},
    "bpf": {"bpf"},
}
# What a folder of the agent may include of the agent. The files beside the folders put them together, and may include all.
AGENT_MAY_INCLUDE = {
    "sources": ("sources/",),
    "lifecycle": ("lifecycle/",),
    "export": ("export/",),
    "serve": ("serve/", "sources/", "export/", "reconciler.hpp", "datapath_choice.hpp"),
}
# The folders of bpf/: each may include itself and those before it.
LAYERS = ["abi", "hook", "packet", "policy", "nat", "steps"]
# The kernel's type of a packet's context, and the helpers that take it.
CONTEXT = re.compile(
    r"\b(\w*sk_buff|\w*skb\w*|TC_ACT_\w+|bpf_(?:l3|l4)_csum_replace|bpf_csum_update|bpf_clone_redirect|bpf_redirect\w*"
    r"|(?:bpf_fib_lookup|bpf_skc?_lookup_\w+)(?=\())"
)
FAMILY_NAMES = {"bpf/packet/names.h", "bpf/packet/family.h"}
OURS = {"base", "model", "os", "kubernetes", "datapath", "agent", "cli", "bpf", "tests", "bench"}
# base and model have no effects: nothing there can open, wait or ask.
EFFECTS = re.compile(r"<(fstream|iostream|filesystem|thread|cstdio|unistd\.h|fcntl\.h|sys/.*|linux/.*|net/.*)>")
SOURCES = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".cmake"}
SKIPPED = {".git", "build", "__pycache__"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<][^">]+[">])', re.M)
BPF_LICENCE = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
LICENCE = "SPDX-License-Identifier: Apache-2.0"


def files(root):
    for path in sorted(root.rglob("*")):
        if path.is_file() and not SKIPPED & set(path.relative_to(root).parts):
            yield path, path.relative_to(root).as_posix()


def is_source(path):
    if path.suffix in SOURCES or path.name == "CMakeLists.txt":
        return True
    with path.open("rb") as file:
        return path.suffix == "" and file.read(2) == b"#!"


def folder_of(name):
    return next((folder for folder in MAY_INCLUDE if name.startswith(folder + "/")), None)


def includes_go_down_only(root):
    for path, name in files(root):
        folder = folder_of(name)
        if not folder or path.suffix not in {".c", ".h", ".cpp", ".hpp"}:
            continue
        text = path.read_text()
        for target in INCLUDE.findall(text):
            first = target[1:].split("/")[0]
            quoted_ours = target[0] == '"' and "/" in target and first in OURS
            if quoted_ours and first not in MAY_INCLUDE[folder]:
                yield f"{name}: {folder} may not include {target}"
            if folder in {"src/base", "src/model"} and EFFECTS.match(target):
                yield f"{name}: {folder} has no effects, and may not include {target}"
            if folder != "bpf" and quoted_ours and first == "bpf" and not target.startswith('"bpf/abi/'):
                yield f"{name}: of bpf/ only its contract may be included (bpf/abi/), not {target}"


def folders_of_the_agent_are_apart(root):
    for path, name in files(root):
        folder = name.removeprefix("src/agent/").split("/")[0]
        if not name.startswith("src/agent/") or folder not in AGENT_MAY_INCLUDE or path.suffix not in {".cpp", ".hpp"}:
            continue
        for target in INCLUDE.findall(path.read_text()):
            place = target.strip('"').removeprefix("agent/")
            if target.startswith('"agent/') and not place.startswith(AGENT_MAY_INCLUDE[folder]):
                yield f"{name}: agent/{folder} may not include {target}"


# The implementations of a datapath, which do not know each other. netfilter/ has what nftables and iptables share.
IMPLEMENTATIONS = {"bpf", "nftables", "iptables"}
MAKER = "src/datapath/backends.cpp"


def only_the_maker_includes_an_implementation(root):
    for path, name in files(root):
        if not name.startswith("src/") or name == MAKER or path.suffix not in {".cpp", ".hpp"}:
            continue
        for target in INCLUDE.findall(path.read_text()):
            if found := re.match(r'"datapath/(\w+)/', target):
                if found[1] in IMPLEMENTATIONS and not name.startswith(f"src/datapath/{found[1]}/"):
                    yield f"{name}: only {MAKER} may include {target}"


def datapath_files(root):
    """(path below bpf/, text, name) of the programs."""
    for path, name in files(root):
        if name.startswith("bpf/") and path.suffix in {".c", ".h"}:
            yield pathlib.PurePath(name).relative_to("bpf"), path.read_text(), name


def includes_of_the_datapath_go_down_only(root):
    for place, text, name in datapath_files(root):
        if len(place.parts) == 1 and place.suffix == ".c":  # the engine and the programs may include all
            continue
        if place.parts[0] not in LAYERS:
            yield f"{name}: headers stand in one of {', '.join(LAYERS)}"
            continue
        allowed = LAYERS[: LAYERS.index(place.parts[0]) + 1]
        for target in INCLUDE.findall(text):
            if target.startswith('"bpf/') and target.split("/")[1] not in allowed:
                yield f"{name}: bpf/{place.parts[0]} may not include {target}"


def only_the_hook_names_the_context(root):
    for place, text, name in datapath_files(root):
        if place.parts[0] != "hook":
            for number, line in enumerate(text.splitlines(), 1):
                if found := CONTEXT.search(line):
                    yield f"{name}:{number}: {found[0]}: use a function of bpf/hook/"


def names_of_a_family_are_in_one_place(root):
    """Else no search finds where a function is defined."""
    for _, text, name in datapath_files(root):
        if name not in FAMILY_NAMES and re.search(r"\bFN\(", text):
            yield f"{name}: FN() hides a name: define the plain name in bpf/packet/names.h"


def sources_carry_their_licence(root):
    for path, name in files(root):
        if not is_source(path):
            continue
        head = "\n".join(path.read_text().splitlines()[:3])
        if name.startswith("bpf/") and path.suffix in {".c", ".h"}:
            if BPF_LICENCE not in head:
                yield f"{name}: no line '{BPF_LICENCE}'"
        elif LICENCE not in head and BPF_LICENCE not in head and path.name != "CMakeLists.txt":
            yield f"{name}: no line '{LICENCE}'"


def programs_do_not_print(root):
    for path, name in files(root):
        if name.startswith("bpf/") and re.search(r"\b(bpf_printk|bpf_trace_printk|bpf_trace_vprintk)\b", path.read_text()):
            yield f"{name}: a program that ships does not print"


def time_is_the_boot_clock(root):
    """The agent and what it shows count in it too, and it goes on while the machine sleeps."""
    for path, name in files(root):
        if name.startswith("bpf/") and re.search(r"\b(bpf_ktime_get_(?!boot_ns\b)\w+|bpf_jiffies64)\b", path.read_text()):
            yield f"{name}: another clock than the boot clock"


def production_has_no_test_switch(root):
    for path, name in files(root):
        if not name.startswith(("src/", "bpf/")) or path.suffix not in {".c", ".h", ".cpp", ".hpp"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\b(FRIEND_TEST|UNIT_TEST|MASQ_TESTING|if \(testing\))", line):
                yield f"{name}:{number}: a test switch in what ships: {line.strip()}"


def errors_are_passed_on_by_try(root):
    for path, name in files(root):
        if not name.startswith("src/") or name == "src/base/result.hpp" or path.suffix not in {".cpp", ".hpp"}:
            continue
        text = path.read_text()
        for found in re.finditer(r"return\s+std::unexpected\((\w+)\.error\(\)\)", text):
            yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: write TRY or TRY_DO (base/result.hpp) for the error of {found[1]}"


def fmt_is_included_where_it_is_used(root):
    """misc-include-cleaner cannot tell which header of fmt to include: they change places with its versions."""
    for path, name in files(root):
        if path.suffix in {".cpp", ".hpp"}:
            text = path.read_text()
            if re.search(r"\bfmt::", text) and not re.search(r"^#include <fmt/", text, re.M):
                yield f"{name}: uses fmt:: and includes no <fmt/...>"


def links_lead_somewhere(root):
    for path, name in files(root):
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in target and not (path.parent / target).exists():
                yield f"{name}: the link to {target} leads nowhere"


# What has braces and semicolons that are not code: comments, strings, characters, preprocessor lines.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#(?:\\\n|[^\n])*', re.S | re.M
)
NAMESPACE = re.compile(r"\b(?:inline\s+)?namespace\s*([\w:]*)\s*$")
# A specialisation (hash<Address>) and a variable of a struct's type are no definitions.
TYPE = re.compile(r"\b(?:struct|class|union|enum(?:\s+(?:class|struct))?)\s+(\w+)(?:\s+final)?\s*(?::(?!:)[^;{}]*)?$")
ALIAS = re.compile(r"\busing\s+(\w+)\s*=")


def types_of_namespaces(text):
    """(namespace, name, line) of each type defined directly in a named namespace."""
    text = NOT_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)
    scopes, head = [], 0  # of each open brace: the name of its namespace, "" without a name, None of all else
    for brace in re.finditer(r"[{};]", text):
        before = text[head : brace.start()]
        is_named = all(scopes)
        line = text.count("\n", 0, brace.start()) + 1
        if brace[0] == "{" and (namespace := NAMESPACE.search(before)):
            scopes.append(namespace[1])
        elif brace[0] == "{":
            if is_named and (definition := TYPE.search(before)):
                yield "::".join(scopes), definition[1], line
            scopes.append(None)
        elif brace[0] == "}" and scopes:
            scopes.pop()
        elif is_named and (definition := ALIAS.search(before)):
            yield "::".join(scopes), definition[1], line
        head = brace.end()


def a_type_has_one_definition(root):
    """The linker keeps one of two destructors with one name, for both types."""
    first = {}
    for path, name in files(root):
        if path.suffix not in {".hpp", ".cpp"}:
            continue
        for namespace, type_name, line in types_of_namespaces(path.read_text()):
            place = first.setdefault((namespace, type_name), name)
            if place != name:
                yield f"{name}:{line}: {namespace}::{type_name} is defined in {place} too"


# The namespace of a folder's files, the longest folder that fits; a file may open a namespace inside it
# (masq::values). tests/unit/ has the folders of src/.
NAMESPACES = {
    "src": "masq",
    "src/os": "masq::os",
    "src/kubernetes": "masq::kubernetes",
    "src/datapath/bpf": "masq::bpf",
    "src/datapath/netfilter": "masq::netfilter",
    "src/datapath/nftables": "masq::nftables",
    "src/datapath/iptables": "masq::iptables",
    "src/agent": "masq::agent",
    "src/cli": "masq::cli",
    "tests/packet": "masq::bpf::test",
    "tests/fuzz/packets": "masq::bpf::fuzz",
    "tests/fuzz/parsers": "masq::fuzz",
    "bench/packet": "masq::bpf::bench",
}
MAIN = re.compile(r"^int main\(", re.M)


def namespace_of(name):
    place = name.replace("tests/unit/", "src/", 1)
    folder = max((folder for folder in NAMESPACES if place.startswith(folder + "/")), key=len, default=None)
    return NAMESPACES.get(folder)


def is_inside(namespace, outer):
    return namespace == outer or namespace.startswith(outer + "::")


def outer_namespaces(code):
    depth, head = 0, 0
    for brace in re.finditer(r"[{};]", code):
        if brace[0] == "{" and depth == 0 and (namespace := NAMESPACE.search(code[head : brace.start()])):
            yield namespace[1]
        depth += {"{": 1, "}": -1, ";": 0}[brace[0]]
        head = brace.end()


def a_folder_has_one_namespace(root):
    for path, name in files(root):
        own = namespace_of(name)
        if not own or path.suffix not in {".cpp", ".hpp"}:
            continue
        code = NOT_CODE.sub("", path.read_text())
        opened = [namespace for namespace in outer_namespaces(code) if namespace]
        if not opened and code.strip() and not MAIN.search(code):
            yield f"{name}: does not open the namespace {own}"
        for namespace in opened:
            is_of_other = any(is_inside(namespace, other) and not is_inside(own, other) for other in NAMESPACES.values())
            if not is_inside(namespace, own) or is_of_other:
                yield f"{name}: opens the namespace {namespace}, not {own}"


RULES = [
    includes_go_down_only,
    folders_of_the_agent_are_apart,
    only_the_maker_includes_an_implementation,
    includes_of_the_datapath_go_down_only,
    only_the_hook_names_the_context,
    names_of_a_family_are_in_one_place,
    sources_carry_their_licence,
    programs_do_not_print,
    production_has_no_test_switch,
    time_is_the_boot_clock,
    a_type_has_one_definition,
    a_folder_has_one_namespace,
    errors_are_passed_on_by_try,
    fmt_is_included_where_it_is_used,
    links_lead_somewhere,
    *abi.RULES,
    *chart.RULES,
    *findings.RULES,
    *fuzzers.RULES,
    *hard_cases.RULES,
    *licences.RULES,
    *pages.RULES,
    *pictures.RULES,
]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    failed = 0
    for rule in RULES:
        breaches = list(rule(root))
        failed += bool(breaches)
        for breach in breaches:
            print(f"{rule.__name__}: {breach}")
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
