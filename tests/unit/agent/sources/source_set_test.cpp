// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/source_set.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agent/logging.hpp"
#include "agent/sources/fact_source.hpp"
#include "base/printable.hpp"
#include "base/result.hpp"
#include "model/config.hpp"
#include "model/node.hpp"
#include "unit/agent/fakes.hpp"

namespace masq::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeSource final : public FactSource<std::uint16_t> {
 public:
  using FactSource::FactSource;
  void contribute(Node& node) const override { node.local_port_range.low = value(); }
};

struct SourceSetTest : ::testing::Test {
  FakeTimers timers;
  FakeLog log;
  SourceSet sources{log.log};
  FakeSource& add(const std::string& name, Need need = Need::required) {
    auto source = std::make_unique<FakeSource>(name, need, timers);
    auto& added = *source;
    sources.add(std::move(source));
    return added;
  }
};

TEST_F(SourceSetTest, NamesTheRequiredSourceThatHasNoValue) {
  add("a").push(1);
  auto& b = add("b");
  EXPECT_EQ(sources.gather().error().message, "waiting for the source b");
  b.fail({"no socket"});
  EXPECT_EQ(sources.gather().error().message, "waiting for the source b: no socket");
  b.push(1);
  EXPECT_TRUE(sources.gather());
}

TEST_F(SourceSetTest, TellsWhenTheErrorOfASourceChanges) {
  std::vector<std::string> told;
  sources.on_error_change([&](const Source::State& state) { told.push_back(state.name + ": " + state.error); });
  auto& a = add("a");
  a.push(1);
  EXPECT_TRUE(sources.gather());
  for (const auto* const why : {"line 1", "line 1", "line 2"}) {
    a.fail({why});
    EXPECT_TRUE(sources.gather());
  }
  a.push(1);
  EXPECT_TRUE(sources.gather());
  EXPECT_THAT(told, ElementsAre("a: line 1", "a: line 2", "a: "));
}

TEST_F(SourceSetTest, AnOptionalSourceThatFailsBlocksNothing) {
  add("a").push(1);
  auto& b = add("b", Need::optional);
  EXPECT_TRUE(sources.gather()) << "before its first attempt";
  b.fail({"not a JSON object"});
  EXPECT_TRUE(sources.gather());
  EXPECT_EQ(sources.states().back().error, "not a JSON object");
}

TEST_F(SourceSetTest, LogsAnErrorOnceAndItsEndOnce) {
  auto& a = add("a");
  a.fail({"bad"});
  for (int i = 0; i < 3; ++i) (void)sources.gather();
  EXPECT_EQ(log.take(), "error: a: bad\n");
  a.push(1);
  for (int i = 0; i < 3; ++i) (void)sources.gather();
  EXPECT_EQ(log.take(), "info: a: recovered\n");
}

TEST_F(SourceSetTest, AFailureBesideTheLastValueBlocksNothing) {
  auto& a = add("a");
  a.push(7);
  a.fail({"bad"});
  EXPECT_EQ(sources.gather().value().local_port_range.low, 7);
  EXPECT_EQ(sources.states().front().error, "bad");
}

TEST_F(SourceSetTest, ARemovedSourceIsAwaitedNoLonger) {
  add("a").push(1);
  add("b");
  sources.remove("b");
  EXPECT_TRUE(sources.gather());
  EXPECT_EQ(sources.states().size(), 1u);
}

class ThrowingSource final : public ListedSource<int> {
 public:
  using ListedSource::ListedSource;
  bool works = false;

 protected:
  Result<int> list() override {
    if (!works) throw std::bad_alloc();
    return 1;
  }
};

TEST_F(SourceSetTest, AnExceptionOfOneSourceIsItsError) {
  auto source = std::make_unique<ThrowingSource>("routes", Need::required, timers);
  auto& broken = *source;
  sources.add(std::move(source));
  add("a").push(1);
  EXPECT_EQ(sources.gather().error().message, "waiting for the source routes: internal error: std::bad_alloc");
  broken.works = true;
  EXPECT_TRUE(sources.gather());
}

TEST(Logging, NoMessageControlsTheTerminalOrBeginsALine) {
  FakeLog log;
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    log.log.set_formatter(make_log_formatter(format));
    log.log.error("eth\x1b[2J: \xc2\x9b\x7f\n2026-01-01T00:00:00.000Z error: forged \r\xff");
    const auto text = log.take();
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(printable(text, Layout::keep), text);
    EXPECT_THAT(text, HasSubstr("eth\\u001b[2J: \\u009b\\u007f\\n2026"));
  }
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
}  // namespace masq::agent
