#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule of check.py can fail: one bad sample for each. Closes with "N passed, M failed"."""
import pathlib
import sys
import tempfile

import abi
import chart
import check
import fuzzers
import hard_cases
import licences
import pages
import pictures

APACHE = "// SPDX-License-Identifier: Apache-2.0\n"
BPF = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n"

ABI = BPF + """#define MASQ_SCHEMA 2
#define MASQ_REASONS(X)                   \\
	X(SENT, PASS, "sent", "a packet") \\
	X(HELD, HOLD, "held", "a fragment") \\
	X(LOST, DROP, "lost", "no port")

#define MASQ_PROTOCOL_CLASSES(X) X(TCP, "tcp") X(OTHER, "other")
enum masq_flag {
	MASQ_FIN = 1, /* of the pod */
	MASQ_RESET = 4,
};
"""
PINNED = """# a comment
MASQ_SCHEMA 2

MASQ_REASONS
0 SENT
1 HELD
2 LOST

MASQ_PROTOCOL_CLASSES
0 TCP
1 OTHER

masq_flag
1 MASQ_FIN
4 MASQ_RESET
"""
REFERENCE = "# Reference\n" + abi.BEGIN + abi.reasons_table(ABI) + abi.END + "\n"
NEW = '	X(NEW, DROP, "new", "a new reason") \\\n'
RENUMBERED = [
    ABI.replace("	X(HELD", NEW + "	X(HELD"),  # inserted
    ABI.replace('	X(SENT, PASS, "sent", "a packet") \\\n', ""),  # removed
    ABI.replace("X(SENT", "X(swap").replace("X(HELD", "X(SENT").replace("X(swap", "X(HELD"),  # reordered
    ABI.replace('"no port")', '"no port") \\\n' + NEW[:-3]),  # appended, but not recorded
    ABI.replace('X(OTHER, "other")', 'X(OTHER, "other") X(SCTP, "sctp")'),
    ABI.replace("MASQ_RESET = 4", "MASQ_RESET = 2"),
    ABI.replace("MASQ_SCHEMA 2", "MASQ_SCHEMA 3"),
]
UNKNOWN_REASONS = [
    ABI.replace("	X(LOST", '	X(KEPT, HOLD, "kept", "a copy") \\\n	X(LOST'),
    ABI.replace("HOLD", "DROP"),
    ABI.replace("a fragment", "a part"),
]

PICTURE = "digraph d { a -> b }\n"
SVG = '<svg width="600pt" height="9pt">\n</svg>\n'
DRAWN = pictures.digest_line("d.dot", PICTURE) + "\n" + SVG
OLD_PICTURES = [
    ("d.dot", PICTURE.replace("b", "c")),  # the text has changed since
    ("d.svg", SVG),  # drawn by hand
    ("d.svg", DRAWN.replace("600", "1600")),
    ("e.dot", PICTURE),  # without a picture
    ("e.svg", DRAWN),  # without a text
]

CHART_VALUES = "image:\n  # -- The tag\n  tag: new\n"
CHART_README = "# Chart\n" + chart.BEGIN + chart.values_table(CHART_VALUES) + chart.END + "\n"
PROJECT = "project(masq VERSION 1.2.3 LANGUAGES C)\n"
OPTION_ROW = APACHE + 'namespace masq {\n{.key = "devices"},\n}\n'

# What a sample is wrong beside.
BESIDE = {
    chart.the_readme_of_the_chart_is_of_its_values: {chart.VALUES: CHART_VALUES},
    chart.the_chart_has_the_products_version: {"CMakeLists.txt": PROJECT},
    chart.the_manifest_has_options_of_masqd: {"src/model/options/table.cpp": OPTION_ROW},
    pictures.pictures_are_of_their_texts: {"docs/pictures/d.dot": PICTURE, "docs/pictures/d.svg": DRAWN},
    abi.pinned_numbers_are_kept: {"bpf/abi/reasons.h": ABI, "bpf/pinned-numbers.txt": PINNED},
    abi.reference_has_every_reason: {"bpf/abi/reasons.h": ABI, "docs/reference.md": REFERENCE},
    check.a_type_has_one_definition: {"src/base/a.hpp": APACHE + "namespace masq { struct Line { int x; }; }\n"},
}
TWICE = [
    APACHE + "namespace masq {\n// }\nclass Line {\n  int x_;\n};\n}\n",
    APACHE + "namespace masq {\nenum class Line : std::uint8_t { one };\n}\n",
    APACHE + "namespace masq {\nstruct Line final : Base<int> {};\n}\n",
    APACHE + "namespace masq {\nchar brace = '{';\nconst char* open = \"{\";\nusing Line = int;\n}\n",
]
# No second definition: of another namespace, of a function or a type, a specialisation, a declaration.
OTHERS = """
namespace masq {
class Line;
namespace { struct Line {}; }
namespace test { struct Line {}; }
struct Outer { struct Line {}; };
struct Line make(struct Line line) { struct Line {} inner; return line; }
}
template <> struct std::hash<masq::Line> {};
"""

