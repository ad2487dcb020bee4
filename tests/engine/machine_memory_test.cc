#include "engine/machine_memory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace banyan {
namespace {

constexpr std::size_t kGib = std::size_t{1} << 30;

// A machine's /proc and /sys as they would look.
class MachineMemory : public ::testing::Test {
 protected:
  ~MachineMemory() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::filesystem::path root_ =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("banyan_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(MachineMemory, IsTheKernelsEstimate) {
  write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1048576 kB\nMemAvailable:    8388608 kB\n");
  EXPECT_EQ(available_memory(root_), 8 * kGib);
}

TEST_F(MachineMemory, IsTheLeastLimitOfTheControlGroups) {
  write("proc/meminfo", "MemAvailable:    8388608 kB\n");
  write("proc/self/cgroup", "0::/user/app\n");
  write("sys/fs/cgroup/user/app/memory.max", "max\n");
  write("sys/fs/cgroup/user/memory.max", "2147483648\n");
  EXPECT_EQ(available_memory(root_), 2 * kGib);
  write("sys/fs/cgroup/memory.max", "1073741824\n");  // as a container sees its own
  EXPECT_EQ(available_memory(root_), kGib);
}

TEST_F(MachineMemory, KnowsTheOldControlGroups) {
  write("proc/meminfo", "MemAvailable:    8388608 kB\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(available_memory(root_), kGib);
}

TEST_F(MachineMemory, IsNothingWhereTheSystemDoesNotSay) { EXPECT_EQ(available_memory(root_), 0u); }

TEST(DefaultMemoryBudget, IsHalfOfWhatTheWeightsLeave) {
  EXPECT_EQ(default_memory_budget(9 * kGib, kGib), 4 * kGib);
  EXPECT_EQ(default_memory_budget(kGib, 2 * kGib), kGib / 4);
  EXPECT_EQ(default_memory_budget(0, 0), kGib / 4);
}

}  // namespace
}  // namespace banyan
