// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/bpf/uplink_attachments.hpp"
#include "model/desired.hpp"
#include "model/finding.hpp"

namespace masq::bpf {

// A program of masq that must be on a hook.
struct ExpectedProgram {
  int ifindex = 0;
  std::string device;
  Hook hook = Hook::ingress;
  std::uint32_t program = 0;  // its id
};

// Returns the programs of the uplinks, and the ingress programs of the inbound devices and of these bridges.
Result<std::vector<ExpectedProgram>> expected_programs(const Desired& desired, const std::vector<SideDevice>& bridges,
                                                       const UplinkAttachments::Programs& loaded);

// Reads the hooks from the kernel. Returns a finding for each program that is not there (drift), and for programs that
// come before masq's: a packet that they end does not reach masq, and a packet that another masq translates is none of
// a pod for this one. It costs a few system calls for each hook.
std::vector<Finding> check_hooks(const std::vector<ExpectedProgram>& expected, AttachMode mode);

}  // namespace masq::bpf
