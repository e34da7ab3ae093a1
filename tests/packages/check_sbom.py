#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_sbom.py SBOM DEPENDS: the bill of materials is complete and consistent. DEPENDS is the field of the Debian package, which
dpkg-shlibdeps has made from the symbols that the programs use."""
import json
import re
import subprocess
import sys

COMPILED_IN = {"cli11", "nlohmann-json3"}  # libraries of headers alone
REQUIRED = ("SPDXID", "name", "versionInfo", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText")
NOT_LINKED = {"ucf"}


def providers():
    """Virtual package -> the installed package that provides it."""
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Provides}\n"], check=True, capture_output=True, text=True).stdout
    rows = (line.split("\t") for line in listed.splitlines())
    return {re.sub(r"[ (].*", "", virtual.strip()): package for package, provided in rows for virtual in provided.split(",") if virtual}


def breaches(document, depends):
    for field in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"):
        if not document.get(field):
            yield f"no {field}"
    for package in document["packages"]:
        for field in REQUIRED:
            if not package.get(field):
                yield f"{package.get('name')}: no {field}"
    known = [entry["SPDXID"] for entry in document["packages"] + document["files"]] + [document["SPDXID"]]
    if len(known) != len(set(known)):
        yield "an identifier occurs twice"
    for relation in document["relationships"]:
        for end in ("spdxElementId", "relatedSpdxElement"):
            if relation[end] not in known:
                yield f"a relation with the unknown {relation[end]}"
    related = {relation["relatedSpdxElement"] for relation in document["relationships"]}
    yield from (f"{entry['name']} is related to nothing" for entry in document["packages"] if entry["SPDXID"] not in related)
    sources = [package.get("sourceInfo", "") for package in document["packages"]]
    wanted = {re.sub(r"[ (].*", "", choice.strip()) for choice in depends.split(",")} - NOT_LINKED
    if len(wanted) < 5:
        yield f"the package depends on {wanted} alone"
    provided_by = providers()
    for name in sorted(wanted):
        names = (name, provided_by.get(name, name))
        if not any(source.startswith(tuple(f"Debian package {each} " for each in names)) for source in sources):
            yield f"{name} is missing"
    for name in sorted(COMPILED_IN):
        if not any(f"source {name} " in source for source in sources):
            yield f"{name}, which is compiled in, is missing"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = list(breaches(json.load(file), sys.argv[2]))
    print("\n".join(found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
