/// How many processor cores this process may compute on.
#pragma once

#include <filesystem>
#include <vector>

namespace banyan {

/// Real cores among the logical processors that this thread may run on: two hyperthreads of one core count
/// once, since threads that compute all the time gain nothing by a second one. No more than the control
/// groups' quota of processor time, rounded up. At least 1.
int usable_cores();

/// The same for these logical processors, with /proc and /sys below `root`. One that /sys does not describe
/// counts as a core.
int usable_cores(const std::vector<int>& processors, const std::filesystem::path& root);

}  // namespace banyan
