// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/uplink_attachments.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/clsact.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/tcx.hpp"
#include "datapath/datapath.hpp"
#include "model/desired.hpp"

namespace masq::bpf {
namespace {

constexpr Hook hooks[] = {Hook::ingress, Hook::egress};

void keep_first(Result<void>& result, Result<void> next) {
  if (result && !next) result = std::move(next);
}

std::map<std::string, const SideDevice*> by_name(const std::vector<SideDevice>& devices) {
  std::map<std::string, const SideDevice*> found;
  for (const auto& device : devices) found[device.name] = &device;
  return found;
}

Uplink without_addresses(const SideDevice& device) {
  return {.ifindex = device.ifindex, .name = device.name, .ethernet = device.ethernet, .ipv4 = {}, .ipv6 = {}};
}

}  // namespace

Result<void> UplinkAttachments::attach(const std::vector<Uplink>& uplinks, const Programs& programs, bool dry,
                                       Steps& steps) {
  Result<void> result;
  const auto pinned = pinned_devices();
  for (const auto& uplink : uplinks) {
    follow_rename(uplink, pinned, dry, steps);
    Result<void> attached;
    for (const Hook hook : hooks)
      if (attached) attached = attach_hook(uplink, hook, programs.of(hook, uplink.ethernet), dry, steps);
    keep_first(result, std::move(attached));
  }
  return result;
}

// Each pin is opened once: a node may have thousands of uplinks.
UplinkAttachments::PinnedDevices UplinkAttachments::pinned_devices() const {
  PinnedDevices pinned;
  for (const auto& name : pins_.devices()) {
    const auto link = open_tcx(pins_.device(name) / to_string(Hook::ingress));
    if (link && *link && (*link)->ifindex != 0) pinned.emplace((*link)->ifindex, name);
  }
  return pinned;
}

// A renamed device keeps its programs; only their pins move.
void UplinkAttachments::follow_rename(const Uplink& uplink, const PinnedDevices& pinned, bool dry, Steps& steps) {
  const auto found = pinned.find(uplink.ifindex);
  if (found == pinned.end() || found->second == uplink.name) return;
  steps.push_back(fmt::format("move the pins of {} to {}", found->second, uplink.name));
  if (dry) return;
  const auto target = pins_.device(uplink.name);
  for (const Hook hook : hooks) ::unlink((target / to_string(hook)).c_str());  // of a device that had this name before
  ::rmdir(target.c_str());
  ::rename(pins_.device(found->second).c_str(), target.c_str());
}

Result<void> UplinkAttachments::attach_hook(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps) {
  if (!dry)
    if (auto made = make_directory(pins_.device(uplink.name)); !made) return made;
  auto attached = mode_ == AttachMode::tcx ? attach_hook_tcx(uplink, hook, program, dry, steps)
                                           : attach_hook_clsact(uplink, hook, program, dry, steps);
  if (!attached) return fail_with(uplink.name, attached.error());
  return {};
}

Result<void> UplinkAttachments::attach_hook_tcx(const Uplink& uplink, Hook hook, int program, bool dry, Steps& steps) {
  const auto pin = pins_.device(uplink.name) / to_string(hook);
  TRY(auto link, open_tcx(pin));
  if (link && link->ifindex == uplink.ifindex) {
    if (dry) return {};
    TRY(auto id, program_id(program));
    if (link->program_id == id) return {};
    steps.push_back(fmt::format("update the {} program of {}", to_string(hook), uplink.name));
    return update_tcx(*link, program);
  }
  steps.push_back(fmt::format("attach the {} program to {} (tcx)", to_string(hook), uplink.name));
  if (dry) return {};
  if (link && ::unlink(pin.c_str()) != 0) return fail("{}: {}", pin.string(), std::strerror(errno));
  TRY_DO(attach_tcx(program, uplink.ifindex, hook, pin));
  return {};
}

Result<void> UplinkAttachments::attach_hook_clsact(const Uplink& uplink, Hook hook, int program, bool dry,
                                                   Steps& steps) {
  TRY(auto found, query_clsact(uplink.ifindex, hook));
  if (found && dry) return {};
  if (found) {
    TRY(auto id, program_id(program));
    if (*found == id) return {};
  }
  steps.push_back(fmt::format("{} the {} program {} {} (clsact)", found ? "update" : "attach", to_string(hook),
                              found ? "of" : "to", uplink.name));
  return dry ? Result<void>{} : attach_clsact(program, uplink.ifindex, hook);
}

// The name is not sufficient, because a new device may have it.
bool UplinkAttachments::has_egress_program(const SideDevice& device) const {
  if (mode_ == AttachMode::clsact) {
    const auto found = query_clsact(device.ifindex, Hook::egress);
    return found && *found;
  }
  const auto link = open_tcx(pins_.device(device.name) / to_string(Hook::egress));
  return link && *link && (*link)->ifindex == device.ifindex;
}

bool UplinkAttachments::has_pin(const std::string& device, Hook hook) const {
  return ::access((pins_.device(device) / to_string(hook)).c_str(), F_OK) == 0;
}

Result<void> UplinkAttachments::attach_ingress(const std::vector<SideDevice>& devices,
                                               const std::function<int(const SideDevice&)>& program_of, bool dry,
                                               Steps& steps) {
  Result<void> result;
  const auto pinned = pinned_devices();
  for (const auto& device : devices) {
    const auto as_uplink = without_addresses(device);
    follow_rename(as_uplink, pinned, dry, steps);
    keep_first(result, attach_hook(as_uplink, Hook::ingress, program_of(device), dry, steps));
  }
  return result;
}

Result<void> UplinkAttachments::attach_inbound(const std::vector<SideDevice>& devices, const Programs& programs,
                                               bool dry, Steps& steps) {
  return attach_ingress(
      devices, [&](const SideDevice& device) { return programs.of(Hook::ingress, device.ethernet); }, dry, steps);
}

Result<void> UplinkAttachments::attach_bridges(const std::vector<SideDevice>& bridges, const Programs& programs,
                                               bool dry, Steps& steps) {
  return attach_ingress(bridges, [&](const SideDevice& /*bridge*/) { return programs.bridge; }, dry, steps);
}

std::vector<SideDevice> UplinkAttachments::bridges_to_watch(const Desired& desired) const {
  auto bridges = desired.bridges;
  std::erase_if(bridges, [this](const SideDevice& bridge) { return has_egress_program(bridge); });
  return bridges;
}

Result<void> UplinkAttachments::update_standby(const std::vector<SideDevice>& standby, const Programs& programs,
                                               Steps& steps) {
  std::vector<Uplink> attached;
  const auto pinned = pins_.devices();
  const std::set<std::string> names(pinned.begin(), pinned.end());
  for (const auto& device : standby)
    if (names.contains(device.name) && has_egress_program(device)) attached.push_back(without_addresses(device));
  return attach(attached, programs, false, steps);
}

Result<void> UplinkAttachments::detach_others(const Desired& desired, bool dry, Steps& steps) {
  Result<void> result;
  std::set<std::string> uplinks;
  for (const auto& uplink : desired.uplinks) uplinks.insert(uplink.name);
  const auto standby = by_name(desired.standby);
  auto ingress_only = by_name(desired.inbound);
  ingress_only.merge(by_name(desired.bridges));
  for (const auto& name : pins_.devices()) {
    const auto device = standby.find(name);
    const bool rests = device != standby.end() && has_egress_program(*device->second);
    if (rests || uplinks.contains(name)) continue;
    keep_first(result, ingress_only.contains(name) ? detach_egress(name, dry, steps) : detach_device(name, dry, steps));
  }
  return result;
}

Result<void> UplinkAttachments::detach_hook(const std::string& device, Hook hook) {
  const auto pin = pins_.device(device) / to_string(hook);
  if (::unlink(pin.c_str()) != 0 && errno != ENOENT) return fail("{}: {}", pin.string(), std::strerror(errno));
  const auto ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (ifindex == 0 || mode_ == AttachMode::tcx) return {};
  if (auto detached = detach_clsact(ifindex, hook); !detached) return fail_with(device, detached.error());
  return {};
}

Result<void> UplinkAttachments::detach_egress(const std::string& device, bool dry, Steps& steps) {
  const auto ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (!has_pin(device, Hook::egress) && !has_egress_program({.ifindex = ifindex, .name = device})) return {};
  steps.push_back(fmt::format("detach the egress program of {}", device));
  return dry ? Result<void>{} : detach_hook(device, Hook::egress);
}

// Egress first: no new connection is translated while replies still are.
Result<void> UplinkAttachments::detach_device(const std::string& device, bool dry, Steps& steps) {
  steps.push_back(fmt::format("detach the programs of {}", device));
  if (dry) return {};
  for (const Hook hook : {Hook::egress, Hook::ingress})
    if (auto detached = detach_hook(device, hook); !detached) return detached;
  const auto directory = pins_.device(device);
  if (::rmdir(directory.c_str()) != 0) return fail("{}: {}", directory.string(), std::strerror(errno));
  return {};
}

}  // namespace masq::bpf
