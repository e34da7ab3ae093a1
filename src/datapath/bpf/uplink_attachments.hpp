// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"

namespace masq {

enum class AttachMode : std::uint8_t { tcx, clsact };

// The programs on the devices. Everything is found anew in the kernel at each call, so whatever others broke is
// mended by the next one; what is right already is not touched.
class UplinkAttachments {
 public:
  UplinkAttachments(const Pins& pins, AttachMode mode) : pins_(pins), mode_(mode) {}

  // Descriptors of the programs for devices with an Ethernet header and for those without.
  struct Programs {
    int ingress = -1;
    int egress = -1;
    int ingress_l3 = -1;
    int egress_l3 = -1;
    int of(Hook hook, bool ethernet) const {
      if (hook == Hook::ingress) return ethernet ? ingress : ingress_l3;
      return ethernet ? egress : egress_l3;
    }
  };

  // Ingress before egress, so that an answer never comes before we can translate it. A device that fails does not
  // keep the others waiting: its error is returned after them. `dry`: only the steps.
  Result<void> attach(const std::vector<Uplink>& uplinks, const Programs& programs, bool dry, Steps& steps);
  // Gives the programs of resting devices, where there are any, their new version.
  Result<void> update_resting(const std::vector<RestingDevice>& resting, const Programs& programs, Steps& steps);
  // Takes the programs off every device that is no uplink and not resting.
  Result<void> detach_others(const Desired& desired, bool dry, Steps& steps);

 private:
  Result<void> attach_hook(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  Result<void> attach_hook_tcx(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  Result<void> attach_hook_clsact(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  void follow_rename(const Uplink& uplink, bool dry, Steps& steps);
  bool has_programs(const RestingDevice& device) const;
  Result<void> detach_device(const std::string& device, bool dry, Steps& steps);

  const Pins& pins_;
  AttachMode mode_;
};

}  // namespace masq
