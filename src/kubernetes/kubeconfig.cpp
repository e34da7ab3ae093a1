// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/kubeconfig.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "kubernetes/access.hpp"
#include "model/yaml.hpp"
#include "os/file.hpp"

namespace masq::kubernetes {
namespace {

constexpr std::size_t max_kubeconfig = 4 << 20;

const YamlNode* member(const YamlNode& map, std::string_view key) {
  const auto found = std::ranges::find(map.children, key, &YamlNode::key);
  return !map.is_map() || found == map.children.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_of(const YamlNode& map, std::string_view key) {
  const auto* const found = member(map, key);
  if (found == nullptr) return "";
  if (!found->is_scalar()) return fail("line {}: {}: {}: text is expected", found->line, key, describe(*found));
  return found->text;
}

// The map `kind` of the entry with this name in the list `list`: clusters[name].cluster.
Result<const YamlNode*> named(const YamlNode& root, std::string_view list, std::string_view kind,
                              std::string_view name) {
  if (const auto* const entries = member(root, list); entries != nullptr && entries->is_list())
    for (const auto& entry : entries->children) {
      TRY(const auto entry_name, text_of(entry, "name"));
      if (entry_name != name) continue;
      if (const auto* const found = member(entry, kind); found != nullptr && found->is_map()) return found;
      return fail("line {}: {}: a map {} is expected in it", entry.line, name, kind);
    }
  return fail("{}: no entry named {:?}", list, name);
}

int sextet(char c) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto at = alphabet.find(c);
  return at == alphabet.npos ? -1 : static_cast<int>(at);
}

// RFC 4648, section 4. Line breaks are skipped.
Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    if (c == '\n' || c == '\r' || c == ' ') continue;
    const int value = sextet(c);
    if (value < 0) return fail("base64 is expected");
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xff);
  }
  return bytes;
}

// KEY names a file, KEY-data has the content, which wins.
Result<Credential> credential(const YamlNode& map, const std::string& key, const std::filesystem::path& folder) {
  Credential found;
  TRY(const auto data, text_of(map, key + "-data"));
  TRY(const auto file, text_of(map, key));
  if (!data.empty()) {
    auto decoded = decode_base64(data);
    if (!decoded) return fail("line {}: {}-data: {}", member(map, key + "-data")->line, key, decoded.error().message);
    found.text = *decoded;
  } else if (!file.empty()) {
    found.file = folder / file;
  }
  return found;
}

Result<void> read_cluster(const YamlNode& cluster, const std::filesystem::path& folder, Access& access) {
  TRY(const auto server, text_of(cluster, "server"));
  auto parsed = parse_server(server);
  if (!parsed) return fail("line {}: server: {}", cluster.line, parsed.error().message);
  access.server = *parsed;
  TRY(access.certificate_authority, credential(cluster, "certificate-authority", folder));
  TRY(access.tls_server_name, text_of(cluster, "tls-server-name"));
  TRY(const auto insecure, text_of(cluster, "insecure-skip-tls-verify"));
  access.verify_server = insecure != "true";
  return {};
}

Result<void> refuse_unsupported(const YamlNode& user) {
  for (const auto* const key : {"exec", "auth-provider", "username", "password"})
    if (const auto* const found = member(user, key))
      return fail("line {}: {}: not supported: a token, a tokenFile or a client certificate is expected", found->line,
                  key);
  return {};
}

Result<void> read_user(const YamlNode& user, const std::filesystem::path& folder, Access& access) {
  TRY_DO(refuse_unsupported(user));
  TRY(access.certificate, credential(user, "client-certificate", folder));
  TRY(access.key, credential(user, "client-key", folder));
  if (access.certificate.is_set() != access.key.is_set())
    return fail("line {}: client-certificate and client-key are expected together", user.line);
  TRY(access.token.text, text_of(user, "token"));
  TRY(const auto file, text_of(user, "tokenFile"));
  if (!file.empty()) access.token = {.text = {}, .file = folder / file};
  return {};
}

}  // namespace

Result<Access> parse_kubeconfig(std::string_view text, const std::filesystem::path& folder) {
  TRY(const auto root, parse_yaml(text));
  TRY(const auto context_name, text_of(root, "current-context"));
  if (context_name.empty()) return fail("current-context is not set");
  TRY(const auto* const context, named(root, "contexts", "context", context_name));
  TRY(const auto cluster_name, text_of(*context, "cluster"));
  TRY(const auto user_name, text_of(*context, "user"));
  Access access;
  TRY(const auto* const cluster, named(root, "clusters", "cluster", cluster_name));
  TRY_DO(read_cluster(*cluster, folder, access));
  if (user_name.empty()) return access;
  TRY(const auto* const user, named(root, "users", "user", user_name));
  TRY_DO(read_user(*user, folder, access));
  return access;
}

Result<Access> read_kubeconfig(const std::filesystem::path& path) {
  TRY(const auto text, os::read_file(path, max_kubeconfig));
  auto access = parse_kubeconfig(text, path.parent_path());
  if (!access) return fail_with(path.string(), access.error());
  return access;
}

}  // namespace masq::kubernetes
