// SPDX-License-Identifier: Apache-2.0
// The laws of the datapath interface, for tcx links and for clsact filters, on veth devices in a namespace of our own.
#include "datapath/datapath.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/mount.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bpf/abi/mapping.h"
#include "datapath/bpf/bpf_datapath.hpp"
#include "datapath/bpf/clsact.hpp"
#include "datapath/bpf/options.hpp"
#include "datapath/bpf/pin_check.hpp"
#include "datapath/bpf/pins.hpp"
#include "datapath/bpf/tcx.hpp"
#include "engine.hpp"
#include "masq_bpf.skel.h"
#include "model/desired.hpp"
#include "model/finding.hpp"
#include "os/event_loop.hpp"
#include "os/fd.hpp"
#include "packet.hpp"

namespace masq::bpf::test {
namespace {

void sh(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c; (c = fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  pclose(pipe);
  return text;
}

class Laws : public testing::TestWithParam<Attach> {
 protected:
  void SetUp() override {
    char path[] = "/tmp/masq-laws-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    root = path;
    ASSERT_EQ(mount("bpf", path, "bpf", 0, nullptr), 0);
    sh("ip link add up0 type veth peer name world0 && ip link set up0 up && ip link set world0 up");
    sh("ip link add up1 type veth peer name world1 && ip link set up1 up && ip link set world1 up");
    datapath = *make_datapath(root, GetParam());
  }
  void TearDown() override {
    datapath.reset();
    sh("for device in up0 up1 other; do ip link del $device 2>/dev/null; done; true");
    umount(root.c_str());
    std::filesystem::remove(root);
  }
  Uplink uplink(const std::string& name) {
    return {.ifindex = static_cast<int>(if_nametoindex(name.c_str())),
            .name = name,
            .ipv4 = {address("192.0.2.10")},
            .ipv6 = {address("2001:db8::10")}};
  }
  Desired on(const std::vector<std::string>& devices) {
    auto wanted = desired();
    wanted.uplinks.clear();
    for (const auto& device : devices) wanted.uplinks.push_back(uplink(device));
    return wanted;
  }
  bool is_attached(const std::string& device) {
    const auto ifindex = static_cast<int>(if_nametoindex(device.c_str()));
    if (GetParam() == Attach::clsact)
      return query_clsact(ifindex, Hook::egress)->has_value() && query_clsact(ifindex, Hook::ingress)->has_value();
    for (const Hook hook : {Hook::ingress, Hook::egress}) {
      const auto link = open_tcx(Pins(root).device(device) / to_string(hook));
      if (!link || !*link || (*link)->ifindex != ifindex) return false;
    }
    return true;
  }
  Steps apply(const Desired& wanted) {
    auto steps = datapath->apply(wanted);
    EXPECT_TRUE(steps) << (steps ? "" : steps.error().message);
    return steps.value_or(Steps{});
  }
  std::uint32_t used() { return datapath->table().counters()->tables[0].used; }

  std::filesystem::path root;
  std::unique_ptr<Datapath> datapath;
};
INSTANTIATE_TEST_SUITE_P(Attach, Laws, testing::Values(Attach::tcx, Attach::clsact),
                         [](const auto& row) { return row.param == Attach::tcx ? "tcx" : "clsact"; });

TEST_P(Laws, ApplyingTwiceChangesNothing) {
  EXPECT_FALSE(apply(on({"up0", "up1"})).empty());
  EXPECT_TRUE(is_attached("up0"));
  EXPECT_TRUE(is_attached("up1"));
  EXPECT_EQ(apply(on({"up0", "up1"})), Steps{});
}

TEST_P(Laws, APlanChangesNothingAndListsTheSteps) {
  const auto steps = datapath->plan(on({"up0"}));
  ASSERT_TRUE(steps);
  EXPECT_EQ(steps->size(), 4u);
  EXPECT_FALSE(std::filesystem::exists(root / "masq"));
}

TEST_P(Laws, UplinksAreAttachedAndDetached) {
  apply(on({"up0"}));
  apply(on({"up0", "up1"}));
  EXPECT_TRUE(is_attached("up1"));
  apply(on({"up1"}));
  EXPECT_FALSE(is_attached("up0"));
  EXPECT_TRUE(is_attached("up1"));
}

// R35, R36: without its address or its link a device is no uplink, but nothing may leak when it comes back.
TEST_P(Laws, AStandbyDeviceKeepsItsPrograms) {
  apply(on({"up0"}));
  auto resting = on({});
  resting.standby = {{.ifindex = uplink("up0").ifindex, .name = "up0"},
                     {.ifindex = uplink("up1").ifindex, .name = "up1"}};
  apply(resting);
  EXPECT_TRUE(is_attached("up0"));
  EXPECT_FALSE(is_attached("up1")) << "a device that never was an uplink gets none";
  EXPECT_EQ(apply(resting), Steps{});
  sh("ip link del up0 && ip link add up0 type veth peer name world0 && ip link set up0 up");
  resting.standby = {{.ifindex = uplink("up0").ifindex, .name = "up0"}};
  apply(resting);
  EXPECT_FALSE(is_attached("up0")) << "another device of this name";
  EXPECT_TRUE(Pins(root).devices().empty());
}

// R36, R37: a device that vanished and came back with the same name is another device.
TEST_P(Laws, ARecreatedDeviceIsAttachedAgain) {
  apply(on({"up0"}));
  sh("ip link del up0 && ip link add up0 type veth peer name world0 && ip link set up0 up");
  apply(on({"up0"}));
  EXPECT_TRUE(is_attached("up0"));
}

TEST_P(Laws, ARenamedDeviceKeepsItsPrograms) {
  apply(on({"up0"}));
  sh("ip link set up0 down && ip link set up0 name other && ip link set other up");
  apply(on({"other"}));
  EXPECT_TRUE(is_attached("other"));
}

// R40
TEST_P(Laws, DeviceNamesMayHaveDotsDashesAndFifteenLetters) {
  for (const std::string name : {"a.b", "a-b", "exactly15chars_"}) {
    sh("ip link set up0 down && ip link set up0 name '" + name + "' && ip link set '" + name + "' up");
    apply(on({name}));
    EXPECT_TRUE(is_attached(name)) << name;
    EXPECT_EQ(Pins(root).devices(), std::vector{name});
    sh("ip link set '" + name + "' down && ip link set '" + name + "' name up0 && ip link set up0 up");
  }
}

TEST_P(Laws, RemovedProgramsAreRestored) {
  apply(on({"up0"}));
  if (GetParam() == Attach::tcx)
    std::filesystem::remove(Pins(root).device("up0") / "egress");
  else
    sh("tc qdisc del dev up0 clsact");
  EXPECT_FALSE(is_attached("up0"));
  apply(on({"up0"}));
  EXPECT_TRUE(is_attached("up0"));
}

// R54
TEST_P(Laws, TheDeletionOfAFilterIsReported) {
  const auto loop = *os::EventLoop::open();
  int disturbed = 0;
  ASSERT_TRUE(datapath->watch(*loop, [&] { ++disturbed; }));
  ASSERT_TRUE(datapath->apply(on({"up0"})));
  while (disturbed == 0 && GetParam() == Attach::clsact) ASSERT_TRUE(loop->run_once(std::chrono::seconds(5)));
  ASSERT_TRUE(loop->run_once(std::chrono::milliseconds(0)));
  disturbed = 0;
  sh("tc qdisc replace dev up0 clsact; tc qdisc del dev up0 clsact");
  ASSERT_TRUE(loop->run_once(std::chrono::seconds(5)));
  EXPECT_EQ(disturbed != 0, GetParam() == Attach::clsact);
  datapath.reset();  // before the loop
}

std::vector<std::string> texts_of_kind(Datapath& datapath, FindingKind kind) {
  std::vector<std::string> texts;
  for (const auto& finding : datapath.findings())
    if (finding.kind == kind) texts.push_back(finding.text);
  return texts;
}

// The kernel announces no detached link: masqd reads the hooks.
TEST_P(Laws, ADetachedProgramIsDriftUntilItIsAttachedAgain) {
  const auto loop = *os::EventLoop::open();
  int disturbed = 0;
  ASSERT_TRUE(datapath->watch(*loop, [&] { ++disturbed; }));
  apply(on({"up0"}));
  EXPECT_TRUE(texts_of_kind(*datapath, FindingKind::drift).empty());
  if (GetParam() == Attach::tcx)
    ASSERT_EQ(bpf_link_detach((*open_tcx(Pins(root).device("up0") / "egress"))->fd.get()), 0);
  else
    ASSERT_TRUE(detach_clsact(uplink("up0").ifindex, Hook::egress));
  const auto drift = "up0: masq's egress program was detached; masqd attaches it again";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (texts_of_kind(*datapath, FindingKind::drift).empty() && std::chrono::steady_clock::now() < end)
    ASSERT_TRUE(loop->run_once(std::chrono::seconds(1)));
  EXPECT_EQ(texts_of_kind(*datapath, FindingKind::drift), std::vector<std::string>{drift});
  EXPECT_GT(disturbed, 0);
  apply(on({"up0"}));
  EXPECT_TRUE(is_attached("up0"));
  EXPECT_TRUE(texts_of_kind(*datapath, FindingKind::drift).empty());
  datapath.reset();  // before the loop
}

TEST_P(Laws, AProgramOfAnotherMasqBeforeThisOneIsAProblem) {
  if (GetParam() != Attach::tcx) return;  // one place on the clsact qdisc is masq's: both would use it
  std::filesystem::create_directory(root / "other");
  const auto other = *make_datapath(root / "other", GetParam());
  ASSERT_TRUE(other->apply(on({"up0"})));
  apply(on({"up0"}));
  const auto texts = texts_of_kind(*datapath, FindingKind::other_masq);
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_TRUE(texts[0].starts_with("up0: program ")) << texts[0];
  EXPECT_NE(texts[0].find("(masq_ingress) is before masq's program on ingress, and hides packets from it"),
            std::string::npos)
      << texts[0];
  EXPECT_TRUE(texts_of_kind(*other, FindingKind::other_masq).empty()) << "it is the first";
  ASSERT_TRUE(other->remove());
  std::filesystem::remove(root / "other");
  apply(on({"up0"}));
  EXPECT_TRUE(texts_of_kind(*datapath, FindingKind::other_masq).empty());
}

TEST_P(Laws, AnUnknownProgramBeforeMasqsIsNamed) {
  const bpf_insn passes[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = -1},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const os::Fd program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "somebody", "GPL", passes, std::size(passes), nullptr));
  ASSERT_TRUE(program);
  std::string name;
  if (GetParam() == Attach::tcx) {
    ASSERT_TRUE(attach_tcx(program.get(), uplink("up0").ifindex, Hook::egress, root / "somebody"));
    name = fmt::format("program {} (somebody)", *program_id(program.get()));
  } else {
    sh("tc qdisc add dev up0 clsact && tc filter add dev up0 egress pref 7 u32 match u32 0 0 classid 1:1");
    sh("tc filter add dev up0 egress pref 50000 u32 match u32 0 0 classid 1:1");
    name = "the u32 filter of preference 7";
  }
  apply(on({"up0"}));
  EXPECT_EQ(texts_of_kind(*datapath, FindingKind::program_before),
            std::vector<std::string>{"up0: " + name +
                                     " is before masq's program on egress: packets that it ends do not "
                                     "reach masq; it must pass them on, or come later"});
  std::filesystem::remove(root / "somebody");
}

TEST_P(Laws, AProgramBeforeMasqsThatEndsEveryPacketIsAProblem) {
  const bpf_insn ends[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const os::Fd program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "somebody", "GPL", ends, std::size(ends), nullptr));
  ASSERT_TRUE(program);
  if (GetParam() == Attach::tcx) {
    ASSERT_TRUE(attach_tcx(program.get(), uplink("up0").ifindex, Hook::egress, root / "somebody"));
  } else {
    ASSERT_EQ(bpf_obj_pin(program.get(), (root / "somebody").c_str()), 0);
    sh("tc qdisc add dev up0 clsact && tc filter add dev up0 egress pref 7 bpf da pinned " +
       (root / "somebody").string());
  }
  apply(on({"up0"}));
  const auto texts = texts_of_kind(*datapath, FindingKind::program_hides);
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_NE(texts[0].find("is before masq's program on egress, and ends every packet"), std::string::npos) << texts[0];
  std::filesystem::remove(root / "somebody");
}

