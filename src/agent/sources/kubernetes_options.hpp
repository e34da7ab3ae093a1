// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "model/config.hpp"

namespace masq::agent {

// Returns whether masqd asks the API of Kubernetes: `enable-k8s`.
bool uses_kubernetes(const Config& config, const kubernetes::Environment& environment);

// Fails if the options need the API and there is no way to it, or if `k8s-api-server` is no URL.
Result<void> check_kubernetes(const Config& config, const kubernetes::Environment& environment);

// The API server and the credentials: a kubeconfig, else the pod's service account; `k8s-api-server` replaces the
// server. They are read anew for each request.
Result<kubernetes::Access> kubernetes_access(const Config& config, const kubernetes::Environment& environment);

// The name of this node: `k8s-node-name`, else K8S_NODE_NAME, else the host name in lower case.
std::string kubernetes_node_name(const Config& config, const kubernetes::Environment& environment);

}  // namespace masq::agent
