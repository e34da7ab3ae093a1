// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "agent/sources/fact_source.hpp"
#include "os/event_loop.hpp"
#include "os/file_watch.hpp"

namespace masq::agent {

// The pods' subnets from the node's CNI configuration. It is optional: the pod CIDRs may come from another source.
class CniSource final : public ListedSource<std::vector<Cidr>> {
 public:
  static Result<std::unique_ptr<CniSource>> open(os::EventLoop& loop, std::filesystem::path directory, Changed changed);

  void contribute(Node& node) const override { node.cni_pod_cidrs = value(); }

 private:
  CniSource(os::Timers& timers, std::filesystem::path directory, Changed changed)
      : ListedSource("cni", Need::optional, timers, std::move(changed)), directory_(std::move(directory)) {}
  Result<std::vector<Cidr>> list() override;

  std::filesystem::path directory_;
  std::unique_ptr<os::FileWatch> watch_;
};

}  // namespace masq::agent
