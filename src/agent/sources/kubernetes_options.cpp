// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/kubernetes_options.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "kubernetes/kubeconfig.hpp"
#include "model/config.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_host_name = 256;

std::string host_name() {
  std::array<char, max_host_name> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  std::string text = name.data();
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

bool uses_kubernetes(const Config& config, const kubernetes::Environment& environment) {
  if (config.enable_k8s != Toggle::automatic) return config.enable_k8s == Toggle::on;
  return !config.k8s_kubeconfig_path.empty() || kubernetes::is_in_cluster(environment);
}

Result<void> check_kubernetes(const Config& config, const kubernetes::Environment& environment) {
  const bool has_access =
      !config.k8s_kubeconfig_path.empty() || !config.k8s_api_server.empty() || kubernetes::is_in_cluster(environment);
  if (config.enable_k8s == Toggle::on && !has_access)
    return fail("enable-k8s: true: k8s-kubeconfig-path, k8s-api-server or a pod with a service account is expected");
  if (!config.ip_masq_agent_config_map.empty() && !uses_kubernetes(config, environment))
    return fail("ip-masq-agent-config-map: {:?}: only with Kubernetes, which is off: enable-k8s is expected to be true",
                config.ip_masq_agent_config_map);
  if (config.k8s_api_server.empty()) return {};
  if (auto server = kubernetes::parse_server(config.k8s_api_server); !server)
    return fail_with("k8s-api-server", server.error());
  return {};
}

Result<kubernetes::Access> kubernetes_access(const Config& config, const kubernetes::Environment& environment) {
  kubernetes::Access access;
  if (!config.k8s_kubeconfig_path.empty()) {
    TRY(access, kubernetes::read_kubeconfig(config.k8s_kubeconfig_path));
  } else if (kubernetes::is_in_cluster(environment)) {
    TRY(access, kubernetes::in_cluster_access(environment));
  }
  if (!config.k8s_api_server.empty()) {
    TRY(access.server, kubernetes::parse_server(config.k8s_api_server));
  }
  return access;
}

std::string kubernetes_node_name(const Config& config, const kubernetes::Environment& environment) {
  if (!config.k8s_node_name.empty()) return config.k8s_node_name;
  const auto name = environment.find("K8S_NODE_NAME");
  return name != environment.end() && !name->second.empty() ? name->second : host_name();
}

}  // namespace masq::agent
