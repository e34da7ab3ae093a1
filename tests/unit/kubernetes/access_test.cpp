// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/access.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

#include "kubernetes/kubeconfig.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::kubernetes {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Access, AServerIsAUrlOrAHostAndAPort) {
  EXPECT_EQ(parse_server("https://192.0.2.1:6443/"), "https://192.0.2.1:6443");
  EXPECT_EQ(parse_server("https://[2001:db8::1]:6443/prefix"), "https://[2001:db8::1]:6443/prefix");
  EXPECT_EQ(parse_server("api.example.org"), "https://api.example.org");
  EXPECT_EQ(parse_server("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
  for (const char* wrong : {"", "https://", "ftp://192.0.2.1", "https://a b", "https://user@192.0.2.1", "https://a?b"})
    EXPECT_EQ(parse_server(wrong).error().message,
              fmt::format("{:?}: the URL of an API server is expected, such as https://10.0.0.1:6443", wrong));
}

TEST(Access, APodHasTheServersAddressAndItsServiceAccount) {
  os::TempDirectory folder;
  const Environment environment{{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  EXPECT_FALSE(is_in_cluster(environment, folder / ""));
  os::write_file(folder / "token", "one\n");
  os::write_file(folder / "ca.crt", "CA\n");
  EXPECT_TRUE(is_in_cluster(environment, folder / ""));
  EXPECT_FALSE(is_in_cluster({}, folder / ""));
  const auto access = in_cluster_access(environment, folder / "").value();
  const auto request = access.request("/api").value();
  EXPECT_EQ(request.url, "https://[fd00::1]:443/api");
  EXPECT_EQ(request.certificate_authority, "CA");
  EXPECT_THAT(request.headers, Contains("Authorization: Bearer one"));
}

// The kubelet replaces both files.
TEST(Access, FilesAreReadForEachRequest) {
  os::TempDirectory folder;
  Access access{.server = "https://192.0.2.1"};
  access.token.file = folder / "token";
  EXPECT_THAT(access.request("/").error().message, StartsWith("open "));
  os::write_file(access.token.file, "one");
  EXPECT_THAT(access.request("/").value().headers, Contains("Authorization: Bearer one"));
  os::write_file(access.token.file, "two");
  EXPECT_THAT(access.request("/").value().headers, Contains("Authorization: Bearer two"));
  os::write_file(access.token.file, "\n");
  EXPECT_THAT(access.request("/").error().message, ::testing::EndsWith("the file is empty"));
}

TEST(Access, TheNameInTheCertificateMayBeAnother) {
  Access access{.server = "https://192.0.2.1:6443", .tls_server_name = "kubernetes"};
  EXPECT_EQ(access.request("/api").value().url, "https://kubernetes:6443/api");
  EXPECT_EQ(access.request("/api").value().connect_to, "192.0.2.1:6443");
  access.server = "https://[2001:db8::1]";
  EXPECT_EQ(access.request("/api").value().connect_to, "[2001:db8::1]:443");
}

constexpr auto kubeconfig = R"(
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: there, context: {cluster: b, user: b}}
- {name: here, context: {cluster: a, user: a}}
clusters:
- name: a
  cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: Q0E=, tls-server-name: api}
users:
- name: a
  user: {token: secret}
)";

TEST(Kubeconfig, HasTheServerAndTheUserOfTheCurrentContext) {
  const auto access = parse_kubeconfig(kubeconfig, "/etc").value();
  EXPECT_EQ(access.server, "https://192.0.2.1:6443");
  EXPECT_EQ(access.certificate_authority.text, "CA");
  EXPECT_EQ(access.tls_server_name, "api");
  EXPECT_EQ(access.token.text, "secret");
  EXPECT_TRUE(access.verify_server);
}

struct UserCase {
  const char* user;
  const char* error;  // empty: it is accepted
};

class KubeconfigUser : public ::testing::TestWithParam<UserCase> {};

TEST_P(KubeconfigUser, IsAcceptedOrRefusedWithItsLine) {
  const auto& [user, error] = GetParam();
  const auto text = fmt::format(
      "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
      "clusters: [{{name: k, cluster: {{server: 'https://192.0.2.1'}}}}]\nusers: [{{name: u, user: {}}}]\n",
      user);
  const auto access = parse_kubeconfig(text, "/etc");
  EXPECT_EQ(access ? "" : access.error().message, error);
}

INSTANTIATE_TEST_SUITE_P(
    , KubeconfigUser,
    ::testing::Values(
        UserCase{"{token: a}", ""}, UserCase{"{tokenFile: token}", ""},
        UserCase{"{client-certificate: a, client-key: b}", ""}, UserCase{"{}", ""},
        UserCase{"{client-certificate: a}", "line 4: client-certificate and client-key are expected together"},
        UserCase{"{exec: {command: aws}}",
                 "line 4: exec: not supported: a token, a tokenFile or a client certificate is expected"},
        UserCase{"{username: a}",
                 "line 4: username: not supported: a token, a tokenFile or a client certificate is expected"},
        UserCase{"{token: [a]}", "line 4: token: a list: text is expected"},
        UserCase{"{client-key-data: '*', client-certificate: a}", "line 4: client-key-data: base64 is expected"}));

TEST(Kubeconfig, NamesWhatIsMissing) {
  EXPECT_EQ(parse_kubeconfig("{}", "/").error().message, "current-context is not set");
  EXPECT_EQ(parse_kubeconfig("current-context: c", "/").error().message, R"(contexts: no entry named "c")");
  EXPECT_EQ(parse_kubeconfig("current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", "/").error().message,
            R"(clusters: no entry named "k")");
  EXPECT_EQ(read_kubeconfig("/nowhere/config").error().message, "open /nowhere/config: No such file or directory");
}

TEST(Kubeconfig, ARelativePathStartsAtTheFile) {
  os::TempDirectory folder;
  std::string text = kubeconfig;
  text.replace(text.find("token: secret"), 13, "tokenFile: t");
  os::write_file(folder / "config", text);
  const auto access = read_kubeconfig(folder / "config").value();
  EXPECT_EQ(access.token.file, folder / "t");
  EXPECT_THAT(access.token.text, Not(::testing::HasSubstr("secret")));
}

}  // namespace
}  // namespace masq::kubernetes
