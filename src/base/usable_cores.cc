#include "base/usable_cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <format>
#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace banyan {
namespace {

namespace fs = std::filesystem;

// Processor time that a control group may use, in cores; infinite without a limit.
double quota_in(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && period > 0 ? quota / period : INFINITY;  // "max" is no number
}

double quota_in_old_groups(const fs::path& top) {
  std::ifstream quota_file(top / "cpu/cpu.cfs_quota_us"), period_file(top / "cpu/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period && quota > 0 && period > 0 ? quota / period : INFINITY;
}

// A limit binds all groups below it, so the least on the way up counts.
double quota(const fs::path& root) {
  const fs::path top = root / "sys/fs/cgroup";
  double least = std::min(quota_in(top), quota_in_old_groups(top));
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::/")) continue;
    for (fs::path group = line.substr(4); !group.empty(); group = group.parent_path()) {
      least = std::min(least, quota_in(top / group));
    }
  }
  return least;
}

// The processors that share a core have the same list of siblings.
std::string core_of(int processor, const fs::path& root) {
  std::ifstream file(root /
                     std::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", processor));
  std::string siblings;
  return std::getline(file, siblings) ? siblings : std::format("only {}", processor);
}

std::vector<int> allowed_processors() {
  std::vector<int> processors;
  // The mask must have room for all processors of the machine, or the call fails.
  for (int room = 1024; processors.empty() && room <= 1 << 20; room *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(room);
    if (mask == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(room);
    if (sched_getaffinity(0, bytes, mask) == 0) {
      for (int i = 0; i < room; ++i) {
        if (CPU_ISSET_S(i, bytes, mask)) processors.push_back(i);
      }
    }
    CPU_FREE(mask);
  }
  return processors;
}

}  // namespace

int usable_cores(const std::vector<int>& processors, const fs::path& root) {
  std::set<std::string> cores;
  for (const int processor : processors) cores.insert(core_of(processor, root));
  const double limit = std::ceil(quota(root));
  return std::max(1, static_cast<int>(std::min(static_cast<double>(cores.size()), limit)));
}

int usable_cores() {
  std::vector<int> processors = allowed_processors();
  if (processors.empty()) return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return usable_cores(processors, "/");
}

}  // namespace banyan
