// SPDX-License-Identifier: Apache-2.0
// masq_bench_packet [ROUNDS [RUNS [MAPPINGS]]] | reports | ports
// ns per packet under BPF_PROG_TEST_RUN: the shipped programs beside the floor program, interleaved in one run. Read
// the multiples of the floor: the nanoseconds are this machine's. With MAPPINGS: only the rows with up to so many
// mappings, as samples for bench/packet/compare. reports: the sweep, the memory and the search for a port alone; ports:
// only the search.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "floor_bpf.skel.h"
#include "reports.hpp"
#include "subjects.hpp"

namespace masq::bpf::bench {
namespace {

// ns per packet. What presenting costs is measured again each time, but only its least counts: a disturbed measurement
// of it would make the program look cheap.
struct Sample {
  double total;
  double presenting;
};

struct Row {
  std::string name;
  double aim;  // the most it may cost, as a multiple of the floor
  std::vector<Sample> ours{};
  std::vector<Sample> floor{};
};

constexpr const char* insertions = "(floor: two insertions)";

double least(const std::vector<Sample>& samples) {
  return std::ranges::min(samples, {}, &Sample::total).total -
         std::ranges::min(samples, {}, &Sample::presenting).presenting;
}

double median(std::vector<Sample> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::ranges::nth_element(samples, middle, {}, &Sample::total);
  const double total = middle->total;
  std::ranges::nth_element(samples, middle, {}, &Sample::presenting);
  return total - middle->presenting;
}

class Bench {
 public:
  Bench(std::uint32_t rounds, std::uint32_t runs) : rounds_(rounds), runs_(runs) {}
  void run();
  void run_small(std::uint32_t mappings);
  void print() const;
  void print_samples() const;

 private:
  Sample sample(int program, const std::vector<Flow>& flows, std::uint32_t runs, std::uint8_t flags,
                Family family = Family::ipv4, Path path = Path::pod_to_world);
  void established(std::uint32_t count, bool aged, double out_aim, double back_aim);
  void without_mapping(std::initializer_list<std::uint32_t> exclusions);
  void new_flows();
  void measure(const std::string& name, double aim, int ours, const std::vector<Flow>& our_flows, Path path, int floor,
               const std::vector<Flow>& floor_flows);

  std::string titled(const std::string& name) const {
    return fmt::format("IPv{}: {}", static_cast<int>(family_), name);
  }