TEST_P(Laws, ARemovedMapPinIsRestoredWithTheSameMap) {
  const auto loop = *os::EventLoop::open();
  int disturbed = 0;
  ASSERT_TRUE(datapath->watch(*loop, [&] { ++disturbed; }));
  apply(on({"up0"}));
  const auto path = Pins(root).map("policy4");
  const os::Fd before(bpf_obj_get(path.c_str()));
  std::filesystem::remove(path);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  disturbed = 0;
  while (disturbed == 0 && std::chrono::steady_clock::now() < end) ASSERT_TRUE(loop->run_once(std::chrono::seconds(1)));
  EXPECT_EQ(apply(on({"up0"})), Steps{"pin " + path.string() + " again"});
  EXPECT_TRUE(is_same_map(before.get(), os::Fd(bpf_obj_get(path.c_str())).get()));
  datapath.reset();  // before the loop
}

TEST_P(Laws, AReplacedMapPinIsDrift) {
  apply(on({"up0"}));
  const auto path = Pins(root).map("sources4");
  const os::Fd foreign(bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, nullptr));
  std::filesystem::remove(path);
  ASSERT_EQ(bpf_obj_pin(foreign.get(), path.c_str()), 0);
  for (int round = 0; round < 2; ++round) {
    apply(on({"up0"}));
    EXPECT_EQ(texts_of_kind(*datapath, FindingKind::drift),
              std::vector<std::string>{path.string() +
                                       ": not masq's any more; `masqd --cleanup` and a start of masqd mend it"});
  }
}

