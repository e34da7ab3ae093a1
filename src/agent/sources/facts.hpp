// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "model/node.hpp"

namespace masq::agent {

// Provides the facts about the node to the reconciler.
class Facts {
 public:
  virtual ~Facts() = default;
  // Makes the next gather() read all facts again, also those without a change event.
  virtual void wake() = 0;
  // Returns all current facts. Fails while one of them has never been read.
  virtual Result<Node> gather() = 0;
};

}  // namespace masq::agent
