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

}  // namespace

Result<void> UplinkAttachments::attach(const std::vector<Uplink>& uplinks, const Programs& programs, bool dry,
                                       Steps& steps) {
  Result<void> result;
  for (const auto& uplink : uplinks) {
    follow_rename(uplink, dry, steps);
    Result<void> attached;
    for (const Hook hook : hooks)
      if (attached) attached = attach_hook(uplink, hook, programs.of(hook, uplink.ethernet), dry, steps);
    keep_first(result, std::move(attached));
  }
  return result;
}

// A renamed device keeps its programs; only their pins move.
void UplinkAttachments::follow_rename(const Uplink& uplink, bool dry, Steps& steps) {
  for (const auto& name : pins_.devices()) {
    if (name == uplink.name) continue;
    const auto link = open_tcx(pins_.device(name) / "egress");
    if (!link || !*link || (*link)->ifindex != uplink.ifindex) continue;
    steps.push_back(fmt::format("move the pins of {} to {}", name, uplink.name));
    if (dry) return;
    const auto target = pins_.device(uplink.name);
    for (const Hook hook : hooks)
      ::unlink((target / to_string(hook)).c_str());  // of a device that had this name before
    ::rmdir(target.c_str());
    ::rename(pins_.device(name).c_str(), target.c_str());
  }
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
bool UplinkAttachments::has_programs(const StandbyDevice& device) const {
  if (mode_ == AttachMode::clsact) {
    const auto found = query_clsact(device.ifindex, Hook::egress);
    return found && *found;
  }
  const auto link = open_tcx(pins_.device(device.name) / "egress");
  return link && *link && (*link)->ifindex == device.ifindex;
}

Result<void> UplinkAttachments::update_standby(const std::vector<StandbyDevice>& standby, const Programs& programs,
                                               Steps& steps) {
  std::vector<Uplink> attached;
  for (const auto& name : pins_.devices()) {
    const auto device = std::ranges::find(standby, name, &StandbyDevice::name);
    if (device == standby.end() || !has_programs(*device)) continue;
    attached.push_back(
        {.ifindex = device->ifindex, .name = device->name, .ethernet = device->ethernet, .ipv4 = {}, .ipv6 = {}});
  }
  return attach(attached, programs, false, steps);
}

Result<void> UplinkAttachments::detach_others(const Desired& desired, bool dry, Steps& steps) {
  Result<void> result;
  for (const auto& name : pins_.devices()) {
    const auto device = std::ranges::find(desired.standby, name, &StandbyDevice::name);
    const bool rests = device != desired.standby.end() && has_programs(*device);
    if (!rests && std::ranges::find(desired.uplinks, name, &Uplink::name) == desired.uplinks.end())
      keep_first(result, detach_device(name, dry, steps));
  }
  return result;
}

// Egress first: no new connection is translated while replies still are.
Result<void> UplinkAttachments::detach_device(const std::string& device, bool dry, Steps& steps) {
  steps.push_back(fmt::format("detach the programs of {}", device));
  if (dry) return {};
  const auto directory = pins_.device(device);
  const auto ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  for (const Hook hook : {Hook::egress, Hook::ingress}) {
    if (::unlink((directory / to_string(hook)).c_str()) != 0 && errno != ENOENT)
      return fail("{}: {}", (directory / to_string(hook)).string(), std::strerror(errno));
    if (ifindex == 0 || mode_ == AttachMode::tcx) continue;
    if (auto detached = detach_clsact(ifindex, hook); !detached) return fail_with(device, detached.error());
  }
  if (::rmdir(directory.c_str()) != 0) return fail("{}: {}", directory.string(), std::strerror(errno));
  return {};
}

}  // namespace masq::bpf
