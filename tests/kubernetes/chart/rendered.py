# SPDX-License-Identifier: Apache-2.0
"""What helm and kubectl make of the chart, as values of Python."""
import json
import pathlib
import subprocess
import sys

import yaml

CHART = pathlib.Path("deploy/helm/masq")
TOOLS, BIN = (pathlib.Path(argument) for argument in sys.argv[1:3])
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
MONITORING = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("PodMonitor", "ServiceMonitor", "PrometheusRule")]


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


def same(expected, found, what):
    expect(expected == found, f"{what}: {found!r} instead of {expected!r}")


def run(*command, text=""):
    return subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, check=False)


def output(*command, text=""):
    done = run(*command, text=text)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def helm(*arguments):
    return run(TOOLS / "helm", *arguments)


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that a map has twice; YAML takes the last one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep) for key, _ in node.value]
        expect(len(keys) == len(set(keys)), f"line {node.start_mark.line}: a key stands twice in {keys}")
        return super().construct_mapping(node, deep)


def objects_of(text):
    return [each for each in yaml.load_all(text, StrictLoader) if each]


def template(*arguments, release="masq", namespace="kube-system"):
    done = helm("template", release, CHART, "--namespace", namespace, *arguments)
    expect(done.returncode == 0, f"helm template {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return objects_of(done.stdout)


def rendered_with(values, *arguments):
    """Of values as Python has them."""
    return template("--set-json", ",".join(f"{key}={json.dumps(value)}" for key, value in values.items()), *arguments)


def of_kind(objects, kind):
    return [each for each in objects if each["kind"] == kind]


def is_hook(each):
    return "helm.sh/hook" in each["metadata"].get("annotations", {})


def agent_of(objects):
    """The DaemonSet of the agents, and its container of masqd."""
    (daemon_set,) = [each for each in of_kind(objects, "DaemonSet") if not is_hook(each)]
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
    return daemon_set, container


def each_ci_values():
    for path in CI_VALUES:
        yield path.name, template("-f", path, *MONITORING)
