# SPDX-License-Identifier: Apache-2.0
"""The objects: names, labels, rights in the API, monitoring, and the manifest that is made from them."""
import json
import pathlib
import tempfile

from rendered import MONITORING, TOOLS, agent_of, each_ci_values, expect, is_hook, objects_of, of_kind, output, rendered_with
from rendered import run, same, template

MANIFEST = pathlib.Path("deploy/kubernetes/masq.yaml")
SELECTOR = {"app.kubernetes.io/name": "masq", "app.kubernetes.io/instance": "masq"}  # never to be changed


def names_are_the_contracts():
    names = {(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in template() if not is_hook(each)}
    same({("DaemonSet", "masq", "kube-system"), ("ServiceAccount", "masq", "kube-system"), ("ClusterRole", "masq", None),
          ("ClusterRoleBinding", "masq", None)}, names, "objects")
    same("other-masq", agent_of(template(release="other"))[0]["metadata"]["name"], "name of another release")


def selectors_never_change():
    """A DaemonSet with another selector cannot be upgraded."""
    for name, objects in each_ci_values():
        daemon_set, _ = agent_of(objects)
        same(SELECTOR, daemon_set["spec"]["selector"]["matchLabels"], name)
        labels = daemon_set["spec"]["template"]["metadata"]["labels"]
        expect(SELECTOR.items() <= labels.items(), f"{name}: the pods have not the labels of the selector")
        for hook in filter(is_hook, objects):
            labels = hook["metadata"]["labels"]
            expect(not SELECTOR.items() <= labels.items(), f"{name}: the selector finds {hook['metadata']['name']} too")


def labels_are_the_recommended_ones():
    for name, objects in each_ci_values():
        for each in objects:
            missing = {f"app.kubernetes.io/{word}" for word in ("name", "instance", "version", "managed-by")} - set(
                each["metadata"]["labels"])
            expect(not missing, f"{name}: {each['kind']} {each['metadata']['name']} lacks {missing}")


def loses_nothing(given, typed, path):
    if isinstance(given, dict):
        for key, value in given.items():
            expect(isinstance(typed, dict) and key in typed, f"the API does not know {path}.{key}")
            loses_nothing(value, typed[key], f"{path}.{key}")
    elif isinstance(given, list):
        same(len(given), len(typed), path)
        for one, other in zip(given, typed):
            loses_nothing(one, other, path)


def the_api_knows_every_field_of_pods():
    """kubectl decodes into the types of the API, which drops what they do not have."""
    for name, objects in each_ci_values():
        for each in of_kind(objects, "DaemonSet") + of_kind(objects, "Pod"):
            pod = each["spec"]["template"]["spec"] if each["kind"] == "DaemonSet" else each["spec"]
            image = f"{pod['containers'][0]['name']}=another"  # without a change kubectl prints nothing
            typed = output(TOOLS / "kubectl", "set", "image", "--local", "-f", "-", "-o", "json", image, text=json.dumps(each))
            loses_nothing(each, json.loads(typed), f"{name}: {each['kind']} {each['metadata']['name']}")


def the_account_may_read_nodes():
    objects = template()
    (role,) = of_kind(objects, "ClusterRole")
    same([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}], role["rules"], "rules")
    expect(not of_kind(objects, "Role"), "a Role without a use")


