#include "engine/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace banyan {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kLeastBudget = std::size_t{256} << 20;

std::size_t available_by_kernel(const std::filesystem::path& root) {
  std::ifstream file(root / "proc/meminfo");
  std::string key;
  std::size_t kilobytes = 0;
  while (file >> key) {
    if (key == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::size_t number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::size_t bytes = 0;
  return file >> bytes ? bytes : kUnlimited;  // "max" is no number
}

// A limit binds all groups below it, so the least on the way up counts.
std::size_t limit_by_group(const std::filesystem::path& root) {
  const std::filesystem::path top = root / "sys/fs/cgroup";
  std::size_t limit =
      std::min(number_in(top / "memory.max"), number_in(top / "memory/memory.limit_in_bytes"));
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::/")) continue;
    for (std::filesystem::path group = line.substr(4); !group.empty(); group = group.parent_path()) {
      limit = std::min(limit, number_in(top / group / "memory.max"));
    }
  }
  return limit;
}

}  // namespace

std::size_t available_memory(const std::filesystem::path& root) {
  return std::min(available_by_kernel(root), limit_by_group(root));
}

std::size_t default_memory_budget(std::size_t available, std::size_t weights) {
  const std::size_t left = available > weights ? available - weights : 0;
  return std::max(left / 2, kLeastBudget);
}

}  // namespace banyan
