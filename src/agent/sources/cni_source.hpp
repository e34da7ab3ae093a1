// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "agent/sources/source.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"

namespace masq {

// The pods' subnets from the node's CNI configuration.
class CniSource final : public Source {
 public:
  static Result<std::unique_ptr<CniSource>> open(EventLoop& loop, std::filesystem::path directory,
                                                 std::function<void()> changed);

  void wake() override { stale_ = true; }
  void read() override;
  void contribute(Node& node) const override { node.cni_pod_cidrs = subnets_; }

 private:
  CniSource(Timers& timers, std::filesystem::path directory)
      : Source("cni"), timers_(timers), directory_(std::move(directory)) {}
  Result<std::vector<Cidr>> read_subnets() const;

  Timers& timers_;
  std::filesystem::path directory_;
  std::unique_ptr<FileWatch> watch_;
  bool stale_ = true;
  std::vector<Cidr> subnets_;
};

}  // namespace masq
