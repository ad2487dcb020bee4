/// How much memory this machine, or the container we are in, has to give.
#pragma once

#include <cstddef>
#include <filesystem>

namespace banyan {

/// Bytes that programs may still take without swapping: the system's estimate, or what the control
/// group that holds this process allows where that is less. 0 when the system does not say.
/// `root` is where /proc and /sys are found.
std::size_t available_memory(const std::filesystem::path& root = "/");

/// The budget for states when the user names none: half of what is left beside the weights, but
/// enough to be of use.
std::size_t default_memory_budget(std::size_t available, std::size_t weights);

}  // namespace banyan
