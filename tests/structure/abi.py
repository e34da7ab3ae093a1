# SPDX-License-Identifier: Apache-2.0
"""The lists of bpf/abi/: each reason is in the reference, and no name gets another number."""
import re

REASONS, ABI = "bpf/abi/reasons.h", "bpf/abi"
REFERENCE, RECORD = "docs/reference.md", "bpf/pinned-numbers.txt"
BEGIN, END = "<!-- reasons: made from bpf/abi/reasons.h by scripts/update-reasons -->\n", "<!-- end of reasons -->"
REASON = re.compile(r'X\(\w+, (\w+), "(\w+)",\s*"([^"]+)"\)')
SIZES = {"MASQ_PROTOCOL_CLASSES", "MASQ_EVENT_TYPES"}  # a pinned value has an element for each of their names
ENTRY = re.compile(r"^\s*(\w+)(?:\s*=\s*(\w+))?\s*$")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|\\\n", " ", text, flags=re.S)


def reasons_table(abi):
    """The table of the reference: a row for each line of MASQ_REASONS, whatever its verdict."""
    rows = "".join(f"| `{word}` | {verdict.lower()} | {meaning} |\n" for verdict, word, meaning in REASON.findall(abi))
    return "\n| reason | verdict | meaning |\n| --- | --- | --- |\n" + rows + "\n"


def with_reasons(page, abi):
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:begin] + reasons_table(without_comments(abi)) + page[end:]


def reference_has_every_reason(root):
    page, abi = root / REFERENCE, root / REASONS
    if not abi.exists():
        return
    text = page.read_text() if page.exists() else ""
    if BEGIN not in text or END not in text:
        yield f"{REFERENCE}: the table of reasons is missing"
    elif text != with_reasons(text, abi.read_text()):
        yield f"{REFERENCE}: the reasons are not as in {REASONS}: run scripts/update-reasons"


def numbered_names(text):
    """{"MASQ_REASONS": ["0 TRANSLATED", ...], "masq_flag": ["1 MASQ_FIN_FROM_POD", ...], ...}"""
    text = without_comments(text)
    lists = {}
    for line in re.findall(r"^#define MASQ_\w+\(X\).*$", text, re.M):
        names = re.findall(r"\bX\((\w+)", line.split(")", 1)[1])
        lists[re.search(r"MASQ_\w+", line)[0]] = [f"{number} {name}" for number, name in enumerate(names)]
    for name, body in re.findall(r"^enum (masq_\w+) \{([^}]*)\}", text, re.M):
        if "#" in body:  # made from a list above
            continue
        number, entries = -1, []
        for entry in filter(None, map(ENTRY.match, body.split(","))):
            number = int(entry[2], 0) if entry[2] else number + 1
            entries.append(f"{number} {entry[1]}")
        lists[name] = entries
    return lists


def recorded_names(text):
    lists, name = {}, None
    for line in text.splitlines():
        if line.startswith(("MASQ_", "masq_")):
            name = line
            lists[name] = []
        elif name and line.strip() and not line.startswith("#"):
            lists[name].append(line.strip())
    return lists


def schema_of(text):
    found = re.search(r"MASQ_SCHEMA (\d+)", text)
    return found[1] if found else ""


def pinned_numbers_are_kept(root):
    headers, record = sorted((root / ABI).glob("*.h")), root / RECORD
    if not headers:
        return
    text, record_text = "\n".join(header.read_text() for header in headers), record.read_text() if record.exists() else ""
    now, recorded = numbered_names(text), recorded_names(record_text)
    if schema_of(text) != schema_of(record_text):
        yield f"{RECORD}: of schema {schema_of(record_text)!r}, {ABI} of {schema_of(text)!r}: write it anew"
        return
    for name in now.keys() & {"MASQ_REASONS"} - recorded.keys():
        yield f"{RECORD}: {name} is missing"
    for name, entries in recorded.items():
        found = now.get(name, [])
        moved = [entry for entry in entries if entry not in found]
        if moved:
            yield f"{ABI}: {name} no longer has “{moved[0]}”, and pinned maps do: new names go to the end, none is removed"
        for entry in [] if moved else found[len(entries) :]:
            todo = "it takes a new MASQ_SCHEMA" if name in SIZES else f"append it to {RECORD}"
            yield f"{ABI}: {name} has a new name “{entry}”: {todo}"


RULES = [reference_has_every_reason, pinned_numbers_are_kept]