// R50, design "programs, maps and links are pinned": a new agent takes over, and live mappings stay.
TEST_P(Laws, ANewAgentAdoptsPinnedObjects) {
  apply(on({"up0"}));
  std::uint64_t id = 0;
  {
    const os::Fd control(bpf_obj_get(Pins(root).map("control4").c_str()));
    masq_control value{};
    const std::uint32_t key = 0;
    ASSERT_EQ(bpf_map_lookup_elem(control.get(), &key, &value), 0);
    id = value.hash_seed;
    value.used = 1;  // as with a live mapping
    ASSERT_EQ(bpf_map_update_elem(control.get(), &key, &value, BPF_ANY), 0);
  }
  datapath = *make_datapath(root, GetParam());
  auto grown = on({"up0"});
  const auto before = grown.max_mappings;
  grown.max_mappings *= 2;
  EXPECT_EQ(apply(grown).at(1), fmt::format("keep the IPv4 table of {} mappings until it is empty", before));
  EXPECT_EQ(datapath->table().counters()->tables[0].maximum, before);
  EXPECT_TRUE(is_attached("up0"));
  EXPECT_EQ(used(), 1u) << "a table in use is kept, whatever size is asked for";
  const os::Fd control(bpf_obj_get(Pins(root).map("control4").c_str()));
  masq_control value{};
  const std::uint32_t key = 0;
  ASSERT_EQ(bpf_map_lookup_elem(control.get(), &key, &value), 0);
  EXPECT_EQ(value.hash_seed, id);
}

