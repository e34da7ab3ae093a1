// SPDX-License-Identifier: Apache-2.0
#include "os/capabilities.hpp"

#include <sys/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "base/result.hpp"

namespace masq::os {
namespace {

struct Free {
  void operator()(void* memory) const { cap_free(memory); }
};
using State = std::unique_ptr<std::remove_pointer_t<cap_t>, Free>;

bool has(cap_t state, int capability, cap_flag_t set) {
  cap_flag_value_t value = CAP_CLEAR;
  return cap_get_flag(state, capability, set, &value) == 0 && value == CAP_SET;
}

// Needs CAP_SETPCAP. Without it no_new_privs has the same effect: a program has at most the capabilities of its parent.
void reduce_bounding_set(const Capabilities& kept) {
  for (int capability = 0; capability < cap_max_bits(); ++capability)
    if (!kept.contains(capability) && cap_drop_bound(capability) != 0) return;
}

}  // namespace

Result<Capabilities> effective_capabilities() {
  const State state(cap_get_proc());
  if (!state) return fail("capabilities: {}", std::strerror(errno));
  Capabilities effective;
  for (int capability = 0; capability < cap_max_bits(); ++capability)
    if (has(state.get(), capability, CAP_EFFECTIVE)) effective.insert(capability);
  return effective;
}

// The kernel takes a capability out of the ambient set when it leaves the inheritable or the permitted one.
Result<void> keep_only(const Capabilities& kept) {
  reduce_bounding_set(kept);
  const State before(cap_get_proc()), after(cap_init());
  if (!before || !after) return fail("capabilities: {}", std::strerror(errno));
  for (const cap_value_t capability : kept)
    for (const auto set : {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE})
      if (has(before.get(), capability, set)) cap_set_flag(after.get(), set, 1, &capability, CAP_SET);
  if (cap_set_proc(after.get()) != 0) return fail("reduce the capabilities: {}", std::strerror(errno));
  return {};
}

Result<void> forbid_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail("no_new_privs: {}", std::strerror(errno));
  return {};
}

std::string capability_name(int capability) {
  const std::unique_ptr<char, Free> name(cap_to_name(capability));
  std::string upper = name ? name.get() : std::to_string(capability);
  std::ranges::transform(upper, upper.begin(), [](unsigned char letter) { return std::toupper(letter); });
  return upper;
}

}  // namespace masq::os
