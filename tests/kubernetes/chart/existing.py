# SPDX-License-Identifier: Apache-2.0
"""A ConfigMap ip-masq-agent that exists before the installation: what the chart makes of it, with a server that has this ConfigMap."""
import contextlib
import http.server
import json
import tempfile
import threading

from rendered import CHART, expect, helm, objects_of, of_kind, same

RESOURCES = {
    "v1": [("configmaps", "ConfigMap", True), ("serviceaccounts", "ServiceAccount", True), ("pods", "Pod", True)],
    "apps/v1": [("daemonsets", "DaemonSet", True)],
    "rbac.authorization.k8s.io/v1": [("clusterroles", "ClusterRole", False), ("clusterrolebindings", "ClusterRoleBinding", False),
                                     ("roles", "Role", True), ("rolebindings", "RoleBinding", True)],
}
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/ip-masq-agent"
OF_THE_RELEASE = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "masq", "meta.helm.sh/release-namespace": "kube-system"},
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def discovery():
    """What a client asks before it asks for objects."""
    documents = {"/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}, "/api": {"kind": "APIVersions", "versions": ["v1"]}}
    groups = [{"name": version.split("/")[0], "versions": [{"groupVersion": version, "version": "v1"}]}
              for version in RESOURCES if "/" in version]
    documents["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    for version, rows in RESOURCES.items():
        resources = [{"name": name, "singularName": kind.lower(), "kind": kind, "namespaced": inside, "verbs": ["get", "list", "create"]}
                     for name, kind, inside in rows]
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        documents[path] = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
    return documents


@contextlib.contextmanager
def cluster(owner):
    """A kubeconfig for a server with a ConfigMap ip-masq-agent, which has this metadata of an owner."""
    metadata = {"name": "ip-masq-agent", "namespace": "kube-system", **owner}
    documents = {**discovery(), CONFIG_MAP: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            document = documents.get(self.path.split("?")[0])
            body = json.dumps(document or NOT_FOUND).encode()
            self.send_response(200 if document else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one = {"clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
           "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", **one}, file)
        file.flush()
        yield file.name
    server.shutdown()


def asks(kubeconfig, agent, *command):
    return helm(*command, "masq", CHART, "--namespace", "kube-system", "--dry-run=server", "--kubeconfig", kubeconfig,
                "--disable-openapi-validation", "--set-json", f"ipMasqAgent={json.dumps(agent)}")


def a_config_map_of_another_owner_is_not_taken():
    with cluster({}) as kubeconfig:
        done = asks(kubeconfig, {"enabled": True, "config": {"masqLinkLocal": True}}, "template")
    expect(done.returncode != 0 and "kube-system/ip-masq-agent exists, and is not of this release" in done.stderr, done.stderr)


def a_config_map_of_another_owner_is_used():
    with cluster({}) as kubeconfig:
        done = asks(kubeconfig, {"enabled": True}, "template")
    expect(done.returncode == 0, done.stderr)
    same([], of_kind(objects_of(done.stdout), "ConfigMap"), "ConfigMaps")


def a_config_map_of_the_release_is_kept():
    with cluster(OF_THE_RELEASE) as kubeconfig:
        done = asks(kubeconfig, {"enabled": True, "config": {"masqLinkLocal": True}}, "template")
    expect(done.returncode == 0, done.stderr)
    same(1, len(of_kind(objects_of(done.stdout), "ConfigMap")), "ConfigMaps")


def a_config_map_that_is_not_read_is_mentioned():
    with cluster({}) as kubeconfig:
        done = asks(kubeconfig, {"enabled": False}, "install")
        expect(done.returncode == 0, done.stderr)
        expect("kube-system/ip-masq-agent exists, and is not read" in done.stdout, done.stdout[-1500:])
        obeyed = asks(kubeconfig, {"enabled": True}, "install")
        expect("is not read" not in obeyed.stdout, obeyed.stdout[-1500:])


CHECKS = (
    a_config_map_of_another_owner_is_not_taken,
    a_config_map_of_another_owner_is_used,
    a_config_map_of_the_release_is_kept,
    a_config_map_that_is_not_read_is_mentioned,
)
