// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "model/node.hpp"

namespace masq {

// Where the reconciler learns what the node is like.
class Facts {
 public:
  virtual ~Facts() = default;
  // The next gather() reads everything again, also what nobody said had changed.
  virtual void wake() = 0;
  // All facts as they are now; an error while one of them has never been known.
  virtual Result<Node> gather() = 0;
};

}  // namespace masq
