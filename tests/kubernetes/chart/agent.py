# SPDX-License-Identifier: Apache-2.0
"""The DaemonSet: its options, rights, probes and volumes, and the cleanup after the release."""
import json
import re

from rendered import BIN, agent_of, each_ci_values, expect, is_hook, of_kind, output, rendered_with, run, same, template

OPTION_OF = re.compile(r"--([a-z0-9-]+)(?:=(.*))?")
LEAST = {
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsUser": 0,
    "runAsGroup": 0,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def masqd_knows_every_option():
    known = set(re.findall(r"--([a-z0-9-]+)", output(BIN / "masqd", "--help")))
    for name, objects in each_ci_values():
        for argument in agent_of(objects)[1]["args"]:
            expect(OPTION_OF.fullmatch(argument)[1] in known, f"{name}: masqd has no option {argument}")


def masqd_accepts_every_value():
    for name, objects in each_ci_values():
        _, container = agent_of(objects)
        for address in ("192.0.2.1", "2001:db8::1"):
            arguments = [each.replace("$(HOST_IP)", address) for each in container["args"]]
            done = run("unshare", "--net", BIN / "masqd", "--dry-run", "--k8s-api-server=https://127.0.0.1:9", "--enable-k8s=true", *arguments)
            expect(done.returncode != 2, f"{name}: {done.stderr.strip()}")


def the_datapath_is_never_a_surprise():
    rows = [({}, "bpf"), ({"bpf": {"masquerade": True}}, "bpf"), ({"bpf": {"masquerade": False}}, "iptables"),
            ({"datapath": "nftables"}, "nftables"), ({"datapath": "auto"}, "auto")]
    for value, datapath in rows:
        _, container = agent_of(rendered_with(value) if value else template())
        expect(f"--datapath={datapath}" in container["args"], f"{value}: {container['args']}")


def values_with_lists_have_either_form():
    for value in ("eth0,ens+", ["eth0", "ens+"]):
        _, container = agent_of(rendered_with({"devices": value, "ipv4NativeRoutingCIDR": "10.0.0.0/8"}))
        expect("--devices=eth0,ens+" in container["args"], container["args"])


def rights_are_the_least():
    rules = ["BPF", "NET_ADMIN", "NET_RAW", "PERFMON"]
    rows = [({}, ["BPF", "NET_ADMIN", "PERFMON"]), ({"bpf": {"masquerade": False}}, rules), ({"datapath": "auto"}, rules)]
    for value, capabilities in rows:
        daemon_set, container = agent_of(rendered_with({"prometheus": {}, **value}))
        same({**LEAST, "capabilities": {"drop": ["ALL"], "add": capabilities}}, container["securityContext"], "securityContext")
        pod = daemon_set["spec"]["template"]["spec"]
        expect(not {"hostPID", "hostIPC", "initContainers"} & pod.keys(), "more of the node than its network")
        same("HostToContainer", container["volumeMounts"][0]["mountPropagation"], "propagation")


def only_the_mount_of_a_bpffs_is_privileged():
    for name, objects in each_ci_values():
        for each in of_kind(objects, "DaemonSet") + of_kind(objects, "Pod"):
            pod = each["spec"]["template"]["spec"] if each["kind"] == "DaemonSet" else each["spec"]
            for one in pod["containers"] + pod.get("initContainers", []):
                if one.get("securityContext", {}).get("privileged"):
                    same(["--mount-bpffs"], one["args"], f"{name}: privileged")


def volumes_are_mounted_without_sub_path():
    for name, objects in each_ci_values():
        daemon_set, container = agent_of(objects)
        volumes = {each["name"]: each for each in daemon_set["spec"]["template"]["spec"]["volumes"]}
        same(set(volumes), {each["name"] for each in container["volumeMounts"]}, f"{name}: volumes")
        expect(not [each for each in container["volumeMounts"] if "subPath" in each], f"{name}: subPath is not updated")
        paths = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        for volume, path in (("run", "/run/masq"), ("state", "/var/lib/masq"), ("bpf", "/sys/fs/bpf")):
            same((path, path), (paths[volume], volumes[volume]["hostPath"]["path"]), f"{name}: {volume}")
        if "config" in volumes:
            config = {"name": "ip-masq-agent", "optional": True, "items": [{"key": "config", "path": "ip-masq-agent"}]}
            same(config, volumes["config"]["configMap"], name)


def probes_do_not_restart_for_a_problem():
    _, by_socket = agent_of(template())
    _, by_http = agent_of(rendered_with({"prometheus": {"enabled": True}}))
    for probe, flag, path in (("startupProbe", "--alive", "/healthz"), ("livenessProbe", "--alive", "/healthz"),
                              ("readinessProbe", "--ready", "/readyz")):
        same(["masq", "status", flag], by_socket[probe]["exec"]["command"], probe)
        same({"path": path, "port": "metrics"}, by_http[probe]["httpGet"], probe)
        done = run(BIN / "masq", "status", flag, "--socket-path", "/nonexistent")
        same(3, done.returncode, f"masq status {flag}")
    patience = by_http["livenessProbe"]["periodSeconds"] * by_http["livenessProbe"]["failureThreshold"]
    expect(patience >= 120, f"an agent under load is restarted after {patience} s")


def the_pod_is_critical_and_runs_everywhere():
    daemon_set, _ = agent_of(template())
    pod = daemon_set["spec"]["template"]["spec"]
    same("system-node-critical", pod["priorityClassName"], "priority")
    same([{"operator": "Exists"}], pod["tolerations"], "tolerations")
    same({"kubernetes.io/os": "linux"}, pod["nodeSelector"], "nodeSelector")
    same((True, False), (pod["hostNetwork"], pod["enableServiceLinks"]), "network and service links")


def zero_is_a_number():
    daemon_set, _ = agent_of(rendered_with({"revisionHistoryLimit": 0, "terminationGracePeriodSeconds": 0}))
    same(0, daemon_set["spec"]["revisionHistoryLimit"], "revisionHistoryLimit")
    same(0, daemon_set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], "terminationGracePeriodSeconds")


