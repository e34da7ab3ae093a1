// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"

namespace masq::bpf {

enum class AttachMode : std::uint8_t { tcx, clsact };

// The programs on the devices. Each call reads the state of the kernel, so that it repairs foreign changes, and does
// not change correct attachments.
class UplinkAttachments {
 public:
  UplinkAttachments(const Pins& pins, AttachMode mode) : pins_(pins), mode_(mode) {}

  // Descriptors of the programs for devices with an Ethernet header, and for devices without one.
  struct Programs {
    int ingress = -1;
    int egress = -1;
    int ingress_l3 = -1;
    int egress_l3 = -1;
    int bridge = -1;  // the ingress program of a bridge with pods
    int of(Hook hook, bool ethernet) const {
      if (hook == Hook::ingress) return ethernet ? ingress : ingress_l3;
      return ethernet ? egress : egress_l3;
    }
  };

  // Attaches ingress before egress, so that every reply is translated. An error of one device does not affect the
  // others; it is returned at the end. `dry`: returns the steps only.
  Result<void> attach(const std::vector<Uplink>& uplinks, const Programs& programs, bool dry, Steps& steps);
  // The same for devices by which packets from outside may arrive: the ingress program only.
  Result<void> attach_inbound(const std::vector<SideDevice>& devices, const Programs& programs, bool dry, Steps& steps);
  // Attaches the program of bridges to those that bridges_to_watch() returned.
  Result<void> attach_bridges(const std::vector<SideDevice>& bridges, const Programs& programs, bool dry, Steps& steps);
  // Returns the bridges of `desired` that have no egress program: a standby device that was an uplink keeps both.
  std::vector<SideDevice> bridges_to_watch(const Desired& desired) const;
  // Updates the egress programs of standby devices that have one.
  Result<void> update_standby(const std::vector<SideDevice>& standby, const Programs& programs, Steps& steps);
  // Detaches the programs that a device must not have (any more): an uplink keeps both, a standby device those that it
  // has, and an inbound device or a bridge with pods the ingress program.
  Result<void> detach_others(const Desired& desired, bool dry, Steps& steps);

 private:
  Result<void> attach_ingress(const std::vector<SideDevice>& devices,
                              const std::function<int(const SideDevice&)>& program_of, bool dry, Steps& steps);
  Result<void> attach_hook(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  Result<void> attach_hook_tcx(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  Result<void> attach_hook_clsact(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps);
  // The devices whose pinned programs are attached, by ifindex.
  using PinnedDevices = std::unordered_map<int, std::string>;
  PinnedDevices pinned_devices() const;
  void follow_rename(const Uplink& uplink, const PinnedDevices& pinned, bool dry, Steps& steps);
  bool has_egress_program(const SideDevice& device) const;
  bool has_pin(const std::string& device, Hook hook) const;
  Result<void> detach_hook(const std::string& device, Hook hook);
  Result<void> detach_device(const std::string& device, bool dry, Steps& steps);
  Result<void> detach_egress(const std::string& device, bool dry, Steps& steps);

  const Pins& pins_;
  AttachMode mode_;
};

}  // namespace masq::bpf
