// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/program.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <expected>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "bpf/abi/mapping.h"
#include "datapath/bpf/libbpf_log.hpp"
#include "datapath/bpf/map_pins.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pinned_table.hpp"
#include "datapath/bpf/pins.hpp"
#include "masq_bpf.skel.h"
#include "model/desired.hpp"

namespace masq::bpf {
namespace {

// The size of a disabled family's table.
constexpr std::uint32_t min_mappings = 16;

// The maximum duration of hold(), in ticks: 5 s.
constexpr std::uint32_t max_hold = static_cast<std::uint32_t>(5'000'000'000u >> MASQ_TICK_SHIFT);

bool is_empty(const masq_control& control) {
  return control.used == 0 && control.left == 0;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  while (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
  }
  return seed;
}

// The table for a program of this configuration: the pinned one, unless it has another size and is empty.
struct Table {
  TableSize size;
  std::uint64_t hash_seed = 0;
  bool replace = false;  // new maps replace the pinned ones
};

Result<Table> choose_table(const Pins& pins, const Desired& desired, Family family) {
  const TableSize wanted = table_size(desired.family(family).enabled ? desired.max_mappings : min_mappings);
  TRY(auto pinned, find_control(pins, family));
  if (!pinned || pinned->schema == 0) return Table{.size = wanted, .hash_seed = random_seed(), .replace = true};
  const masq_control& control = *pinned;
  const TableSize size{.slots = control.slots, .buckets = control.buckets};
  if (size.slots == 0 || size.slots > MASQ_SLOTS_MAX || !std::has_single_bit(size.buckets))
    return fail("{}: inconsistent table; `masqd --cleanup` removes it", pins.map(map_name("control", family)).string());
  if (size == wanted || !is_empty(control)) return Table{.size = size, .hash_seed = control.hash_seed};
  return Table{.size = wanted, .hash_seed = random_seed(), .replace = true};
}

Result<std::pair<Table, Table>> choose_tables(const Pins& pins, const Desired& desired) {
  TRY(auto table4, choose_table(pins, desired, Family::ipv4));
  TRY(auto table6, choose_table(pins, desired, Family::ipv6));
  return std::pair(table4, table6);
}

bool has_l3_device(const Desired& desired) {
  const auto is_l3 = [](const auto& device) { return !device.ethernet; };
  return std::ranges::any_of(desired.uplinks, is_l3) || std::ranges::any_of(desired.standby, is_l3) ||
         std::ranges::any_of(desired.inbound, is_l3);
}

ProgramOptions options_with(const Desired& desired, const Table& table4, const Table& table6) {
  return {.ipv4 = make_options<Abi4>(desired, table4.size, table4.hash_seed),
          .ipv6 = make_options<Abi6>(desired, table6.size, table6.hash_seed),
          .without_ethernet = has_l3_device(desired)};
}

void set_sizes(masq_bpf& skeleton, const ProgramOptions& options) {
  bpf_map__set_max_entries(skeleton.maps.mappings4, options.ipv4.slots);
  bpf_map__set_max_entries(skeleton.maps.mappings6, options.ipv6.slots);
  for (bpf_map* map : {skeleton.maps.forward4, skeleton.maps.reply4})
    bpf_map__set_max_entries(map, options.ipv4.forward_mask + 1);
  for (bpf_map* map : {skeleton.maps.forward6, skeleton.maps.reply6})
    bpf_map__set_max_entries(map, options.ipv6.forward_mask + 1);
  bpf_map__set_max_entries(skeleton.maps.shares4, 2 * (options.ipv4.forward_mask + 1));  // bpf/nat/share.h
  bpf_map__set_max_entries(skeleton.maps.shares6, 2 * (options.ipv6.forward_mask + 1));
}

// The kernel charges the maps to the cgroup of this process: to the pod, in Kubernetes.
std::string remedy_for_memory(const bpf_object& object) {
  std::uint64_t bytes = 0;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, &object) {
    if ((bpf_map__map_flags(map) & BPF_F_NO_PREALLOC) != 0) continue;
    bytes += std::uint64_t(bpf_map__max_entries(map)) * bpf_map__value_size(map);
  }
  return fmt::format(": the maps need at least {} MB: raise the memory limit, or lower nat-max-mappings",
                     bytes / 1'000'000);
}

std::uint32_t tick_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const auto nanoseconds =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
  return static_cast<std::uint32_t>(nanoseconds >> MASQ_TICK_SHIFT);
}

// Initialises a new table: size, seed and time.
template <class Options>
Result<void> initialise_control(int fd, const Options& options) {
  masq_control control{};
  std::uint32_t key = 0;
  if (bpf_map_lookup_elem(fd, &key, &control) != 0) return fail("read control: {}", std::strerror(errno));
  if (control.schema != 0) return {};
  control.hash_seed = options.hash_seed;
  control.schema = MASQ_SCHEMA;
  control.slots = options.slots;
  control.buckets = options.forward_mask + 1;
  control.clock = tick_now();
  if (bpf_map_update_elem(fd, &key, &control, BPF_ANY) != 0) return fail("write control: {}", std::strerror(errno));
  return {};
}

Result<std::uint32_t> run_once(int program, std::vector<std::uint8_t> packet) {
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = packet.data();
  run.data_size_in = static_cast<std::uint32_t>(packet.size());
  if (bpf_prog_test_run_opts(program, &run) != 0) return fail("{}", std::strerror(errno));
  return run.retval;
}

// A timer needs memory immediately; the kernel refills its reserve a moment later. At most a second.
constexpr int attempts_at_memory = 500;
constexpr useconds_t pause_for_memory = 2000;

bool lacks_memory(const Result<std::uint32_t>& run) {
  return run ? *run == static_cast<std::uint32_t>(-ENOMEM) : run.error().message == std::strerror(ENOMEM);
}

Result<void> run_sweep(int program) {
  const auto run = [&] { return run_once(program, std::vector<std::uint8_t>(64)); };
  auto result = run();
  for (int attempt = 1; lacks_memory(result) && attempt < attempts_at_memory; ++attempt) {
    usleep(pause_for_memory);
    result = run();
  }
  if (!result) return fail_with("start the sweep", result.error());
  if (*result != 0) return fail("start the sweep: {}", std::strerror(-static_cast<int>(*result)));
  return {};
}

}  // namespace

