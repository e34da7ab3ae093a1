// SPDX-License-Identifier: Apache-2.0
#include "agent/sources/cni_source.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "agent/sources/cni_configuration.hpp"
#include "base/cidr.hpp"
#include "base/result.hpp"
#include "os/event_loop.hpp"
#include "os/file.hpp"
#include "os/file_watch.hpp"

namespace masq::agent {
namespace {

constexpr std::size_t max_configuration_size = 1 << 20;

}  // namespace

Result<std::unique_ptr<CniSource>> CniSource::open(os::EventLoop& loop, std::filesystem::path directory,
                                                   Changed changed) {
  std::unique_ptr<CniSource> source(new CniSource(loop, std::move(directory), std::move(changed)));
  TRY(source->watch_, os::FileWatch::open(loop, source->directory_, [raw = source.get()] { raw->invalidate(); }));
  return source;
}

Result<std::vector<Cidr>> CniSource::list() {
  TRY(const auto path, find_cni_configuration(directory_));
  if (!path) return std::vector<Cidr>();
  TRY(const auto text, os::read_file(*path, max_configuration_size));
  auto subnets = parse_cni_configuration(text);
  if (!subnets) return fail_with(path->string(), subnets.error());
  return subnets;
}

}  // namespace masq::agent
