# SPDX-License-Identifier: Apache-2.0
"""The ids of docs/hard-cases.md, such as R5 and U3: each that is used is explained, and each list of tests is complete."""
import re

PAGE = "docs/hard-cases.md"
READ = ("tests", "src", "bpf", "docs")
SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".md", ""}
OWN_TESTS = "tests/structure"  # its samples name ids that do not exist
# Not after a colon, a dash or a word: addresses (2001:D12::), RFC requirements (REQ-5, RFC-R5) and hexadecimal numbers.
ID = re.compile(r"(?<![\w:-])[RUD][0-9]{1,3}\b(?!:[0-9A-Fa-f:])")
ENTRY = re.compile(r"^- \*\*(\w+)\*\* .*\n(?:  Tests: .*\n)?", re.M)


def uses(root):
    """The files that name each id: {"R5": ["tests/packet/race_test.cpp", ...], ...}."""
    found = {}
    for folder in READ:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if not path.is_file() or path.suffix not in SUFFIXES or name == PAGE or name.startswith(OWN_TESTS):
                continue
            if "__pycache__" in path.parts:
                continue
            for case in set(ID.findall(path.read_text())):
                found.setdefault(case, []).append(name)
    return found


def tests_line(names):
    tests = [f"`{name.rsplit('/', 1)[1]}`" for name in names if name.startswith("tests/")]
    return f"  Tests: {', '.join(tests)}.\n" if tests else ""


def with_tests(text, found):
    """The page with the list of tests below each entry."""
    return ENTRY.sub(lambda entry: entry[0].split("\n")[0] + "\n" + tests_line(found.get(entry[1], [])), text)


def hard_cases_are_explained(root):
    page = root / PAGE
    text = page.read_text() if page.exists() else ""
    found = uses(root)
    explained = [entry[1] for entry in ENTRY.finditer(text)]
    for case in sorted(found.keys() - set(explained)):
        yield f"{PAGE}: {case} is missing, which {found[case][0]} names"
    for case in explained:
        if not tests_line(found.get(case, [])):
            yield f"{PAGE}: no test names {case}"
        if explained.count(case) > 1:
            yield f"{PAGE}: {case} is explained twice"
    if explained != sorted(explained, key=lambda case: (case[0], int(case[1:]))):
        yield f"{PAGE}: the ids are not in order"
    if text != with_tests(text, found):
        yield f"{PAGE}: the lists of tests are out of date: run scripts/update-hard-cases"


RULES = [hard_cases_are_explained]
