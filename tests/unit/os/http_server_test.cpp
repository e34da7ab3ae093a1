// SPDX-License-Identifier: Apache-2.0
#include "os/http_server.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "os/http_client.hpp"
#include "os/tcp_socket.hpp"
#include "os/unix_socket.hpp"
#include "unit/os/loop_test.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq::os {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public LoopTest {
 protected:
  TempDirectory directory;
  std::filesystem::path path = directory / "socket";
  std::string large = std::string(3 << 20, 'x');
  std::unique_ptr<HttpServer> server =
      HttpServer::open(*loop, listen_at(path).value(), [this](std::string_view target) {
        if (target == "/large") return HttpReply{.body = large};
        if (target == "/there?a=b") return HttpReply{.body = "here"};
        return HttpReply{.status = 404, .body = "no"};
      }).value();

  Fd connect() { return connect_to(path, std::chrono::seconds(5)).value(); }
  static void say(const Fd& fd, std::string_view text) {
    EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Everything up to the end that the server makes.
  std::string hear(const Fd& fd) {
    std::string text, buffer(65536, '\0');
    bool ended = false;
    EXPECT_TRUE(eventually([&] {
      const ssize_t count = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) text.append(buffer, 0, static_cast<std::size_t>(count));
      ended = count == 0 || (count < 0 && errno == ECONNRESET);
      return ended;
    }));
    return text;
  }
  std::string ask(std::string_view request) {
    const auto fd = connect();
    say(fd, request);
    return hear(fd);
  }
};

