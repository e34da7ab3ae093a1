// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/sources/route_query.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "model/desired.hpp"

namespace masq::agent {

// The parameters of GET /v1/explain?source=10.0.1.5&destination=8.8.8.8.
struct Question {
  Address source;
  Address destination;
};
Result<Question> parse_question(std::string_view target);

// The way of the packet according to the kernel: by the device toward the source, without a mark.
struct Way {
  std::vector<std::string> devices;  // by which it leaves: several for a multipath route, the kernel's choice first
  KernelRoute route;
  std::string refusal;             // why the kernel does not forward it: "Network is unreachable"; empty: it does
  std::string source_device = {};  // by which the answers to the source leave
};
// Fails if the kernel has no route to the source.
Result<Way> ask_kernel(const Question& question);

// Returns the reply, which is also the output of `masq explain -o json`: docs/reference.md. If `way` failed, it has
// every uplink: the source may be an address that the node does not reach yet.
nlohmann::ordered_json answer_question(const Desired& desired, const Question& question, const Result<Way>& way);

}  // namespace masq::agent
