# SPDX-License-Identifier: Apache-2.0
"""The chart and the manifest: README.md is made from values.yaml, versions are the product's, options and metrics exist."""
import re

CHART, MANIFEST, REFERENCE = "deploy/helm/masq", "deploy/kubernetes/masq.yaml", "docs/reference.md"
VALUES, README = f"{CHART}/values.yaml", f"{CHART}/README.md"
BEGIN, END = "<!-- values: made from values.yaml by scripts/update-chart -->\n", "<!-- end of values -->"
USES_METRICS = (f"{CHART}/rules/alerts.yaml", f"{CHART}/dashboards/masq.json")
KEY = re.compile(r"^( *)([A-Za-z][A-Za-z0-9]*):(?: (.*))?$")


def values(text):
    """(path, default, description) of each value; a map without a value on its line is the path of those below it."""
    parents, description, found = [], [], []
    for line in text.splitlines():
        if comment := re.match(r" *# -- (.*)", line):
            description.append(comment[1])
        elif key := KEY.match(line):
            depth = len(key[1]) // 2
            parents = parents[:depth] + [key[2]]
            if key[3] is not None:
                found.append((".".join(parents), key[3], " ".join(description)))
            description = []
    return found


def values_table(text):
    lines = "".join(f"| `{path}` | `{default}` | {description} |\n" for path, default, description in values(text))
    return "\n| value | default | meaning |\n| --- | --- | --- |\n" + lines + "\n"


def with_values(page, text):
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:begin] + values_table(text) + page[end:]


def read(root, name):
    path = root / name
    return path.read_text() if path.exists() else ""


def the_chart_describes_every_value(root):
    for path, _, description in values(read(root, VALUES)):
        if not description:
            yield f"{VALUES}: {path} has no description: a comment '# -- ...' above it"


def the_readme_of_the_chart_is_of_its_values(root):
    text, page = read(root, VALUES), read(root, README)
    if not text:
        return
    if BEGIN not in page or END not in page:
        yield f"{README}: the table of values is missing"
    elif page != with_values(page, text):
        yield f"{README}: the values are not as in values.yaml: run scripts/update-chart"


def the_chart_has_the_products_version(root):
    version = re.search(r"^project\(masq VERSION ([0-9.]+)", read(root, "CMakeLists.txt"), re.M)
    for key, found in re.findall(r"^(version|appVersion): \"?([0-9.]+)", read(root, f"{CHART}/Chart.yaml"), re.M):
        if not version or found != version[1]:
            yield f"{CHART}/Chart.yaml: {key} {found} is not the version of CMakeLists.txt"
    for found in re.findall(r"image: localhost/masq:([0-9.]+)", read(root, MANIFEST)):
        if not version or found != version[1]:
            yield f"{MANIFEST}: masq:{found} is not the version of CMakeLists.txt: run scripts/update-manifest"


def the_manifest_has_options_of_masqd(root):
    known = set(re.findall(r'\.key = "([a-z0-9-]+)"', read(root, "src/model/options/table.cpp")))
    for option in re.findall(r"- --([a-z0-9-]+)", read(root, MANIFEST)):
        if option not in known:
            yield f"{MANIFEST}: masqd has no option --{option}"


def alerts_and_dashboard_have_metrics_of_masqd(root):
    reference = read(root, REFERENCE)
    for name in USES_METRICS:
        for metric in sorted(set(re.findall(r"\bmasq_\w+", read(root, name)))):
            if f"`{metric.removesuffix('_bucket')}" not in reference:
                yield f"{name}: {REFERENCE} has no metric {metric}"


RULES = (
    the_chart_describes_every_value,
    the_readme_of_the_chart_is_of_its_values,
    the_chart_has_the_products_version,
    the_manifest_has_options_of_masqd,
    alerts_and_dashboard_have_metrics_of_masqd,
)
