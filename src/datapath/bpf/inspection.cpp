// SPDX-License-Identifier: Apache-2.0
#include "datapath/bpf/inspection.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "datapath/bpf/libbpf_log.hpp"
#include "inspect_bpf.skel.h"
#include "os/fd.hpp"

namespace masq::bpf {
namespace {

using RawBytes = std::vector<std::byte>;

// The iterators of bpf/inspect.bpf.c. Loading them takes some 50 ms, because libbpf reads the types of the kernel.
class Inspector {
 public:
  static Result<Inspector> open() {
    LibbpfLog log;
    Inspector inspector{Skeleton(inspect_bpf::open_and_load())};
    if (!inspector.skeleton_) return fail("load the iterators: {} ({})", std::strerror(errno), log.reason());
    if (inspect_bpf::attach(inspector.skeleton_.get()) != 0)
      return fail("attach the iterators: {}", std::strerror(errno));
    return inspector;
  }

  Result<LoadedProgram> program(std::uint32_t id) {
    TRY(const auto bytes, read(skeleton_->links.inspect_program, id));
    LoadedProgram program{.name = std::string(skeleton_->bss->name, strnlen(skeleton_->bss->name, BPF_OBJ_NAME_LEN)),
                          .instructions = std::vector<bpf_insn>(bytes.size() / sizeof(bpf_insn))};
    std::memcpy(program.instructions.data(), bytes.data(), program.instructions.size() * sizeof(bpf_insn));
    return program;
  }
  Result<RawBytes> btf(std::uint32_t id) { return read(skeleton_->links.inspect_btf, id); }

 private:
  struct Destroy {
    void operator()(inspect_bpf* skeleton) const { inspect_bpf::destroy(skeleton); }
  };
  using Skeleton = std::unique_ptr<inspect_bpf, Destroy>;

  explicit Inspector(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}

  // Each run of the iterator copies one part.
  Result<RawBytes> read(const bpf_link* link, std::uint32_t id) {
    auto& shared = *skeleton_->bss;
    const auto* const part = reinterpret_cast<const std::byte*>(shared.part);
    RawBytes bytes;
    do {
      shared.wanted = id;
      shared.offset = static_cast<std::uint32_t>(bytes.size());
      shared.is_found = 0;
      TRY_DO(run(link));
      if (shared.is_found == 0) return fail("id {}: no such object", id);
      const auto rest = shared.size > bytes.size() ? shared.size - bytes.size() : 0;
      bytes.insert(bytes.end(), part, part + std::min<std::size_t>(rest, sizeof shared.part));
    } while (bytes.size() < shared.size);
    return bytes;
  }

  static Result<void> run(const bpf_link* link) {
    const os::Fd iterator(bpf_iter_create(bpf_link__fd(link)));
    if (!iterator) return fail("iterator: {}", std::strerror(errno));
    std::array<char, 64> nothing{};
    ssize_t count = 0;
    while ((count = ::read(iterator.get(), nothing.data(), nothing.size())) > 0 || (count < 0 && errno == EAGAIN)) {
    }
    if (count < 0) return fail("iterator: {}", std::strerror(errno));
    return {};
  }

  Skeleton skeleton_;
};

Result<LoadedProgram> read_program_of(const os::Fd& fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return fail("program info: {}", std::strerror(errno));
  LoadedProgram program{.name = info.name,
                        .instructions = std::vector<bpf_insn>(info.xlated_prog_len / sizeof(bpf_insn))};
  info = {};
  info.xlated_prog_len = static_cast<std::uint32_t>(program.instructions.size() * sizeof(bpf_insn));
  info.xlated_prog_insns = reinterpret_cast<std::uint64_t>(program.instructions.data());
  size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0 || info.xlated_prog_insns == 0) program.instructions.clear();
  return program;
}

Result<RawBytes> read_btf_of(const os::Fd& fd) {
  bpf_btf_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return fail("BTF info: {}", std::strerror(errno));
  RawBytes bytes(info.btf_size);
  info = {};
  info.btf = reinterpret_cast<std::uint64_t>(bytes.data());
  info.btf_size = static_cast<std::uint32_t>(bytes.size());
  size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return fail("BTF info: {}", std::strerror(errno));
  return bytes;
}

}  // namespace

Result<LoadedProgram> read_program(std::uint32_t id) {
  const os::Fd fd(bpf_prog_get_fd_by_id(id));
  if (fd) return read_program_of(fd);
  if (errno != EPERM) return fail("program {}: {}", id, std::strerror(errno));
  TRY(auto iterators, Inspector::open());
  return iterators.program(id);
}

Result<std::vector<std::byte>> read_btf(std::uint32_t id) {
  const os::Fd fd(bpf_btf_get_fd_by_id(id));
  if (fd) return read_btf_of(fd);
  if (errno != EPERM) return fail("BTF {}: {}", id, std::strerror(errno));
  TRY(auto iterators, Inspector::open());
  return iterators.btf(id);
}

}  // namespace masq::bpf
