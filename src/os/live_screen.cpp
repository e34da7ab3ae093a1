// SPDX-License-Identifier: Apache-2.0
#include "os/live_screen.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/printable.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"

namespace masq::os {
namespace {

// ECMA-48 and xterm: switch to the alternate screen and hide the cursor, and back.
constexpr std::string_view other_screen = "\033[?1049h\033[?25l";
constexpr std::string_view own_screen = "\033[?25h\033[?1049l";
constexpr std::string_view from_the_top = "\033[H";
constexpr std::string_view next_line = "\033[K\r\n";
constexpr std::string_view nothing_below = "\033[J";

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Sets the terminal to raw input during its lifetime: keys arrive immediately and are not echoed.
class Terminal {
 public:
  Terminal() {
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before_) == 0) {
      has_keys_ = true;
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write_all(other_screen);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    write_all(own_screen);
    if (has_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  bool has_keys() const { return has_keys_; }

 private:
  termios before_{};
  bool has_keys_ = false;
};

ScreenSize screen_size() {
  ScreenSize size;
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0)
    size = {.rows = window.ws_row, .columns = window.ws_col};
  return size;
}

// Cuts lines below the last row and text right of the last column.
std::string frame(std::string_view text, ScreenSize size) {
  std::string out(from_the_top);
  for (int row = 1; !text.empty(); ++row) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    out += line.substr(0, static_cast<std::size_t>(size.columns));
    if (row == size.rows) return out += "\033[K";
    out += next_line;
  }
  return out += nothing_below;
}

class LiveScreen {
 public:
  LiveScreen(EventLoop& loop, const Draw& draw, std::chrono::milliseconds interval)
      : loop_(loop), draw_(draw), interval_(interval), next_(loop) {}

  Result<void> run() {
    auto signals = loop_.on_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP},
                                    [this](int signal) { on_signal(signal); });
    if (!signals) return signals;
    terminal_.emplace();
    if (terminal_->has_keys()) {
      TRY(keys_, loop_.watch(STDIN_FILENO, EPOLLIN, [this](std::uint32_t) { on_key(); }));
    }
    redraw();
    TRY_DO(ended_ ? Result<void>() : loop_.run());
    terminal_.reset();
    return result_;
  }

 private:
  void end(Result<void> result) {
    result_ = std::move(result);
    ended_ = true;
    loop_.stop();
  }

  void redraw() {
    next_.start(interval_, [this] { redraw(); });
    const auto size = screen_size();
    auto text = draw_(size);
    if (!text) return end(std::unexpected(text.error()));
    // A terminal that is stopped by ^S accepts no output. A blocking write would delay signals.
    pollfd screen{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&screen, 1, 0) != 1 || (screen.revents & POLLOUT) == 0) return;
    if (!write_all(frame(printable(*text, Layout::keep), size)))
      end(fail("write to the terminal: {}", std::strerror(errno)));
  }

  void on_key() {
    char keys[64];
    const ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0) return end({});  // the terminal is closed
    if (std::string_view(keys, static_cast<std::size_t>(count)).find_first_of("qQ\x03\x04") != std::string_view::npos)
      end({});
  }

  void on_signal(int signal) {
    if (signal == SIGWINCH) return redraw();
    if (signal != SIGTSTP) return end({});
    terminal_.reset();
    raise(SIGSTOP);
    terminal_.emplace();
    redraw();
  }

  EventLoop& loop_;
  const Draw& draw_;
  std::chrono::milliseconds interval_;
  Timer next_;
  std::optional<Terminal> terminal_;
  EventLoop::Watch keys_;
  Result<void> result_;
  bool ended_ = false;
};

}  // namespace

bool has_screen() {
  return isatty(STDOUT_FILENO) == 1;
}

Result<void> run_live_screen(const Draw& draw, std::chrono::milliseconds interval) {
  TRY(auto loop, EventLoop::open());
  return LiveScreen(*loop, draw, interval).run();
}

}  // namespace masq::os
