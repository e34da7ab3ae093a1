// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>

#include "model/completion/completion.hpp"

namespace masq::completion {

// Returns the commands and options of a parser. `words_of` returns the accepted
// values of an option ("--output"), or none. A type name FILE, DIR or PATH
// means a path, and one in brackets an optional value.
Command command_of(const CLI::App& parser, const std::function<Words(const std::string& name)>& words_of);

}  // namespace masq::completion
