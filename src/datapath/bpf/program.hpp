// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pins.hpp"

struct bpf_object;
struct masq_bpf;

namespace masq::bpf {

// The options of a loaded program; other values need another program.
struct ProgramOptions {
  masq_options4 ipv4{};
  masq_options6 ipv6{};
  bool without_ethernet = false;  // also load the programs for devices without an Ethernet header
  bool operator==(const ProgramOptions& other) const;
};

// The loaded programs and their maps. Existing pinned maps are reused, so that a program continues where the last one
// ended. Missing maps are created and pinned.
class Program {
 public:
  // A new table has this `size`; a pinned one keeps its size unless it is empty.
  static Result<Program> load(const Pins& pins, const Desired& desired);
  // Loads without pins and with minimal maps; the error names the missing kernel feature.
  static Result<Program> load_unpinned(const Desired& desired);

  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  int egress() const;  // file descriptors of the programs
  int ingress() const;
  int egress_l3() const;  // for devices without an Ethernet header; -1 if the configuration has none
  int ingress_l3() const;
  int bridge() const;  // masq_bridge
  int inject() const;  // masq_inject
  // The memory of all maps, and of a family's own maps, in bytes, as the kernel accounts for it.
  std::uint64_t memory() const;
  std::uint64_t memory(Family family) const;
  int map(const std::string& name) const;                               // file descriptor, -1: no such map
  std::vector<std::filesystem::path> map_pins(const Pins& pins) const;  // where its maps are pinned
  const ProgramOptions& options() const { return options_; }
  masq_bpf* skeleton() const { return skeleton_.get(); }

  // Returns the options for a load() at this moment.
  static Result<ProgramOptions> options_for(const Pins& pins, const Desired& desired);

  // Imports the mappings of another table or datapath unchanged. Returns the number of mappings that did not fit.
  // The first call loads the programs for it, unless load_adopters() has.
  template <class Abi>
  Result<std::size_t> adopt(std::span<const typename Abi::Mapping> mappings) const;
  Result<void> load_adopters() const;
  // Suspends decisions for packets whose mapping may be in another table. It ends after some seconds on its own.
  void hold() const;
  void release() const;

  // Gives tables that are all zero their size, seed and time; others stay as they are.
  Result<void> initialise_tables() const;

  // Starts the sweep, or moves the running one to this program.
  Result<void> start_sweep() const;

 private:
  struct Destroy {
    void operator()(masq_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<masq_bpf, Destroy>;

  Program(Skeleton skeleton, const ProgramOptions& options);
  using ReuseMaps = std::function<Result<void>(const bpf_object&)>;
  static Result<Program> load_with(const ReuseMaps& reuse_maps, const Desired& desired, const ProgramOptions& options);

  Skeleton skeleton_;
  mutable Skeleton adopters_;  // the programs of adopt(), on the same maps; loaded at their first use
  ProgramOptions options_;
};

// The memory of a map in bytes, as the kernel accounts for it; a table is fully allocated at its creation. Returns 0 if
// the kernel does not report it.
std::uint64_t map_memory(int map);

}  // namespace masq::bpf
