// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"

namespace masq {

// The change from the datapaths that the kernel has (`others`) to the chosen one. Live connections keep their external
// endpoints, and no packet leaves unmasqueraded.
//
//   the chosen one:  check          import_mappings  apply                            commit_import
//   the other one:           suspend, export                 export again  remove
//
// Laws, which are tested for this class, and for each pair of datapaths by the scenarios "datapaths":
// - a failure that check() predicts changes nothing;
// - a later failure is undone: the chosen datapath is removed, and the others resume;
// - also what a killed process suspended resumes, whichever datapath is chosen next;
// - exported connections keep their external endpoints, and those that start meanwhile follow;
// - once the chosen datapath masquerades, its failures are not undone, because only it prevents leaks.
class DatapathChange {
 public:
  using Others = std::vector<std::unique_ptr<Datapath>>;

  // Removes from `others` what is removed from the kernel.
  DatapathChange(Datapath& chosen, Others& others) : chosen_(chosen), others_(others) {}

  // Returns the executed steps. After an error the change can be repeated.
  Result<Steps> run(const Desired& desired);

 private:
  Result<Steps> take_place(const Desired& desired);
  Result<Steps> replace_others(Steps steps);
  Result<Steps> replace(Datapath& other);
  Error undo(const Desired& desired, Error why);

  Datapath& chosen_;
  Others& others_;
  bool any_suspended_ = false;
};

}  // namespace masq
