// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/source_set.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "agent/logging.hpp"
#include "agent/sources/source.hpp"
#include "model/config.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"

namespace masq {
namespace {

using ::testing::HasSubstr;

class FakeSource final : public Source {
 public:
  explicit FakeSource(std::string name) : Source(std::move(name)) {}
  void wake() override {}
  void read() override {
    if (!error.empty()) return failed({error});
    if (knows) delivered({});
  }
  void contribute(Node& node) const override { node.local_port_range.low = 1; }

  bool knows = true;
  std::string error;
};

struct SourceSetTest : ::testing::Test {
  FakeLog log;
  SourceSet sources{log.log};
  FakeSource* add(const std::string& name) {
    auto source = std::make_unique<FakeSource>(name);
    auto* raw = source.get();
    sources.add(std::move(source));
    return raw;
  }
};

TEST_F(SourceSetTest, NameTheOneThatIsWaitedFor) {
  add("a");
  auto* b = add("b");
  b->knows = false;
  EXPECT_EQ(sources.gather().error().message, "waiting for the source b");
  b->error = "no socket";
  EXPECT_EQ(sources.gather().error().message, "waiting for the source b: no socket");
  b->error.clear();
  b->knows = true;
  EXPECT_TRUE(sources.gather());
}

TEST_F(SourceSetTest, SayAnErrorOnceAndItsEndOnce) {
  auto* a = add("a");
  a->error = "bad";
  for (int i = 0; i < 3; ++i) (void)sources.gather();
  EXPECT_EQ(log.take(), "error: a: bad\n");
  a->error.clear();
  for (int i = 0; i < 3; ++i) (void)sources.gather();
  EXPECT_EQ(log.take(), "info: a: recovered\n");
}

TEST_F(SourceSetTest, AnErrorBesideAnOldFactStopsNothing) {
  auto* a = add("a");
  EXPECT_TRUE(sources.gather());
  a->error = "bad";
  EXPECT_EQ(sources.gather().value().local_port_range.low, 1);
  EXPECT_EQ(sources.states().front().error, "bad");
}

TEST(Logging, JsonLinesAreJsonWhateverTheMessage) {
  FakeLog log;
  log.log.set_formatter(make_log_formatter(LogFormat::json));
  log.log.warn("a \"quoted\" \\ line\nand bad \xff UTF-8");
  const auto line = nlohmann::json::parse(log.take());
  EXPECT_EQ(line["level"], "warning");
  EXPECT_THAT(line["message"].get<std::string>(), HasSubstr("a \"quoted\" \\ line\nand bad"));
  EXPECT_TRUE(line.contains("time"));
}

}  // namespace
}  // namespace masq