def cleanup_runs_after_the_release_only():
    hooks = [each for each in template("--set", "cleanup.onUninstall=true") if is_hook(each)]
    events = {each["metadata"]["annotations"]["helm.sh/hook"]: each for each in hooks}
    same({"post-delete", "pre-install", "test"}, set(events), "hooks")
    pod = events["post-delete"]["spec"]["template"]["spec"]
    same([{"operator": "Exists"}], pod["tolerations"], "tolerations")
    same((["--cleanup"], ["--cleanup-and-wait"]), (pod["initContainers"][0]["args"], pod["containers"][0]["args"]), "arguments")
    same({"kubernetes.io/os": "none"}, events["pre-install"]["spec"]["template"]["spec"]["nodeSelector"], "the guard's nodes")
    hooks = {each["metadata"]["annotations"]["helm.sh/hook"] for each in template() if is_hook(each)}
    same({"pre-install", "test"}, hooks, "hooks without cleanup")


def a_changed_configuration_restarts_nothing_unless_asked():
    def pods_with(cidr, roll_out):
        agent = {"enabled": True, "config": {"nonMasqueradeCIDRs": [cidr]}}
        daemon_set, _ = agent_of(rendered_with({"ipMasqAgent": agent, "rollOutOnConfigChange": roll_out}))
        return json.dumps(daemon_set["spec"]["template"])

    same(pods_with("10.0.0.0/8", False), pods_with("10.1.0.0/16", False), "pods")
    expect(pods_with("10.0.0.0/8", True) != pods_with("10.1.0.0/16", True), "the checksum does not change")


CHECKS = (
    masqd_knows_every_option,
    masqd_accepts_every_value,
    the_datapath_is_never_a_surprise,
    values_with_lists_have_either_form,
    rights_are_the_least,
    only_the_mount_of_a_bpffs_is_privileged,
    volumes_are_mounted_without_sub_path,
    probes_do_not_restart_for_a_problem,
    the_pod_is_critical_and_runs_everywhere,
    zero_is_a_number,
    cleanup_runs_after_the_release_only,
    a_changed_configuration_restarts_nothing_unless_asked,
)
