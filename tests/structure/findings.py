# SPDX-License-Identifier: Apache-2.0
"""The problems and notes of src/model/finding.cpp: each is in the reference, and a test provokes it."""
import re

LIST, REFERENCE = "src/model/finding.cpp", "docs/reference.md"
BEGIN, END = "<!-- findings: made from src/model/finding.cpp by scripts/update-findings -->\n", "<!-- end of findings -->"
ROW = re.compile(r"\{(\w+), (problem|note),\s*\"(\w+)\",((?:\s*\"[^\"]*\")+),((?:\s*\"[^\"]*\")+)\}")


def joined(literals):
    return "".join(re.findall(r'"([^"]*)"', literals))


def rows(text):
    """(kind, severity, word, meaning, remedy) of each row."""
    return [(kind, severity, word, joined(meaning), joined(remedy)) for kind, severity, word, meaning, remedy in ROW.findall(text)]


def findings_table(text):
    lines = "".join(f"| `{word}` | {severity} | {meaning} | {remedy} |\n" for _, severity, word, meaning, remedy in rows(text))
    return "\n| word | kind | meaning | what mends it |\n| --- | --- | --- | --- |\n" + lines + "\n"


def with_findings(page, text):
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:begin] + findings_table(text) + page[end:]


def reference_has_every_finding(root):
    source, page = root / LIST, root / REFERENCE
    if not source.exists():
        return
    text = page.read_text() if page.exists() else ""
    if BEGIN not in text or END not in text:
        yield f"{REFERENCE}: the table of problems and notes is missing"
    elif text != with_findings(text, source.read_text()):
        yield f"{REFERENCE}: the problems and notes are not as in {LIST}: run scripts/update-findings"


def tests_provoke_every_finding(root):
    source = root / LIST
    if not source.exists():
        return
    files = [*(root / "tests").rglob("*_test.cpp"), *(root / "tests").rglob("*.scenario.sh")]
    tests = "".join(path.read_text() for path in sorted(files))
    for kind, *_ in rows(source.read_text()):
        if not re.search(rf"FindingKind::{kind}\b|# provokes {kind}\b", tests):
            yield f"{LIST}: no test provokes {kind}: FindingKind::{kind} in a unit test, or '# provokes {kind}' in a scenario"


RULES = (reference_has_every_finding, tests_provoke_every_finding)