TEST_P(Laws, AnEmptyTableIsResized) {
  apply(on({"up0"}));
  auto grown = on({"up0"});
  grown.max_mappings = 100'000;
  apply(grown);
  const os::Fd control(bpf_obj_get(Pins(root).map("control4").c_str()));
  masq_control value{};
  const std::uint32_t key = 0;
  ASSERT_EQ(bpf_map_lookup_elem(control.get(), &key, &value), 0);
  EXPECT_GE(value.slots, 112'500u);
}

TEST_P(Laws, TheLargestOfTooManyPortRangesAreUsed) {
  auto wanted = on({"up0"});
  wanted.ports.clear();
  for (std::uint16_t i = 0; i < 20; ++i)
    wanted.ports.push_back({static_cast<std::uint16_t>(1000 + 100 * i), static_cast<std::uint16_t>(1010 + 101 * i)});
  EXPECT_EQ(apply(wanted).at(1), "use the 16 largest of 20 port ranges");
  const auto options = make_options<Abi4>(wanted, table_size(16), 0);
  EXPECT_EQ(options.range_count, 16u);
  EXPECT_EQ(options.range[0].low, 1400);
}

// R53: nothing of others is touched, and after remove() the devices look as they were found.
TEST_P(Laws, RemovalKeepsFiltersOfOtherPrograms) {
  const Engine other(desired());
  bpf_tc_hook hook{.sz = sizeof hook, .ifindex = uplink("up0").ifindex, .attach_point = BPF_TC_EGRESS, .parent = 0};
  ASSERT_EQ(bpf_tc_hook_create(&hook), 0);
  bpf_tc_opts filter{};
  filter.sz = sizeof filter;
  filter.prog_fd = bpf_program__fd(other.program().skeleton()->progs.sweep_start4);
  filter.handle = 1;
  filter.priority = 10;
  ASSERT_EQ(bpf_tc_attach(&hook, &filter), 0);
  const auto before = output_of("tc filter show dev up0 egress; tc filter show dev up0 ingress; tc qdisc show dev up0");
  apply(on({"up0"}));
  EXPECT_TRUE(is_attached("up0"));
  ASSERT_TRUE(make_datapath(root, Attach::automatic).value()->remove());
  EXPECT_EQ(output_of("tc filter show dev up0 egress; tc filter show dev up0 ingress; tc qdisc show dev up0"), before);
  EXPECT_FALSE(std::filesystem::exists(root / "masq"));
}

TEST_P(Laws, AFailingDeviceDoesNotBlockOtherDevices) {
  auto wanted = on({"up0", "up1"});
  wanted.uplinks[0].ifindex = 99999;
  const auto steps = datapath->apply(wanted);
  EXPECT_FALSE(steps);
  EXPECT_TRUE(is_attached("up1"));
}

// R56: what is not ours, or is broken, is named in one line, and left as it is.
class Foreign : public Laws {
 protected:
  // Puts something else in the place of a pin of a running masq.
  void replace_pin(const std::filesystem::path& path, int fd) {
    apply(on({"up0"}));
    datapath.reset();
    std::filesystem::remove(path);
    ASSERT_EQ(bpf_obj_pin(fd, path.c_str()), 0);
    datapath = *make_datapath(root, GetParam());
  }
  void expect_refusal(const std::filesystem::path& path) {
    const auto everything = output_of("find " + root.string() + " | sort");
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto steps = datapath->apply(on({"up0"}));
      ASSERT_FALSE(steps);
      EXPECT_NE(steps.error().message.find(path.string()), std::string::npos) << steps.error().message;
      EXPECT_EQ(steps.error().message.find('\n'), std::string::npos) << steps.error().message;
    }
    EXPECT_EQ(output_of("find " + root.string() + " | sort"), everything);
    EXPECT_TRUE(is_attached("up0"));
    ASSERT_TRUE(datapath->remove());
    EXPECT_FALSE(std::filesystem::exists(root / "masq"));
  }
  std::filesystem::path map(const char* name) { return Pins(root).map(name); }
};
INSTANTIATE_TEST_SUITE_P(Attach, Foreign, testing::Values(Attach::tcx, Attach::clsact),
                         [](const auto& row) { return row.param == Attach::tcx ? "tcx" : "clsact"; });