TEST_F(HttpServerTest, AnswersAGet) {
  EXPECT_EQ(ask("GET /there?a=b HTTP/1.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n"
            "Connection: close\r\n\r\nhere");
}

TEST_F(HttpServerTest, AnswersAHeadWithoutTheBody) {
  EXPECT_THAT(ask("HEAD /there?a=b HTTP/1.1\r\n\r\n"), EndsWith("Content-Length: 4\r\nConnection: close\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesWhatItDoesNotSpeak) {
  EXPECT_THAT(ask("GET /other HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /there HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("GET\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /there SMTP\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, TakesARequestInPieces) {
  const auto fd = connect();
  for (const char* piece : {"GET /there", "?a=b HTTP/1.1\r", "\n\r", "\n"}) {
    say(fd, piece);
    catch_up();
  }
  EXPECT_THAT(hear(fd), EndsWith("here"));
}

TEST_F(HttpServerTest, RefusesARequestWithoutEnd) {
  const auto fd = connect();
  say(fd, "GET / HTTP/1.1\r\nX: ");
  say(fd, std::string(70'000, 'x'));
  EXPECT_THAT(hear(fd), HasSubstr("431"));
}

TEST_F(HttpServerTest, SendsMoreThanASocketHolds) {
  const auto text = ask("GET /large HTTP/1.1\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_TRUE(text.ends_with("\r\n\r\n" + large));
}

TEST_F(HttpServerTest, ServesOthersWhileSomeAreSlow) {
  std::vector<Fd> slow;
  for (int i = 0; i < 60; ++i) {
    slow.push_back(connect());
    say(slow.back(), "GET ");
  }
  EXPECT_THAT(ask("GET /there?a=b HTTP/1.1\r\n\r\n"), EndsWith("here"));
}

TEST_F(HttpServerTest, ThoseBeyondTheLimitWaitForTheirTurn) {
  std::vector<Fd> first;
  for (int i = 0; i < 64; ++i) first.push_back(connect());
  catch_up();
  const auto fd = connect();
  say(fd, "GET /there?a=b HTTP/1.1\r\n\r\n");
  catch_up();
  EXPECT_LT(recv(fd.get(), &large[0], 1, MSG_DONTWAIT), 0);
  first.clear();
  EXPECT_THAT(hear(fd), EndsWith("here"));
}

TEST_F(HttpServerTest, TheOldestGivesWayWhereThatIsWanted) {
  const auto path_of_public = directory / "public";
  const auto open_to_all =
      HttpServer::open(*loop, listen_at(path_of_public).value(), [](auto) { return HttpReply{.body = "here"}; },
                       {.busiest_gives_way = true});
  std::vector<Fd> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(connect_to(path_of_public, std::chrono::seconds(5)).value());
  const auto fd = connect_to(path_of_public, std::chrono::seconds(5)).value();
  say(fd, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(hear(fd), EndsWith("here"));
  EXPECT_EQ(hear(silent.front()), "");
  char byte = 0;
  EXPECT_LT(recv(silent.back().get(), &byte, 1, MSG_DONTWAIT), 0) << "the newest are still there";
}

// A client of `server`, a TCP listener at 127.0.0.1, from the given address.
Fd connect_from(std::uint32_t address, const sockaddr_in& server) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in own{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(address)}, .sin_zero = {}};
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server), 0);
  return fd;
}

TEST_F(HttpServerTest, AnAddressWithManyConnectionsTakesNoneFromAnother) {
  auto listener = listen_on_tcp("127.0.0.1:0").value();
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  const auto open_to_all = HttpServer::open(*loop, std::move(listener), [](auto) { return HttpReply{.body = "here"}; },
                                            {.busiest_gives_way = true});
  const auto patient = connect_from(INADDR_LOOPBACK + 1, at);
  std::vector<Fd> many;
  for (int i = 0; i < 200; ++i) many.push_back(connect_from(INADDR_LOOPBACK, at));
  EXPECT_EQ(hear(many.front()), "");
  say(patient, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(hear(patient), EndsWith("here"));
}

TEST_F(HttpServerTest, SilentClientsOfManyAddressesKeepNoRequestWaiting) {
  auto listener = listen_on_tcp("127.0.0.1:0").value();
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  const auto open_to_all = HttpServer::open(
      *loop, std::move(listener), [this](auto) { return HttpReply{.body = large}; }, {.busiest_gives_way = true});
  const auto reader = connect_from(INADDR_LOOPBACK, at);
  say(reader, "GET / HTTP/1.1\r\n\r\n");
  catch_up();  // it has not read its reply
  std::vector<Fd> silent;
  for (std::uint32_t i = 1; i <= 200; ++i) silent.push_back(connect_from(INADDR_LOOPBACK + i, at));
  const auto prometheus = connect_from(INADDR_LOOPBACK + 1000, at);
  say(prometheus, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(hear(prometheus).ends_with(large));
  EXPECT_TRUE(hear(reader).ends_with(large)) << "silent clients took its place";
}

TEST_F(HttpServerTest, AnExceptionOfTheHandlerIsAReply) {
  const auto failing = HttpServer::open(*loop, listen_at(directory / "failing").value(),
                                        [](auto) -> HttpReply { throw std::bad_alloc(); });
  const auto fd = connect_to(directory / "failing", std::chrono::seconds(5)).value();
  say(fd, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(hear(fd), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
}

TEST_F(HttpServerTest, ASilentClientIsLeftAfterItsDeadline) {
  const auto hasty = HttpServer::open(*loop, listen_at(directory / "hasty").value(), [](auto) { return HttpReply(); },
                                      {.timeout = std::chrono::milliseconds(50)});
  const auto fd = connect_to(directory / "hasty", std::chrono::seconds(5)).value();
  const auto begin = loop->now();
  say(fd, "GET ");
  EXPECT_EQ(hear(fd), "");
  EXPECT_GE(loop->now() - begin, std::chrono::milliseconds(50));
}

TEST_F(HttpServerTest, TheClientAsksAndHears) {
  auto answer = std::async(std::launch::async, [&] { return http_get(path, "/there?a=b"); });
  ASSERT_TRUE(eventually([&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  const auto got = answer.get().value();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "here");
}

TEST_F(HttpServerTest, AStreamGoesOnAfterTheHeader) {
  Fd stream;
  const auto streaming = HttpServer::open(*loop, listen_at(directory / "streaming").value(), [&](auto target) {
    if (target != "/stream") return HttpReply{.status = 503, .body = "no"};
    return HttpReply{.body = {}, .stream = [&](Fd connection) { stream = std::move(connection); }};
  });
  const auto ask = [&](const char* target) {
    auto answer = std::async(std::launch::async, [&, target] { return http_stream(directory / "streaming", target); });
    EXPECT_TRUE(eventually([&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    return answer.get().value();
  };
  const auto got = ask("/stream");
  EXPECT_EQ(got.answer.status, 200);
  EXPECT_EQ(got.stream.begin, "");
  for (const std::string_view part : {"one", "two"}) {
    say(stream, part);
    std::array<char, 16> text{};
    EXPECT_EQ(recv(got.stream.connection.get(), text.data(), text.size(), 0), static_cast<ssize_t>(part.size()));
    EXPECT_EQ(text.data(), part);
  }
  const auto refused = ask("/other");
  EXPECT_EQ(refused.answer.status, 503);
  EXPECT_EQ(refused.answer.body, "no");
}

TEST(HttpClient, NobodyThereIsAnError) {
  const TempDirectory directory;
  const auto answer = http_get(directory / "none", "/");
  EXPECT_THAT(answer.error().message, HasSubstr((directory / "none").string()));
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(lstat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(ListenAt, IsForOwnerAndGroupOnlyWhateverTheUmask) {
  const TempDirectory directory;
  const auto inherited = umask(0);
  EXPECT_TRUE(make_private_directory(directory / "a/b"));
  EXPECT_TRUE(listen_at(directory / "a/b/socket"));
  umask(inherited);
  EXPECT_EQ(mode_of(directory / "a/b"), 0750u);
  EXPECT_EQ(mode_of(directory / "a/b/socket"), 0660u);
}

TEST(ListenAt, ReplacesALeftSocketAndNothingElse) {
  const TempDirectory directory;
  const auto socket = directory / "socket", file = directory / "file", link = directory / "link";
  EXPECT_TRUE(listen_at(socket));
  EXPECT_TRUE(listen_at(socket));
  write_file(file, "mine");
  std::filesystem::create_symlink(file, link);
  EXPECT_FALSE(listen_at(file));
  EXPECT_FALSE(listen_at(link));
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_FALSE(listen_at(directory / std::string(200, 'x')));
}

}  // namespace
}  // namespace masq::os
