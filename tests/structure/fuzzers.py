# SPDX-License-Identifier: Apache-2.0
"""Every parser has a fuzz target."""
import re

# A declaration at the begin of a line, or of a class's line.
PARSER = re.compile(r"^ *(?:static )?[\w:<>, ]+ ((?:parse|append|decode)_\w+|\w+_from_json|parse)\(", re.M)
CLASS = re.compile(r"^(?:class|struct) (\w+)", re.M)
# Without a target, and why.
EXEMPT = {
    "parse_question": "two addresses, which fuzz_values() has; its file needs the agent",
    "parse_event_types": "a list of fixed words; its file needs the agent",
    "decode_findings": "what another process of masqd has encoded; its file needs the event loop",
    "parse_request": "the command line of masq: CLI11 and tables of words; its values are in fuzz_values()",
}


def parsers(text):
    """`parse_cidr`, or `Cidr::parse` for a function of a class."""
    for found in PARSER.finditer(text):
        owner = [one[1] for one in CLASS.finditer(text[: found.start()])] if found[0].startswith(" ") else []
        yield f"{owner[-1]}::{found[1]}" if owner and found[1] == "parse" else found[1]


def every_parser_has_a_fuzz_target(root):
    targets = "\n".join(path.read_text() for path in sorted((root / "tests/fuzz/parsers").glob("*.cpp")))
    called = set(re.findall(r"\b((?:\w+::)?\w+)[(<>]", targets)) | set(re.findall(r"there_and_back<(\w+)>", targets))
    called |= {name.split("::")[-1] for name in called} - {"parse"}
    for path in sorted((root / "src").rglob("*.hpp")):
        for name in parsers(path.read_text()):
            if not {name, name.removesuffix("::parse")} & called and name not in EXEMPT:
                yield f"{path.relative_to(root).as_posix()}: {name}() has no fuzz target: see docs/changing.md"


def every_fuzz_target_has_a_corpus(root):
    header = root / "tests/fuzz/parsers/target.hpp"
    if not header.exists():
        return
    for name in re.findall(r"^  X\((\w+), \d+\)", header.read_text(), re.M):
        if not any((root / "tests/fuzz/corpus" / name).glob("*")):
            yield f"tests/fuzz/corpus/{name}: the fuzz target has no first inputs"


RULES = [every_parser_has_a_fuzz_target, every_fuzz_target_has_a_corpus]
