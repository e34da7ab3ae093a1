// SPDX-License-Identifier: Apache-2.0
// masq_parser_fuzz --target=NAME [options of libFuzzer] [CORPUS...]; --targets prints names, and inputs of a short
// run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "target.hpp"

namespace masq::fuzz {
namespace {

struct Target {
  std::string_view name;
  unsigned inputs;
  void (*run)(Input);
};
constexpr Target targets[] = {
#define ROW(name, inputs) {#name, inputs, fuzz_##name},
    MASQ_FUZZ_TARGETS(ROW)
#undef ROW
};

const Target* chosen = nullptr;

}  // namespace

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what);
  std::abort();
}

std::string text_of(Input input) {
  return {input.begin(), input.end()};
}

std::vector<std::string> texts_of(Input input, std::size_t count) {
  std::vector<std::string> texts(count);
  for (auto& text : texts) {
    const auto end = &text == &texts.back() ? input.end() : std::ranges::find(input, 0);
    text.assign(input.begin(), end);
    input = input.subspan(std::min(input.size(), text.size() + 1));
  }
  return texts;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void choose(int count, char** arguments) {
  constexpr std::string_view option = "--target=";
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--targets") {
      for (const auto& target : targets) std::printf("%s %u\n", target.name.data(), target.inputs);
      std::exit(0);
    }
    if (!argument.starts_with(option)) continue;
    const auto* const found = std::ranges::find(targets, argument.substr(option.size()), &Target::name);
    if (found != std::end(targets)) chosen = found;
  }
  if (chosen != nullptr) return;
  std::fputs(
      "masq_parser_fuzz --target=NAME [options of libFuzzer] [CORPUS...]; --targets prints names, and inputs of a "
      "short run\n",
      stderr);
  std::exit(2);
}

}  // namespace masq::fuzz

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  masq::fuzz::choose(*count, *arguments);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  masq::fuzz::chosen->run({data, size});
  return 0;
}
