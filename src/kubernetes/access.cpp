// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/access.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/result.hpp"
#include "kubernetes/http_client.hpp"
#include "os/file.hpp"

namespace masq::kubernetes {
namespace {

constexpr std::size_t max_credential = 1 << 20;
constexpr std::string_view blanks = " \t\r\n";

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string value_of(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

// "https://HOST:PORT/prefix" -> "HOST:PORT"; the port is always there.
std::string host_and_port(const std::string& server) {
  const auto begin = server.find("://") + 3;
  auto place = server.substr(begin, server.find('/', begin) - begin);
  const auto last = place.rfind(':');
  const bool has_port = last != place.npos && place.find(']', last) == place.npos;
  if (!has_port) place += server.starts_with("https") ? ":443" : ":80";
  return place;
}

// The same URL with another host.
std::string with_host(const std::string& server, const std::string& host) {
  const auto place = host_and_port(server);
  const auto begin = server.find("://") + 3;
  const auto path = server.find('/', begin);
  return fmt::format("{}{}{}{}", server.substr(0, begin), host, place.substr(place.rfind(':')),
                     path == server.npos ? "" : server.substr(path));
}

}  // namespace

Result<std::string> Credential::read() const {
  if (!text.empty()) return trimmed(text);
  if (file.empty()) return "";
  TRY(const auto content, os::read_file(file, max_credential));
  auto value = trimmed(content);
  if (value.empty()) return fail("{}: the file is empty", file.string());
  return value;
}

Result<HttpRequest> Access::request(const std::string& path_and_query) const {
  HttpRequest request;
  request.url = server + path_and_query;
  if (!tls_server_name.empty()) {
    request.connect_to = host_and_port(server);
    request.url = with_host(server, tls_server_name) + path_and_query;
  }
  TRY(request.certificate_authority, certificate_authority.read());
  TRY(request.certificate, certificate.read());
  TRY(request.key, key.read());
  TRY(const auto bearer, token.read());
  if (!bearer.empty()) request.headers.push_back("Authorization: Bearer " + bearer);
  request.headers.push_back("Accept: application/json");
  request.headers.push_back(fmt::format("User-Agent: masqd/{}", MASQ_VERSION));
  request.verify_server = verify_server;
  return request;
}

bool is_in_cluster(const Environment& environment, const std::filesystem::path& folder) {
  std::error_code error;
  return !value_of(environment, "KUBERNETES_SERVICE_HOST").empty() && std::filesystem::exists(folder / "token", error);
}

Result<Access> in_cluster_access(const Environment& environment, const std::filesystem::path& folder) {
  const auto host = value_of(environment, "KUBERNETES_SERVICE_HOST");
  const auto port = value_of(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty()) return fail("KUBERNETES_SERVICE_HOST is not set: masqd is in no pod of Kubernetes");
  Access access;
  const bool is_ipv6 = host.contains(':');
  TRY(access.server, parse_server(fmt::format("https://{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
                                              port.empty() ? "443" : port)));
  access.certificate_authority.file = folder / "ca.crt";
  access.token.file = folder / "token";
  return access;
}

Result<std::string> parse_server(const std::string& text) {
  auto server = text.contains("://") ? text : "https://" + text;
  while (server.ends_with('/')) server.pop_back();
  const bool has_scheme = server.starts_with("https://") || server.starts_with("http://");
  const auto host = has_scheme ? server.substr(server.find("://") + 3) : "";
  if (host.empty() || host.starts_with(':') || host.starts_with('/') ||
      host.find_first_of("?#@ \t\r\n\"\\") != host.npos)
    return fail("{:?}: the URL of an API server is expected, such as https://10.0.0.1:6443", text);
  return server;
}

}  // namespace masq::kubernetes