bool ProgramOptions::operator==(const ProgramOptions& other) const {
  return std::memcmp(&ipv4, &other.ipv4, sizeof ipv4) == 0 && std::memcmp(&ipv6, &other.ipv6, sizeof ipv6) == 0 &&
         without_ethernet == other.without_ethernet;
}

void Program::Destroy::operator()(masq_bpf* skeleton) const {
  masq_bpf::destroy(skeleton);
}
Program::Program(Skeleton skeleton, const ProgramOptions& options)
    : skeleton_(std::move(skeleton)), options_(options) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

std::vector<std::filesystem::path> Program::map_pins(const Pins& pins) const {
  return pins_of_maps(*skeleton_->obj, pins);
}

Result<ProgramOptions> Program::options_for(const Pins& pins, const Desired& desired) {
  TRY(auto tables, choose_tables(pins, desired));
  return options_with(desired, tables.first, tables.second);
}

Result<Program> Program::load(const Pins& pins, const Desired& desired) {
  TRY(auto tables, choose_tables(pins, desired));
  const auto reuse = [&](const bpf_object& object) {
    return reuse_pinned_maps(object, pins, {.ipv4 = tables.first.replace, .ipv6 = tables.second.replace});
  };
  TRY(auto program, load_with(reuse, desired, options_with(desired, tables.first, tables.second)));
  TRY_DO(pin_created_maps(*program.skeleton_->obj, pins));
  TRY_DO(program.initialise_tables());
  return program;
}

Result<Program> Program::load_unpinned(const Desired& desired) {
  const Table table{.size = table_size(desired.max_mappings), .hash_seed = random_seed()};
  const auto reuse_none = [](const bpf_object&) -> Result<void> { return {}; };
  TRY(auto program, load_with(reuse_none, desired, options_with(desired, table, table)));
  TRY_DO(program.initialise_tables());
  return program;
}

Result<Program> Program::load_with(const ReuseMaps& reuse_maps, const Desired& desired, const ProgramOptions& options) {
  LibbpfLog log;
  Skeleton skeleton(masq_bpf::open());
  if (!skeleton) return fail("open the BPF object: {} {}", std::strerror(errno), log.reason());
  set_sizes(*skeleton, options);
  skeleton->rodata->options4 = options.ipv4;
  skeleton->rodata->options6 = options.ipv6;
  skeleton->rodata->enable_ipv4 = desired.ipv4.enabled;
  skeleton->rodata->enable_ipv6 = desired.ipv6.enabled;
  for (bpf_program* program : {skeleton->progs.masq_egress_l3, skeleton->progs.masq_ingress_l3})
    bpf_program__set_autoload(program, options.without_ethernet);
  for (bpf_program* program : {skeleton->progs.adopt4, skeleton->progs.adopt6})
    bpf_program__set_autoload(program, false);  // load_adopters()
  TRY_DO(reuse_maps(*skeleton->obj));
  if (const int error = masq_bpf::load(skeleton.get()); error != 0)
    return fail("load the BPF programs: {} ({}){}", std::strerror(-error), log.reason(),
                error == -ENOMEM ? remedy_for_memory(*skeleton->obj) : "");
  return Program(std::move(skeleton), options);
}

