// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/cni_source.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "agent/sources/cni_configuration.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"

namespace masq {
namespace {

constexpr std::size_t max_configuration_size = 1 << 20;

}  // namespace

Result<std::unique_ptr<CniSource>> CniSource::open(EventLoop& loop, std::filesystem::path directory,
                                                   std::function<void()> changed) {
  std::unique_ptr<CniSource> source(new CniSource(loop, std::move(directory)));
  auto watch = FileWatch::open(loop, source->directory_, [raw = source.get(), changed = std::move(changed)] {
    raw->wake();
    changed();
  });
  if (!watch) return std::unexpected(watch.error());
  source->watch_ = std::move(*watch);
  return source;
}

Result<std::vector<Cidr>> CniSource::read_subnets() const {
  auto path = find_cni_configuration(directory_);
  if (!path) return std::unexpected(path.error());
  if (!*path) return std::vector<Cidr>();
  auto text = read_file(**path, max_configuration_size);
  if (!text) return std::unexpected(text.error());
  auto subnets = parse_cni_configuration(*text);
  if (!subnets) return fail_with((*path)->string(), subnets.error());
  return subnets;
}

// This fact is optional: the pod CIDRs may come from another source.
void CniSource::read() {
  if (!stale_) return;
  stale_ = false;
  auto subnets = read_subnets();
  if (!subnets) return failed_or_absent(timers_.now(), subnets.error());
  subnets_ = std::move(*subnets);
  delivered(timers_.now());
}

}  // namespace masq
