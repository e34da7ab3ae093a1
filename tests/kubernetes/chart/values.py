# SPDX-License-Identifier: Apache-2.0
"""Values: those that are accepted, those that are refused, and those that an earlier chart did not have."""
import json

import yaml
from rendered import CHART, CI_VALUES, MONITORING, agent_of, expect, helm, of_kind, rendered_with, same, template

# A value that is refused, and a word of the message.
REFUSED = [
    ({"bpf": {"masquerade": "yes"}}, "/bpf/masquerade"),
    ({"bpf": {"masquerading": True}}, "masquerading"),
    ({"ipMasqAgent": {"enabled": 1}}, "/ipMasqAgent/enabled"),
    ({"ipMasqAgent": {"source": "http"}}, "/ipMasqAgent/source"),
    ({"ipMasqAgent": {"config": {"nonMasqueradeCIDRs": "10.0.0.0/8"}}}, "nonMasqueradeCIDRs"),
    ({"ipMasqAgent": {"config": {"nonMasqueradeCIDRs": ["10.0.0.1"]}}}, "nonMasqueradeCIDRs"),
    ({"ipMasqAgent": {"config": {"nonMasqueradeCIDR": []}}}, "nonMasqueradeCIDR"),
    ({"prometheus": {"port": "9965"}}, "/prometheus/port"),
    ({"prometheus": {"port": 80}}, "/prometheus/port"),
    ({"prometheus": {"serviceMonitor": {"interval": "soon"}}}, "interval"),
    ({"image": {"digest": "latest"}}, "/image/digest"),
    ({"image": {"pullPolicy": "always"}}, "/image/pullPolicy"),
    ({"datapath": "ebpf"}, "/datapath"),
    ({"devices": [1]}, "/devices"),
    ({"natMaxMappings": 5}, "/natMaxMappings"),
    ({"extraArgs": "--dry-run"}, "/extraArgs"),
    ({"extraArgs": ["dry-run"]}, "/extraArgs"),
    ({"extraEnv": [{"value": "x"}]}, "/extraEnv"),
    ({"tolerations": [{"operator": "exists"}]}, "/tolerations"),
    ({"resources": {"request": {}}}, "request"),
    ({"enableIpv4Masquerade": True}, "enableIpv4Masquerade"),
    ({"logLevel": "warn"}, "/logLevel"),
    ({"egressMasqueradeInterfaces": "eth0"}, "with bpf set devices"),
    ({"natMaxMappings": 65536, "datapath": "iptables"}, "with iptables set the sysctls of conntrack"),
]


def lint_finds_nothing():
    for path in CI_VALUES:
        done = helm("lint", "--strict", CHART, "-f", path)
        expect(done.returncode == 0, f"{path.name}: {done.stdout}{done.stderr}")


def wrong_values_are_refused():
    for value, words in REFUSED:
        done = helm("template", "masq", CHART, "--set-json", ",".join(f"{key}={json.dumps(one)}" for key, one in value.items()))
        expect(done.returncode != 0, f"{value} is accepted")
        expect(words in done.stderr, f"{value}: the message does not name {words}: {done.stderr}")


def paths_of(values, before=""):
    for key, value in values.items():
        yield before + key
        if isinstance(value, dict):
            yield from paths_of(value, f"{before}{key}.")


def every_value_may_be_missing():
    """helm upgrade --reuse-values gives the values of an earlier chart alone; null removes a default."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    paths = list(paths_of(defaults))
    expect(len(paths) > 50, f"only {len(paths)} values")
    for path in paths:
        template("--set", f"{path}=null", *MONITORING)
    for name in CI_VALUES:
        own = yaml.safe_load(name.read_text()) or {}
        missing = ",".join(f"{key}=null" for key in defaults if key not in own)
        template("-f", name, "--set", missing, *MONITORING)


def without_any_value_the_agents_do_the_same():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    _, expected = agent_of(template())
    _, found = agent_of(template("--set", ",".join(f"{key}=null" for key in defaults)))
    for part in ("image", "args", "securityContext", "volumeMounts", "livenessProbe"):
        same(expected[part], found[part], part)


def the_image_is_what_the_values_say():
    digest = "sha256:" + "0" * 64
    rows = [
        ({}, "localhost/masq:0.1.0"),
        ({"image": {"tag": "2"}}, "localhost/masq:2"),
        ({"image": {"repository": "registry.example:5000/a", "tag": "2", "digest": digest}}, f"registry.example:5000/a@{digest}"),
    ]
    for value, expected in rows:
        objects = rendered_with(value, "--set", "mountBpffs.enabled=true", "--set", "cleanup.onUninstall=true")
        pods = [each["spec"]["template"]["spec"] for each in of_kind(objects, "DaemonSet")]
        pods += [each["spec"] for each in of_kind(objects, "Pod")]
        images = {one["image"] for pod in pods for one in pod["containers"] + pod.get("initContainers", [])}
        same({expected}, images, "images")


def pull_secrets_have_either_form():
    objects = rendered_with({"imagePullSecrets": ["a", {"name": "b"}], "cleanup": {"onUninstall": True}})
    daemon_set, _ = agent_of(objects)
    same([{"name": "a"}, {"name": "b"}], daemon_set["spec"]["template"]["spec"]["imagePullSecrets"], "pull secrets")


CHECKS = (
    lint_finds_nothing,
    wrong_values_are_refused,
    every_value_may_be_missing,
    without_any_value_the_agents_do_the_same,
    the_image_is_what_the_values_say,
    pull_secrets_have_either_form,
)
