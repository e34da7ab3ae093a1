// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pins.hpp"

struct masq_bpf;

namespace masq {

// The options that a loaded program was made with: another value needs another program.
struct ProgramOptions {
  masq_options4 ipv4{};
  masq_options6 ipv6{};
  bool without_ethernet = false;  // with the programs for devices that have no Ethernet header
  bool operator==(const ProgramOptions& other) const;
};

// The loaded programs and their maps. The maps are those that are pinned already, so that a program takes over
// where the last one was; what is missing is made and pinned.
class Program {
 public:
  // A table is made with `size`; one that is pinned keeps its size unless it is empty.
  static Result<Program> load(const Pins& pins, const Desired& desired);
  // Loads without pins and with the smallest maps: the error says what the kernel lacks.
  static Result<Program> load_unpinned(const Desired& desired);

  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  int egress() const;  // file descriptors of the programs
  int ingress() const;
  int egress_l3() const;  // for devices without an Ethernet header; -1 when the configuration had none
  int ingress_l3() const;
  int inject() const;  // masq_inject
  // What the kernel accounts for all maps together, octets.
  std::uint64_t memory() const;
  int map(const std::string& name) const;  // file descriptor, -1: no such map
  const ProgramOptions& options() const { return options_; }
  masq_bpf* skeleton() const { return skeleton_.get(); }

  // The options that load() would take now.
  static Result<ProgramOptions> options_for(const Pins& pins, const Desired& desired);

  // Mappings that another table or datapath had until now go on in this program's table, just as they were. Returns how
  // many of them there was no room for.
  template <class Abi>
  Result<std::size_t> adopt(std::span<const typename Abi::Mapping> mappings) const;
  // While it holds, nothing is decided about what may be on its way from another table. It ends by itself in seconds.
  void hold() const;
  void release() const;

  // Starts the sweep, or hands the running one over to this program.
  Result<void> start_sweep() const;

 private:
  struct Destroy {
    void operator()(masq_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<masq_bpf, Destroy>;

  Program(Skeleton skeleton, const ProgramOptions& options);
  static Result<Program> load_with(const Pins* pins, const Desired& desired, const ProgramOptions& options);
  Result<void> load_adopters() const;

  Skeleton skeleton_;
  mutable Skeleton adopters_;  // the programs of adopt(), on the same maps; loaded at their first use
  ProgramOptions options_;
};

// What the kernel accounts for a map, octets: all of it is allocated when a table is made. 0: it does not say.
std::uint64_t map_memory(int map);

}  // namespace masq
