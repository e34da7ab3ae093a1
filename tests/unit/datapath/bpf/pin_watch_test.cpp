// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/pin_watch.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <vector>

#include "datapath/bpf/pins.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::bpf {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PinWatchTest : public ::testing::Test {
 protected:
  os::TempDirectory directory;
  Pins pins{directory / "bpf"};
  fs::path policy = pins.map("policy"), control = pins.map("control");

  PinWatchTest() {
    fs::create_directories(pins.maps());
    for (const auto& map : {policy, control}) os::write_file(map, "");
  }
  PinWatch watch() const {
    return PinWatch::of(pins, {policy, control}, [](const auto&) { return true; });
  }
};

TEST_F(PinWatchTest, ARemovedPinIsFound) {
  const auto watched = watch();
  EXPECT_THAT(watched.removed(), IsEmpty());
  fs::remove(control);
  EXPECT_THAT(watched.removed(), ElementsAre(control));
  EXPECT_THAT(watched.replaced(), IsEmpty());
}

// Another process may remove it while masqd applies a state.
TEST_F(PinWatchTest, APinThatIsMissingFromTheBeginIsRemoved) {
  fs::remove_all(pins.maps());
  EXPECT_THAT(watch().removed(), ElementsAre(policy, control));
}

TEST_F(PinWatchTest, APinThatIsNotMasqsIsReplaced) {
  const auto watched = PinWatch::of(pins, {policy, control}, [&](const auto& map) { return map != policy; });
  EXPECT_THAT(watched.replaced(), ElementsAre(policy));
  EXPECT_THAT(watched.removed(), IsEmpty());
}

}  // namespace
}  // namespace masq::bpf