Result<void> Program::initialise_tables() const {
  if (auto done = initialise_control(map("control4"), options_.ipv4); !done) return done;
  return initialise_control(map("control6"), options_.ipv6);
}

int Program::egress() const {
  return bpf_program__fd(skeleton_->progs.masq_egress);
}
int Program::ingress() const {
  return bpf_program__fd(skeleton_->progs.masq_ingress);
}
int Program::egress_l3() const {
  return bpf_program__fd(skeleton_->progs.masq_egress_l3);
}
int Program::ingress_l3() const {
  return bpf_program__fd(skeleton_->progs.masq_ingress_l3);
}
int Program::bridge() const {
  return bpf_program__fd(skeleton_->progs.masq_bridge);
}
int Program::inject() const {
  return bpf_program__fd(skeleton_->progs.masq_inject);
}
int Program::map(const std::string& name) const {
  return bpf_object__find_map_fd_by_name(skeleton_->obj, name.c_str());
}

std::uint64_t map_memory(int map) {
  std::ifstream info(fmt::format("/proc/self/fdinfo/{}", map));
  for (std::string word; info >> word;)
    if (std::uint64_t octets = 0; word == "memlock:" && info >> octets) return octets;
  return 0;
}

std::uint64_t Program::memory() const {
  std::uint64_t octets = 0;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) octets += map_memory(bpf_map__fd(map));
  return octets;
}

std::uint64_t Program::memory(Family family) const {
  std::uint64_t octets = 0;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (std::string_view(bpf_map__name(map)).ends_with(family == Family::ipv4 ? '4' : '6'))
      octets += map_memory(bpf_map__fd(map));
  }
  return octets;
}

// The verifier takes a fifth of a start's time for these programs, and few starts need them.
Result<void> Program::load_adopters() const {
  if (adopters_) return {};
  LibbpfLog log;
  Skeleton adopters(masq_bpf::open());
  if (!adopters) return fail("open the BPF object: {} {}", std::strerror(errno), log.reason());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, adopters->obj) {
    const bool wanted = program == adopters->progs.adopt4 || program == adopters->progs.adopt6;
    bpf_program__set_autoload(program, wanted);
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, adopters->obj) {
    if (const int error = bpf_map__reuse_fd(map, this->map(bpf_map__name(map))); error != 0)
      return fail("map {}: {}", bpf_map__name(map), std::strerror(-error));
  }
  if (const int error = masq_bpf::load(adopters.get()); error != 0)
    return fail("load the BPF programs that adopt mappings: {} ({})", std::strerror(-error), log.reason());
  adopters_ = std::move(adopters);
  return {};
}

template <class Abi>
Result<std::size_t> Program::adopt(std::span<const typename Abi::Mapping> mappings) const {
  TRY_DO(load_adopters());
  const bpf_program* program = Abi::family == Family::ipv4 ? adopters_->progs.adopt4 : adopters_->progs.adopt6;
  std::size_t refused = 0;
  std::vector<std::uint8_t> packet;
  while (!mappings.empty()) {
    const auto part = std::as_bytes(mappings.first(std::min<std::size_t>(mappings.size(), MASQ_ADOPT_MOST)));
    packet.assign(MASQ_ADOPT_HEADER, 0);
    packet.resize(MASQ_ADOPT_HEADER + part.size());
    std::memcpy(&packet[MASQ_ADOPT_HEADER], part.data(), part.size());
    auto result = run_once(bpf_program__fd(program), packet);
    if (!result) return fail_with("import mappings", result.error());
    refused += *result;
    mappings = mappings.subspan(part.size() / sizeof mappings[0]);
  }
  return refused;
}

template Result<std::size_t> Program::adopt<Abi4>(std::span<const masq_mapping4>) const;
template Result<std::size_t> Program::adopt<Abi6>(std::span<const masq_mapping6>) const;

void Program::hold() const {
  const auto until = tick_now() + max_hold;
  __atomic_store_n(&skeleton_->bss->adopting4, until, __ATOMIC_RELEASE);
  __atomic_store_n(&skeleton_->bss->adopting6, until, __ATOMIC_RELEASE);
}

void Program::release() const {
  __atomic_store_n(&skeleton_->bss->adopting4, 0, __ATOMIC_RELEASE);
  __atomic_store_n(&skeleton_->bss->adopting6, 0, __ATOMIC_RELEASE);
}

Result<void> Program::start_sweep() const {
  if (auto started = run_sweep(bpf_program__fd(skeleton_->progs.sweep_start4)); !started) return started;
  return run_sweep(bpf_program__fd(skeleton_->progs.sweep_start6));
}

}  // namespace masq::bpf