SAMPLES = [
    (chart.the_chart_describes_every_value, chart.VALUES, CHART_VALUES + "  digest: none\n"),
    (chart.the_readme_of_the_chart_is_of_its_values, chart.README, CHART_README.replace("new", "old")),
    (chart.the_readme_of_the_chart_is_of_its_values, chart.README, "# Chart\n"),
    (chart.the_chart_has_the_products_version, f"{chart.CHART}/Chart.yaml", 'appVersion: "1.2.2"\n'),
    (chart.the_chart_has_the_products_version, chart.MANIFEST, "image: localhost/masq:1.2.4\n"),
    (chart.the_manifest_has_options_of_masqd, chart.MANIFEST, "args:\n  - --device=eth0\n"),
    (chart.alerts_and_dashboard_have_metrics_of_masqd, chart.USES_METRICS[0], "expr: masq_problems > 0\n"),
    (check.includes_go_down_only, "src/model/a.cpp", APACHE + '#include "os/fd.hpp"\n'),
    (check.includes_go_down_only, "src/base/a.hpp", APACHE + '#include "model/config.hpp"\n'),
    (check.includes_go_down_only, "src/os/a.cpp", APACHE + '#include "model/config.hpp"\n'),
    (check.includes_go_down_only, "src/cli/a.cpp", APACHE + '#include "agent/agent.hpp"\n'),
    (check.includes_go_down_only, "src/model/a.cpp", APACHE + "#include <fstream>\n"),
    (check.includes_go_down_only, "src/datapath/a.cpp", APACHE + '#include "bpf/engine.c"\n'),
    (check.folders_of_the_agent_are_apart, "src/agent/sources/a.hpp", APACHE + '#include "agent/reconciler.hpp"\n'),
    (check.folders_of_the_agent_are_apart, "src/agent/lifecycle/a.cpp", APACHE + '#include "agent/sources/source.hpp"\n'),
    (check.folders_of_the_agent_are_apart, "src/agent/serve/a.cpp", APACHE + '#include "agent/agent.hpp"\n'),
    (check.only_the_maker_includes_an_implementation, "src/cli/a.cpp", APACHE + '#include "datapath/bpf/events.hpp"\n'),
    (check.only_the_maker_includes_an_implementation, "src/datapath/iptables/a.cpp", APACHE + '#include "datapath/nftables/nft.hpp"\n'),
    (check.only_the_maker_includes_an_implementation, "src/datapath/netfilter/a.cpp", APACHE + '#include "datapath/iptables/a.hpp"\n'),
    (check.includes_of_the_datapath_go_down_only, "bpf/policy/a.h", BPF + '#include "bpf/nat/index.h"\n'),
    (check.includes_of_the_datapath_go_down_only, "bpf/abi/a.h", BPF + '#include "bpf/hook/tc.h"\n'),
    (check.includes_of_the_datapath_go_down_only, "bpf/nat/a.h", BPF + '#include "bpf/engine.c"\n'),
    (check.includes_of_the_datapath_go_down_only, "bpf/a.h", BPF),
    (check.only_the_hook_names_the_context, "bpf/steps/a.h", BPF + "int f(struct __sk_buff *ctx);\n"),
    (check.only_the_hook_names_the_context, "bpf/packet/a.h", BPF + "bpf_skb_load_bytes(ctx, 0, to, 1);\n"),
    (check.only_the_hook_names_the_context, "bpf/engine.c", BPF + "return TC_ACT_SHOT;\n"),
    (check.only_the_hook_names_the_context, "bpf/nat/a.h", BPF + "bpf_fib_lookup(ctx, &fib, 0, 0);\n"),
    (check.names_of_a_family_are_in_one_place, "bpf/nat/a.h", BPF + "int FN(mapping_open)(void);\n"),
    (check.sources_carry_their_licence, "src/base/a.hpp", "#pragma once\n"),
    (check.sources_carry_their_licence, "bpf/nat/a.h", APACHE),
    (check.sources_carry_their_licence, "scripts/a", "#!/bin/sh\n"),
    (check.programs_do_not_print, "bpf/a.c", BPF + 'bpf_printk("here");\n'),
    (check.time_is_the_boot_clock, "bpf/nat/a.h", BPF + "now = bpf_ktime_get_ns();\n"),
    (check.production_has_no_test_switch, "src/agent/a.cpp", APACHE + "if (testing) return;\n"),
    *[(check.a_type_has_one_definition, "src/os/b.hpp", text) for text in TWICE],
    (check.a_folder_has_one_namespace, "src/os/a.hpp", APACHE + "namespace masq {\n}\n"),
    (check.a_folder_has_one_namespace, "src/datapath/a.hpp", APACHE + "namespace masq::bpf {\n}\n"),
    (check.a_folder_has_one_namespace, "src/datapath/bpf/a.hpp", APACHE + "namespace masq::nftables {\n}\n"),
    (check.a_folder_has_one_namespace, "src/agent/serve/a.cpp", APACHE + "namespace masq::agent {\n}\nnamespace masq {\n}\n"),
    (check.a_folder_has_one_namespace, "src/cli/a.cpp", APACHE + "int f() { return 0; }\n"),
    (check.a_folder_has_one_namespace, "tests/unit/os/a_test.cpp", APACHE + "namespace masq {\n}\n"),
    (check.errors_are_passed_on_by_try, "src/os/a.cpp", APACHE + "namespace masq::os {\nif (!fd) return std::unexpected(fd.error());\n}\n"),
    (check.fmt_is_included_where_it_is_used, "src/base/a.cpp", APACHE + 'auto text = fmt::format("{}", 1);\n'),
    (check.links_lead_somewhere, "docs/a.md", "[there](nowhere.md)\n"),
    (pages.pages_name_every_scenario, "docs/behaviour.md", "Scenario “nobody wrote this”.\n"),
    (pages.tests_that_the_security_model_names_exist, "docs/security.md", "`Nobody.WroteThis`\n"),
    (pages.pages_name_every_scenario, "tests/scenarios/a.scenario.sh", 'scenario "no page names this"\n'),
    (pages.pages_name_every_scenario, "tests/kubernetes/scenarios/a.scenario.sh", 'scenario "no page names this"\n'),
    (pages.names_of_scenarios_are_short, "tests/scenarios/a.scenario.sh", 'scenario "one two three four five six seven eight nine ten eleven (R4)"\n'),
    (pages.names_of_scenarios_are_short, "tests/scenarios/a.scenario.sh", 'scenario "a pod"\n\nscenario "a pod and another"\n'),
    (pages.names_of_tests_have_one_style, "tests/unit/base/a_test.cpp", "TEST(Line, is_read) {}\n"),
    (pages.files_that_pages_name_exist, "docs/a.md", "It is in `src/os/removed.hpp`.\n"),
    (pages.files_that_pages_name_exist, "CONTRIBUTING.md", "`os/removed.hpp` or `scripts/removed`\n"),
    (pages.files_that_pages_name_exist, "docs/a.md", "The folder `src/removed/`.\n"),
    (pages.lines_of_pages_are_short, "docs/decisions/0001-a.md", "word " * 33 + "\n"),
    *[(abi.pinned_numbers_are_kept, "bpf/abi/reasons.h", text) for text in RENUMBERED],
    (abi.pinned_numbers_are_kept, "bpf/pinned-numbers.txt", PINNED.replace("MASQ_REASONS", "MASQ_OTHERS")),
    *[(abi.reference_has_every_reason, "bpf/abi/reasons.h", text) for text in UNKNOWN_REASONS],
    (abi.reference_has_every_reason, "docs/reference.md", REFERENCE.replace("\n" + abi.END, "| `old` | drop | old |\n\n" + abi.END)),
    (hard_cases.hard_cases_are_explained, "tests/unit/a_test.cpp", "// Two pods, one port: R5.\n"),
    (hard_cases.hard_cases_are_explained, "docs/decisions/0001-a.md", "(hard case U3)\n"),
    (hard_cases.hard_cases_are_explained, "docs/hard-cases.md", "- **R5** Two pods have one port.\n"),
    *[(pictures.pictures_are_of_their_texts, f"docs/pictures/{name}", text) for name, text in OLD_PICTURES],
    (fuzzers.every_parser_has_a_fuzz_target, "src/os/a.hpp", APACHE + "Result<int> parse_number(std::string_view text);\n"),
    (fuzzers.every_parser_has_a_fuzz_target, "src/base/a.hpp", APACHE + "class Name {\n  static Result<Name> parse(std::string_view text);\n};\n"),
    (fuzzers.every_fuzz_target_has_a_corpus, "tests/fuzz/parsers/target.hpp", APACHE + "#define TARGETS(X) \\\n  X(text, 100)\n"),
    (licences.headers_of_libraries_have_a_licence, "src/os/a.cpp", APACHE + "#include <nftables/libnftables.h>\n"),
    (pages.reference_knows_every_option, "src/model/options/table.cpp", '    {.key = "new-key",\n'),
]
# Files that are right alone, but not together.
TOGETHER = [
    (hard_cases.hard_cases_are_explained, {
        "docs/hard-cases.md": "- **R5** Two pods have one port.\n  Tests: `a_test.cpp`.\n",
        "tests/unit/a_test.cpp": "// R5\n",
        "tests/scenarios/a.scenario.sh": 'scenario "a pod connects" # R5\n',
    }),
    (hard_cases.hard_cases_are_explained, {
        "docs/hard-cases.md": "- **R12** A port.\n  Tests: `a_test.cpp`.\n- **R5** Two.\n  Tests: `a_test.cpp`.\n",
        "tests/unit/a_test.cpp": "// R5, R12\n",
    }),
]
GOOD = {
    "src/model/a.cpp": APACHE + '#include "base/cidr.hpp"\n#include <fmt/format.h>\n#include <vector>\n',
    "src/agent/serve/a.cpp": APACHE + '#include "agent/reconciler.hpp"\n#include "agent/sources/source.hpp"\n',
    "src/agent/a.cpp": APACHE + '#include "agent/serve/a.hpp"\n#include "agent/sources/source.hpp"\n',
    "src/datapath/backends.cpp": APACHE + '#include "datapath/bpf/bpf_datapath.hpp"\n',
    "src/datapath/iptables/a.cpp": APACHE + '#include "datapath/iptables/a.hpp"\n#include "datapath/netfilter/nft.hpp"\n',
    "src/datapath/a.cpp": APACHE + '#include "bpf/abi/reasons.h"\n',
    "src/base/line.hpp": APACHE + "namespace masq { struct Line { int x; }; }\n",
    "src/base/others.hpp": APACHE + OTHERS,
    "bpf/nat/a.h": BPF + '#include "bpf/nat/b.h"\n#include "bpf/policy/a.h"\nint f(ctx_t *ctx);\n',
    "bpf/hook/tc.h": BPF + "typedef struct __sk_buff ctx_t;\n",
    "bpf/packet/names.h": BPF + "#define mapping_open FN(mapping_open)\n",
    "bpf/engine.c": BPF + '#include "bpf/steps/a.h"\n',
    "bpf/abi/reasons.h": ABI,
    "bpf/pinned-numbers.txt": PINNED,
    "docs/reference.md": REFERENCE + "`masq_problem{problem}`\n",
    chart.VALUES: CHART_VALUES,
    chart.README: CHART_README,
    f"{chart.CHART}/Chart.yaml": 'version: 1.2.3\nappVersion: "1.2.3"\n',
    "CMakeLists.txt": PROJECT,
    "src/model/options/table.cpp": OPTION_ROW,
    chart.MANIFEST: "image: localhost/masq:1.2.3\nargs:\n  - --devices=eth0\n",
    chart.USES_METRICS[0]: "expr: masq_problem > 0\n",
    "docs/behaviour.md": "It works: scenario “a pod connects”,\n  scenario “another pod\n  connects too”.\n",
    "tests/scenarios/a.scenario.sh": "# SPDX-License-Identifier: Apache-2.0\n"
    'scenario "a pod connects"\nscenario "another pod connects too" only=bpf\n',
    "docs/hard-cases.md": "- **R5** Two pods have one port.\n  Tests: `a_test.cpp`.\n",
    "tests/unit/a_test.cpp": APACHE + "// R5, but not RFC 4787 REQ-12, 2001:D12::1, D12:1::2 or 0xD12\n",
    "src/base/line_text.hpp": APACHE + "namespace masq {\nResult<Line> parse_line(std::string_view text);\n}\n",
    "src/base/word.hpp": APACHE + "namespace masq {\nclass Word {\n  static Result<Word> parse(std::string_view text);\n};\n}\n",
    "tests/fuzz/parsers/text.cpp": APACHE + "namespace masq::fuzz {\nvoid f() { parse_line(t); Word::parse(t); }\n}\n",
    "tests/fuzz/parsers/target.hpp": APACHE + "namespace masq::fuzz {\n#define TARGETS(X) \\\n  X(text, 100)\n}\n",
    "tests/fuzz/corpus/text/a.input": "a",
    "docs/pictures/d.dot": PICTURE,
    "docs/pictures/d.svg": DRAWN,
    "docs/a.md": "[here](a.md) [there](https://example.net/x)\n`src/base/`, `base/line.hpp`, `a_test.cpp`, `src/new.*`, `masq.sock`\n",
}


def breaches(rule, samples):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in samples.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return list(rule(root))


def main():
    failed = 0
    samples = [(rule, {**BESIDE.get(rule, {}), name: text}) for rule, name, text in SAMPLES] + TOGETHER
    for rule, sample in samples:
        if not breaches(rule, sample):
            failed += 1
            print(f"{rule.__name__} does not notice {sample}")
    for rule in check.RULES:
        if found := breaches(rule, GOOD):
            failed += 1
            print(f"{rule.__name__} objects to what is right: {found}")
    print(f"{len(samples) + len(check.RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