TEST_P(Foreign, AMapOfAnotherTypeOrSizeIsRefused) {
  const os::Fd foreign(bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, nullptr));
  for (const char* name :
       {"control4", "control6", "mappings4", "reply6", "pods4", "policy6", "uplinks4", "counters6"}) {
    SCOPED_TRACE(name);
    replace_pin(map(name), foreign.get());
    expect_refusal(map(name));
  }
}

TEST_P(Foreign, AProgramInPlaceOfAMapIsRefused) {
  const Engine other(desired());
  for (const char* name : {"control4", "mappings4", "sources6"}) {
    SCOPED_TRACE(name);
    replace_pin(map(name), other.program().egress());
    expect_refusal(map(name));
  }
}

TEST_P(Foreign, ADirectoryInPlaceOfAMapIsRefused) {
  for (const char* name : {"control6", "locks4"}) {
    SCOPED_TRACE(name);
    apply(on({"up0"}));
    datapath.reset();
    std::filesystem::remove(map(name));
    std::filesystem::create_directory(map(name));
    datapath = *make_datapath(root, GetParam());
    expect_refusal(map(name));
  }
}

// A table of another version would be moved to ours, and removed then.
TEST_P(Foreign, ATableOfAnotherVersionWithoutItsControlIsRefused) {
  apply(on({"up0"}));
  datapath.reset();
  masq_mapping4 alive{};
  alive.seen = 5;
  const std::uint32_t key = 1;
  ASSERT_EQ(bpf_map_update_elem(os::Fd(bpf_obj_get(map("mappings4").c_str())).get(), &key, &alive, BPF_ANY), 0);
  const auto other = Pins(root).all_maps() / "v77";
  std::filesystem::rename(Pins(root).maps(), other);
  std::filesystem::remove(other / "control4");
  datapath = *make_datapath(root, GetParam());
  expect_refusal(other / "control4");
}

TEST_P(Foreign, AMapInPlaceOfATableOfAnotherVersionIsRefused) {
  const os::Fd foreign(bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, nullptr));
  const auto path = Pins(root).all_maps() / "v77" / "mappings4";
  apply(on({"up0"}));
  datapath.reset();
  std::filesystem::create_directory(path.parent_path());
  ASSERT_EQ(bpf_obj_pin(foreign.get(), path.c_str()), 0);
  datapath = *make_datapath(root, GetParam());
  expect_refusal(path);
}