  std::uint32_t rounds_;
  std::uint32_t runs_;
  Family family_ = Family::ipv4;  // that is measured now
  Presenter presenter_;
  std::vector<Row> rows_;
};

int fd(bpf_program* program) {
  return bpf_program__fd(program);
}

Sample Bench::sample(int program, const std::vector<Flow>& flows, std::uint32_t runs, std::uint8_t flags, Family family,
                     Path path) {
  presenter_.use(flows);
  const double presenting = presenter_.time(fd(presenter_.floor().progs.empty), runs, flags, family, path);
  presenter_.use(flows);
  return {.total = presenter_.time(program, runs, flags, family, path), .presenting = presenting};
}

void Bench::measure(const std::string& name, double aim, int ours, const std::vector<Flow>& our_flows, Path path,
                    int floor, const std::vector<Flow>& floor_flows) {
  Row row{.name = titled(name), .aim = aim};
  for (std::uint32_t round = 0; round < rounds_; ++round) {
    row.floor.push_back(sample(floor, floor_flows, runs_, test::ack));
    row.ours.push_back(sample(ours, our_flows, runs_, test::ack, family_, path));
  }
  rows_.push_back(std::move(row));
}

void end_all(test::Engine& engine, Family family) {
  while (engine.control(family).used != 0) engine.pass_time(family, 100000);
}

void Bench::established(std::uint32_t count, bool aged, double out_aim, double back_aim) {
  test::Engine engine(bench_desired(10));
  presenter_.floor_renew();
  if (aged) {  // filled with others, emptied, filled again: free places are scattered as after a day
    const auto others = make_flows(std::min(3 * count, most_mappings), 7);
    presenter_.use(others);
    presenter_.time(engine.program().egress(), static_cast<std::uint32_t>(others.size()), test::syn, family_);
    presenter_.floor_fill(others);
    end_all(engine, family_);
    presenter_.floor_clear();
  }
  const auto flows = make_flows(count, 1);
  const auto answers = answers_of(flows);
  presenter_.use(flows);
  presenter_.time(engine.program().egress(), count, test::syn, family_);
  presenter_.floor_fill(flows);
  presenter_.use(answers);
  presenter_.time(engine.program().ingress(), count, test::ack, family_, Path::world_to_node);
  if (engine.control(family_).used != count) throw std::runtime_error("not every flow has a mapping");
  auto& floor = presenter_.floor();
  const auto suffix = fmt::format("{} mapping{}{}", count, count == 1 ? "" : "s", aged ? ", aged table" : "");
  measure("established, out, " + suffix, out_aim, engine.program().egress(), flows, Path::pod_to_world,
          fd(floor.progs.floor_egress), flows);
  measure("established, back, " + suffix, back_aim, engine.program().ingress(), answers, Path::world_to_node,
          fd(floor.progs.floor_ingress), answers);
}

void Bench::without_mapping(std::initializer_list<std::uint32_t> exclusions) {
  presenter_.floor_renew();
  auto& floor = presenter_.floor();
  const auto known = make_flows(1, 1);
  presenter_.floor_fill(known);
  auto excluded = known, foreign = known;
  excluded[0].destination = htonl(0xc6336409);  // 198.51.100.9
  foreign[0].source = htonl(0xc000020a);
  const std::vector<Flow> inbound = answers_of(make_flows(1, 99));
  for (const std::uint32_t cidrs : exclusions) {
    const test::Engine engine(bench_desired(cidrs));
    measure(fmt::format("excluded destination, {} CIDRs", cidrs), 1.2, engine.program().egress(), excluded,
            Path::pod_to_world, fd(floor.progs.floor_egress), known);
  }
  const test::Engine engine(bench_desired(10));
  measure("source outside the source set", 0.5, engine.program().egress(), foreign, Path::node_to_world,
          fd(floor.progs.floor_egress), known);
  measure("inbound without a mapping", 0.6, engine.program().ingress(), inbound, Path::world_to_node,
          fd(floor.progs.floor_egress), known);
}

void Bench::new_flows() {
  constexpr std::uint32_t count = 100'000;
  Row row{.name = titled(std::string("new flow ") + insertions), .aim = 1.3};
  for (std::uint32_t round = 0; round < std::min(rounds_, 5u); ++round) {
    const auto flows = make_flows(count, 3 + round);
    presenter_.floor_renew();
    row.floor.push_back(sample(fd(presenter_.floor().progs.floor_new), flows, count, test::syn));
    const test::Engine engine(bench_desired(10));
    row.ours.push_back(sample(engine.program().egress(), flows, count, test::syn, family_));
    if (engine.control(family_).used != count) throw std::runtime_error("not every flow has a mapping");
  }
  rows_.push_back(std::move(row));
}

// IPv6 is measured against the same floor, which speaks IPv4.
void Bench::run() {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    family_ = family;
    for (const std::uint32_t count : {1u, 1'000u, 10'000u, 100'000u, most_mappings})
      established(count, false, 1.5, 1.3);
    for (const std::uint32_t count : {1'000u, 10'000u, 100'000u, most_mappings})
      established(count, true, count < 100'000 ? 1.5 : 1.1, count < 100'000 ? 1.3 : 1.1);
    without_mapping({10u, 50'000u});
    new_flows();
  }
}

void Bench::run_small(std::uint32_t mappings) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    family_ = family;
    for (const std::uint32_t count : {1u, 1'000u, 10'000u, 100'000u, most_mappings})
      if (count <= mappings) established(count, false, 1.5, 1.3);
    without_mapping({10u});
    new_flows();
  }
}

void Bench::print() const {
  std::printf("| case | masq, min ns | median | floor, min ns | median | masq / floor, min | median | target |\n");
  std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const auto& row : rows_)
    std::printf("| %s | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f | %.1f |\n", row.name.c_str(), least(row.ours),
                median(row.ours), least(row.floor), median(row.floor), least(row.ours) / least(row.floor),
                median(row.ours) / median(row.floor), row.aim);
  for (const auto& row : rows_)
    if (row.name.ends_with(insertions))
      std::printf("%s: %.0f thousand mappings made per second on one CPU (floor: %.0f)\n",
                  row.name.substr(0, 4).c_str(), 1e6 / least(row.ours), 1e6 / least(row.floor));
}

// How many instructions the verifier walked, which is most of what a start of masqd costs.
std::uint32_t verified_instructions(int program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program, &info, &size) != 0) throw std::runtime_error("a program has no info");
  return info.verified_insns;
}

void Bench::print_samples() const {
  const test::Engine engine(bench_desired(10));
  std::printf("verified instructions: masq_egress\t%u\t0\n", verified_instructions(engine.program().egress()));
  std::printf("verified instructions: masq_ingress\t%u\t0\n", verified_instructions(engine.program().ingress()));
  for (const auto& row : rows_)
    for (const auto& [total, presenting] : row.ours)
      std::printf("%s\t%.0f\t%.0f\n", row.name.c_str(), total, presenting);
}

void print_reports() {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    report_sweep(family);
    report_memory(family);
    report_ports(family);
  }
}

}  // namespace
}  // namespace masq::bpf::bench

int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto rounds = static_cast<std::uint32_t>(argc > 1 ? std::atoi(argv[1]) : 11);
  const auto runs = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 300'000);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(1, &one);
  sched_setaffinity(0, sizeof one, &one);
  if (unshare(CLONE_NEWNET) != 0) {
    std::fprintf(stderr, "masq_bench_packet needs root\n");
    return 1;
  }
  if (only == "reports" || only == "ports") {
    if (only == "reports") masq::bpf::bench::print_reports();
    if (only == "ports")
      for (const auto family : {masq::Family::ipv4, masq::Family::ipv6}) masq::bpf::bench::report_ports(family);
    return 0;
  }
  masq::bpf::bench::Bench bench(rounds, runs);
  if (argc > 3) {
    bench.run_small(static_cast<std::uint32_t>(std::atoi(argv[3])));
    bench.print_samples();
    return 0;
  }
  bench.run();
  bench.print();
  masq::bpf::bench::print_reports();
}
