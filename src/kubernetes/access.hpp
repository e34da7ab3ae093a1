// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "kubernetes/http_client.hpp"

namespace masq::kubernetes {

// A credential: text, or a file that is read again for each request, because the kubelet replaces it.
struct Credential {
  std::string text;
  std::filesystem::path file;

  bool is_set() const { return !text.empty() || !file.empty(); }
  // Returns the text without surrounding blanks; empty if nothing is set.
  Result<std::string> read() const;
};

// Where the API is, and how to prove who asks.
struct Access {
  std::string server;  // "https://10.96.0.1:443", without a final slash
  Credential certificate_authority;
  Credential token;
  Credential certificate;  // of the client
  Credential key;
  std::string tls_server_name;  // the name in the server's certificate, if it is not the host of `server`
  bool verify_server = true;

  // Returns a request for a path of the API, with the credentials as they are now.
  Result<HttpRequest> request(const std::string& path_and_query) const;
};

using Environment = std::map<std::string, std::string>;

// The folder in which the kubelet mounts a pod's service account.
inline constexpr const char* service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

// Returns true inside a pod that has a service account.
bool is_in_cluster(const Environment& environment, const std::filesystem::path& folder = service_account_folder);
// The access of a pod: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, and the service account.
Result<Access> in_cluster_access(const Environment& environment,
                                 const std::filesystem::path& folder = service_account_folder);

// Returns the URL without a final slash. "10.0.0.1:6443" and "[2001:db8::1]" get https. Fails for anything that is no
// URL of a server, or has a query or a user name.
Result<std::string> parse_server(const std::string& text);

}  // namespace masq::kubernetes
