/// The attention kernel against the textbook in double precision, for inputs made of any bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace banyan::test {

/// The bytes say what shape, tree of runs, window and threads there are. Computes with every instruction set
/// of the machine; returns what is wrong, or "".
std::string check_attention(std::span<const std::uint8_t> bytes);

}  // namespace banyan::test
