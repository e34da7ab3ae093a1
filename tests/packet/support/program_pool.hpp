// SPDX-License-Identifier: Apache-2.0
// Loaded programs that one test after the other borrows: the verifier takes most of a second for each load.
#pragma once

#include <functional>
#include <memory>

#include "datapath/bpf/program.hpp"
#include "model/desired.hpp"

namespace masq::bpf::test {

using BorrowedProgram = std::unique_ptr<Program, std::function<void(Program*)>>;

// A program for this desired state whose maps are as new. Throws std::runtime_error if it cannot be loaded.
BorrowedProgram borrow_program(const Desired& desired);

}  // namespace masq::bpf::test
