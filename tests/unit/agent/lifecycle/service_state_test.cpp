// SPDX-License-Identifier: Apache-2.0
#include "agent/lifecycle/service_state.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/unix_socket.hpp"
#include "unit/agent/fakes.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServiceStateTest : public testing::Test {
 protected:
  os::TempDirectory directory;
  std::string socket_path = directory / "notify";
  os::Fd manager{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  FakeTimers clock;
  FakeLog log;
  ServiceState service{socket_path, clock, log.log};

  void SetUp() override {
    const auto address = os::UnixAddress::make(socket_path).value();
    ASSERT_EQ(bind(manager.get(), address.get(), address.size), 0);
  }
  std::vector<std::string> received() {
    std::vector<std::string> texts;
    std::array<char, 128> text;
    for (ssize_t size = 0; (size = recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT)) > 0;)
      texts.emplace_back(text.data(), static_cast<std::size_t>(size));
    return texts;
  }
};

TEST_F(ServiceStateTest, IsReadyOnceWithTheFirstStateInForce) {
  service.pass_ended(false);
  EXPECT_THAT(received(), IsEmpty());
  service.pass_ended(true);
  EXPECT_THAT(received(), ElementsAre("READY=1"));
  service.pass_ended(true);
  EXPECT_THAT(received(), IsEmpty());
}

TEST_F(ServiceStateTest, IsReadyAgainAfterTheFirstPassOfAReload) {
  service.pass_ended(true);
  service.reload_begins();
  EXPECT_THAT(received(), ElementsAre("READY=1", "RELOADING=1\nMONOTONIC_USEC=3600000000"));
  service.pass_ended(true);
  service.pass_ended(true);
  EXPECT_THAT(received(), ElementsAre("READY=1"));
}

TEST_F(ServiceStateTest, AReloadDuringTheStartIsPartOfTheStart) {
  service.reload_begins();
  service.pass_ended(false);
  EXPECT_THAT(received(), IsEmpty());
  service.pass_ended(true);
  EXPECT_THAT(received(), ElementsAre("READY=1"));
}

TEST_F(ServiceStateTest, ReportsItsEnd) {
  service.stops();
  EXPECT_THAT(received(), ElementsAre("STOPPING=1"));
}

TEST_F(ServiceStateTest, AManagerThatDoesNotListenIsLogged) {
  ServiceState unheard(directory / "nobody", clock, log.log);
  unheard.pass_ended(true);
  EXPECT_THAT(log.take(), HasSubstr("NOTIFY_SOCKET"));
}

}  // namespace
}  // namespace masq::agent