TEST_P(Foreign, AnInvalidControlIsRefused) {
  const auto nonsense = [](auto change) {
    masq_control control{.free_list = 0,
                         .hash_seed = 1,
                         .created = 0,
                         .schema = MASQ_SCHEMA,
                         .slots = 6144,
                         .buckets = 1024,
                         .unused = 5,
                         .used = 5,
                         .left = 0,
                         .clock = 1,
                         .cursor = 0,
                         .sweeping = 0,
                         .sweeps = 0};
    change(control);
    return control;
  };
  for (const auto& control : {nonsense([](auto& c) { c.schema = 0xdeadbeef; }), nonsense([](auto& c) { c.slots = 0; }),
                              nonsense([](auto& c) { c.slots = ~0u; }), nonsense([](auto& c) { c.buckets = 0; }),
                              nonsense([](auto& c) { c.buckets = 1000; })}) {
    apply(on({"up0"}));
    datapath.reset();
    const std::uint32_t key = 0;
    const os::Fd fd(bpf_obj_get(map("control4").c_str()));
    ASSERT_EQ(bpf_map_update_elem(fd.get(), &key, &control, BPF_ANY), 0);
    datapath = *make_datapath(root, GetParam());
    expect_refusal(map("control4"));
  }
}

// The maps that it does not fit are as they were: one of them is named.
TEST_P(Foreign, AControlOfAnotherSizeThanItsTableIsRefused) {
  apply(on({"up0"}));
  datapath.reset();
  const std::uint32_t key = 0;
  masq_control control{};
  const os::Fd fd(bpf_obj_get(map("control4").c_str()));
  ASSERT_EQ(bpf_map_lookup_elem(fd.get(), &key, &control), 0);
  control.slots /= 2;
  control.used = 1;
  ASSERT_EQ(bpf_map_update_elem(fd.get(), &key, &control, BPF_ANY), 0);
  datapath = *make_datapath(root, GetParam());
  expect_refusal(map("mappings4"));
}

TEST_P(Foreign, AnUnreadableTableOfAnotherSchemaIsRefused) {
  const os::Fd foreign(bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, nullptr));
  const auto other = Pins(root).all_maps() / "v9";
  apply(on({"up0"}));
  datapath.reset();
  std::filesystem::create_directory(other);
  for (const char* name : {"control4", "mappings4"}) ASSERT_EQ(bpf_obj_pin(foreign.get(), (other / name).c_str()), 0);
  datapath = *make_datapath(root, GetParam());
  expect_refusal(other / "mappings4");
}

TEST_P(Foreign, APinThatIsNoLinkIsRefused) {
  if (GetParam() != Attach::tcx) return;  // clsact has no links
  const Engine other(desired());
  const os::Fd trie([] {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = BPF_F_NO_PREALLOC;
    return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "foreign", 8, 4, 1, &options);  // its type has a tcx link's number
  }());
  for (const int fd : {other.program().egress(), trie.get()}) {
    apply(on({"up0"}));
    datapath.reset();
    const auto pin = Pins(root).device("up0") / "egress";
    std::filesystem::rename(pin, root / "aside");  // still attached
    ASSERT_EQ(bpf_obj_pin(fd, pin.c_str()), 0);
    datapath = *make_datapath(root, GetParam());
    const auto steps = datapath->apply(on({"up0"}));
    ASSERT_FALSE(steps);
    EXPECT_NE(steps.error().message.find(pin.string()), std::string::npos) << steps.error().message;
    EXPECT_TRUE(std::filesystem::exists(pin));
    ASSERT_TRUE(datapath->remove());
    std::filesystem::remove(root / "aside");
  }
}

TEST(PinNames, AreInjective) {
  for (const std::string name : {"a.b", "a%2eb", "a%b", "%", "."}) {
    EXPECT_EQ(Pins::unescape(Pins::escape(name)), name);
    EXPECT_EQ(Pins::escape(name).find('.'), std::string::npos);
  }
  EXPECT_NE(Pins::escape("a.b"), Pins::escape("a%2eb"));
}

TEST(Probe, ThisKernelSupportsTheBpfDatapath) {
  EXPECT_TRUE(probe());
}

}  // namespace
}  // namespace masq::bpf::test
