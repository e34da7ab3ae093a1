# SPDX-License-Identifier: Apache-2.0
"""What pages of docs/ say of other files is so: scenarios, options, paths."""
import pathlib
import re

LONGEST_LINE = 160
SCENARIO = re.compile(r'^scenario "([^"]+)"', re.M)
NAMED_SCENARIO = re.compile(r"\bscenario “([^”]+)”", re.I)


FOLDERS_OF_SCENARIOS = ("tests/scenarios", "tests/kubernetes/scenarios")
PAGES_OF_SCENARIOS = ("docs/behaviour.md", "docs/security.md")


def files_of_scenarios(root):
    return [path for folder in FOLDERS_OF_SCENARIOS for path in sorted((root / folder).glob("*.scenario.sh"))]


def pages_name_every_scenario(root):
    named = {}
    for page in PAGES_OF_SCENARIOS:
        text = re.sub(r"\s+", " ", (root / page).read_text()) if (root / page).exists() else ""
        named |= dict.fromkeys(NAMED_SCENARIO.findall(text), page)
    scenarios = {}
    for path in files_of_scenarios(root):
        for name in SCENARIO.findall(path.read_text()):
            if name in scenarios:
                yield f"{path.name}: scenario “{name}” is in {scenarios[name]} too"
            scenarios[name] = path.name
    for name in sorted(named - scenarios.keys()):
        yield f"{named[name]}: there is no scenario “{name}”"
    for name, file in scenarios.items():
        if name not in named:
            yield f"scenario “{name}” of {file} is named nowhere: add to docs/behaviour.md the behaviour that it shows"


# The references at a name's end: "(R14, R63)".
REFERENCES = re.compile(r" \([A-Z]\d+(?:, [A-Z]\d+)*\)$")
MOST_WORDS = 10


def names_of_scenarios_are_short(root):
    for path in files_of_scenarios(root):
        names = SCENARIO.findall(path.read_text())
        for name in names:
            if len(REFERENCES.sub("", name).split()) > MOST_WORDS:
                yield f"{path.name}: scenario “{name}” has more than {MOST_WORDS} words"
            # The runner takes the beginning of a name, too.
            if any(other != name and other.startswith(name) for other in names):
                yield f"{path.name}: scenario “{name}” is the beginning of another name"


def names_of_tests_have_one_style(root):
    for path in sorted((root / "tests").glob("*/**/*_test.cpp")):
        for name in re.findall(r"^TEST(?:_[FP])?\(\w+, (\w+)\)", path.read_text(), re.M):
            if "_" in name or not name[0].isupper():
                yield f"{path.relative_to(root).as_posix()}: {name}: the name of a test is a CamelCase sentence"


def tests_that_the_security_model_names_exist(root):
    page = root / "docs/security.md"
    tests = {
        f"{suite}.{name}"
        for path in (root / "tests").glob("*/**/*_test.cpp")
        for suite, name in re.findall(r"^TEST(?:_[FP])?\((\w+), (\w+)\)", path.read_text(), re.M)
    }
    for name in re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", page.read_text() if page.exists() else ""):
        if name not in tests:
            yield f"docs/security.md: there is no test {name}"


def lines_of_pages_are_short(root):
    for path in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > LONGEST_LINE:
                yield f"{path.relative_to(root).as_posix()}:{number}: {len(line)} characters, more than {LONGEST_LINE}"


def reference_knows_every_option(root):
    page, keys = root / "docs/reference.md", root / "src/model/options/table.cpp"
    text = page.read_text() if page.exists() else ""
    if keys.exists():
        for key in re.findall(r'^    \{\.key = "([a-z0-9-]+)"', keys.read_text(), re.M):
            if f"| `{key}` |" not in text:
                yield f"docs/reference.md: the option {key} is missing: run scripts/update-options"


# A path in backquotes: with the end of a source file, or below a folder of the repository. `*` stands for a new file.
PATH = re.compile(r"`((?:src|bpf|tests|bench|scripts|docs)/[\w./-]+|[\w./-]*\w\.(?:cpp|hpp|h|c|py|sh|md|dot))`")
NO_SOURCES = {".git", "build", "__pycache__"}


def endings(path):
    """ "src/os/fd.hpp": itself, "os/fd.hpp", "fd.hpp"."""
    return {"/".join(path.parts[first:]) for first in range(len(path.parts))}


def files_that_pages_name_exist(root):
    """Decisions name the files of their day, and are not read."""
    known = set()
    for path in root.rglob("*"):
        if not NO_SOURCES & set(path.relative_to(root).parts):
            known |= endings(pathlib.PurePath(path.relative_to(root)))
    for page in sorted([*root.glob("*.md"), *root.glob("docs/*.md")]):
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for name in PATH.findall(line):
                if name.rstrip("/") not in known:
                    yield f"{page.relative_to(root).as_posix()}:{number}: {name}: there is no such file"


RULES = [
    files_that_pages_name_exist,
    pages_name_every_scenario,
    tests_that_the_security_model_names_exist,
    names_of_scenarios_are_short,
    names_of_tests_have_one_style,
    lines_of_pages_are_short,
    reference_knows_every_option,
]
