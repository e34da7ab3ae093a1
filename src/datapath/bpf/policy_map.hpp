// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "datapath/bpf/program.hpp"
#include "datapath/datapath.hpp"

namespace masq {

// Fills a new trie and puts it in the place of the old one: no packet ever sees half a policy.
template <class Abi>
Result<void> replace_policy(const Program& program, const Desired& desired);

// Makes the uplinks' addresses in the kernel those of `desired`: new and changed ones.
template <class Abi>
Result<void> write_uplinks(const Program& program, const Desired& desired, Steps& steps);

// Takes out what is no uplink any more: after its programs were detached.
template <class Abi>
Result<void> prune_uplinks(const Program& program, const Desired& desired);

// The source set, when it is too long for the options.
template <class Abi>
Result<void> write_sources(const Program& program, const Desired& desired);

}  // namespace masq
