// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "model/completion/completion.hpp"
#include "os/process.hpp"
#include "unit/os/temp_directory.hpp"

namespace masq {

// Returns the answers of bash for the last of `words`, the way it completes a
// line that is split into these words.
inline std::vector<std::string> complete_in_bash(const completion::Command& program,
                                                 const std::vector<std::string>& words) {
  const os::TempDirectory directory;
  os::write_file(directory / "script", completion::render(program, "bash").value());
  std::vector<std::string> command = {"bash",
                                      "--norc",
                                      "-c",
                                      "source \"$1\"; shift; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n"
                                      "\"_$1\"\n"
                                      "printf '%s\\n' \"${COMPREPLY[@]}\"",
                                      "bash",
                                      directory / "script"};
  command.insert(command.end(), words.begin(), words.end());
  const auto end = os::run_program(command).value();
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_EQ(end.err, "");
  std::vector<std::string> answers;
  for (std::size_t begin = 0; begin < end.out.size();) {
    const auto stop = end.out.find('\n', begin);
    if (stop > begin) answers.push_back(end.out.substr(begin, stop - begin));
    begin = stop + 1;
  }
  return answers;
}

// Expects that no shell expands the last word: it would create a file.
inline void expect_that_words_are_not_executed(const completion::Command& program,
                                               const std::vector<std::string>& words) {
  const os::TempDirectory directory;
  const std::string file = directory / "file";
  for (const auto& text : {"$(touch " + file + ")", "`touch " + file + "`", "a[$(touch " + file + ")]",
                           "--x=$(touch " + file + ")", "'; touch " + file + "; '", "<(touch " + file + ")"}) {
    for (const bool is_last : {true, false}) {
      auto line = words;
      line.push_back(text);
      if (!is_last) line.emplace_back();
      complete_in_bash(program, line);
      EXPECT_FALSE(std::filesystem::exists(file)) << text;
    }
  }
}

}  // namespace masq
