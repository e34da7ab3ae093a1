// SPDX-License-Identifier: Apache-2.0
#include "agent/node_locks.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include "base/result.hpp"
#include "datapath/backends.hpp"
#include "model/config.hpp"
#include "os/event_loop.hpp"
#include "os/lock.hpp"
#include "os/mount.hpp"
#include "os/own_directory.hpp"
#include "os/unix_socket.hpp"

namespace masq::agent {
namespace {

// A killed masqd holds its locks until the kernel has ended it, and a child of it until it executes another program.
constexpr auto patience = std::chrono::seconds(1);
constexpr auto pause_between_attempts = std::chrono::milliseconds(10);

template <class Lock>
auto retry_lock(Lock lock) {
  const auto until = std::chrono::steady_clock::now() + patience;
  auto taken = lock();
  while (!taken && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(pause_between_attempts);
    taken = lock();
  }
  return taken;
}

// In a bpffs that every user may write to, another user may have created the directory of the pins. masqd refuses it,
// and moves it away, so that the next start works.
Result<void> check_pins_directory(const std::filesystem::path& pins) {
  const auto checked = os::check_own_directory(pins);
  if (checked) return {};
  const auto aside = fmt::format("{}-refused-{}", pins.string(), getpid());
  if (rename(pins.c_str(), aside.c_str()) != 0) return checked;
  TRY_DO(os::make_own_directory(pins, 0700));
  return fail("{} (it is {} now: start masqd again)", checked.error().message, aside);
}

}  // namespace

Result<NodeLocks> NodeLocks::take(const Config& config) {
  NodeLocks locks;
  const std::filesystem::path socket = config.socket_path;
  TRY_DO(os::make_private_directory(socket.parent_path()));
  TRY(auto socket_lock, retry_lock([&] { return os::lock_file(config.socket_path + ".lock", "masqd"); }));
  TRY(auto namespace_lock, retry_lock([] { return os::lock_network_namespace("masq/masqd", "masqd"); }));
  locks.socket_ = std::move(socket_lock);
  locks.network_namespace_ = std::move(namespace_lock);
  return locks;
}

// The kernel's own mount of a bpffs is open to every user, who could hold a lock on it. The directory of the pins is
// not.
Result<void> NodeLocks::lock_bpf_root(const std::string& bpf_root) {
  if (bpf_root_) return {};
  const auto pins = pins_directory(bpf_root);
  TRY_DO(os::check_own_directory(bpf_root));
  TRY_DO(check_pins_directory(pins));
  TRY(const auto open, os::is_open_to_others(bpf_root));
  if (open) TRY_DO(os::make_own_directory(pins, 0700));
  TRY(bpf_root_,
      retry_lock([&] { return os::lock_directory(open ? pins : std::filesystem::path(bpf_root), "masqd"); }));
  return {};
}

void NodeLocks::unlink_lock_file(const Config& config) const {
  unlink((config.socket_path + ".lock").c_str());
}

Result<void> NodeLocks::serve_lock_owner(os::EventLoop& loop) {
  if (!network_namespace_) return {};
  TRY(newcomers_, loop.watch(network_namespace_.get(), EPOLLIN,
                             [lock = network_namespace_.get()](std::uint32_t) { os::drain_connections(lock); }));
  return {};
}

Result<NodeLocks> lock_node(const Config& config) {
  TRY(auto locks, NodeLocks::take(config));
  const auto mounted = os::is_bpffs(config.bpf_root);
  if (!mounted) return fail_with("bpf-root", mounted.error());
  if (*mounted) TRY_DO(locks.lock_bpf_root(config.bpf_root));
  return locks;
}

Result<void> mount_bpf_root(const Config& config, NodeLocks& locks) {
  if (auto made = os::make_bpffs(config.bpf_root); !made) return fail_with("bpf-root", made.error());
  return locks.lock_bpf_root(config.bpf_root);
}

}  // namespace masq::agent