def the_account_may_write_events_about_a_configuration():
    """A Node has no namespace: Events about it are in `default`, and in no other."""
    objects = template("--set", "ipMasqAgent.enabled=true")
    (role,), (binding,) = of_kind(objects, "Role"), of_kind(objects, "RoleBinding")
    for each in role, binding:
        same("default", each["metadata"]["namespace"], each["kind"])
    same([{"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}], role["rules"], "rules")
    same(role["metadata"]["name"], binding["roleRef"]["name"], "roleRef")
    same([{"kind": "ServiceAccount", "name": "masq", "namespace": "kube-system"}], binding["subjects"], "subjects")


def the_account_may_watch_one_config_map_with_source_api():
    objects = rendered_with({"ipMasqAgent": {"enabled": True, "source": "api"}})
    (role,) = [each for each in of_kind(objects, "Role") if each["metadata"]["namespace"] == "kube-system"]
    same([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["ip-masq-agent"], "verbs": ["get", "list", "watch"]}],
         role["rules"], "rules")
    _, container = agent_of(objects)
    expect("--ip-masq-agent-config-map=kube-system/ip-masq-agent" in container["args"], container["args"])


def switches_leave_accounts_and_rights_to_others():
    objects = rendered_with({"serviceAccount": {"create": False, "name": "mine"}, "rbac": {"create": False}})
    same({"DaemonSet", "Pod"}, {each["kind"] for each in objects}, "kinds")
    same("mine", agent_of(objects)[0]["spec"]["template"]["spec"]["serviceAccountName"], "account")


def the_chart_owns_no_config_map_unless_it_is_given():
    rows = [({}, 0), ({"ipMasqAgent": {"enabled": True}}, 0), ({"ipMasqAgent": {"enabled": True, "config": {}}}, 1)]
    for value, count in rows:
        found = of_kind(rendered_with({"prometheus": {}, **value}), "ConfigMap")
        same(count, len(found), f"{value}: ConfigMaps")
        expect(all(each["metadata"]["name"] == "ip-masq-agent" and "config" in each["data"] for each in found), "its name")


def monitoring_waits_for_its_api():
    parts = {key: {"enabled": True} for key in ("podMonitor", "serviceMonitor", "rules", "dashboard")}
    monitors = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}
    kinds = [{each["kind"] for each in rendered_with({"prometheus": {"enabled": on, **parts}}, *apis)}
             for on, apis in ((True, MONITORING), (True, []), (False, MONITORING))]
    expect(monitors <= kinds[0] and not monitors & kinds[1] and not monitors & kinds[2], kinds)


def prometheus_accepts_the_alerts():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        (rules,) = of_kind(rendered_with({"prometheus": {"enabled": True, "rules": {"enabled": True}}}, *MONITORING), "PrometheusRule")
        json.dump(rules["spec"], file)
        file.flush()
        done = run("promtool", "check", "rules", file.name)
        expect(done.returncode == 0 and "5 rules found" in done.stdout, done.stdout + done.stderr)


def the_dashboard_is_a_document_of_grafana():
    objects = rendered_with({"prometheus": {"enabled": True, "dashboard": {"enabled": True}}})
    (config_map,) = of_kind(objects, "ConfigMap")
    dashboard = json.loads(config_map["data"]["masq.json"])
    expect(dashboard["uid"] and len(dashboard["panels"]) > 5, "no panels")


def the_manifest_is_of_the_chart():
    expect(MANIFEST.read_text() == output("scripts/update-manifest", "--print"), f"{MANIFEST}: run scripts/update-manifest")
    expect("helm" not in MANIFEST.read_text().split("---", 1)[1].lower(), f"{MANIFEST} names helm")


def kustomize_builds_the_manifest():
    def key(each):
        return each["kind"], each["metadata"]["name"]

    built = objects_of(output(TOOLS / "kubectl", "kustomize", MANIFEST.parent))
    same(sorted(map(key, objects_of(MANIFEST.read_text()))), sorted(map(key, built)), "objects")


CHECKS = (
    names_are_the_contracts,
    selectors_never_change,
    labels_are_the_recommended_ones,
    the_api_knows_every_field_of_pods,
    the_account_may_read_nodes,
    the_account_may_write_events_about_a_configuration,
    the_account_may_watch_one_config_map_with_source_api,
    switches_leave_accounts_and_rights_to_others,
    the_chart_owns_no_config_map_unless_it_is_given,
    monitoring_waits_for_its_api,
    prometheus_accepts_the_alerts,
    the_dashboard_is_a_document_of_grafana,
    the_manifest_is_of_the_chart,
    kustomize_builds_the_manifest,
)
