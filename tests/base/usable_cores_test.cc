#include "base/usable_cores.h"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

namespace banyan {
namespace {

// A machine's /proc and /sys as they would look.
class UsableCores : public ::testing::Test {
 protected:
  ~UsableCores() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  // Processors i and i + cores are the hyperthreads of core i.
  void make_hyperthreads(int cores) {
    for (int i = 0; i < 2 * cores; ++i) {
      write("sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/thread_siblings_list",
            std::to_string(i % cores) + "," + std::to_string(i % cores + cores) + "\n");
    }
  }
  // Of eight processors, once the file holds the text.
  int cores_with(const std::string& path, const std::string& text) {
    write(path, text);
    return usable_cores(first(8), root_);
  }
  static std::vector<int> first(int count) {
    std::vector<int> processors(static_cast<std::size_t>(count));
    std::iota(processors.begin(), processors.end(), 0);
    return processors;
  }
  std::filesystem::path root_ =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("banyan_cores_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(UsableCores, HyperthreadsOfACoreCountOnce) {
  make_hyperthreads(4);
  EXPECT_EQ(usable_cores(first(8), root_), 4);
}

TEST_F(UsableCores, OnlyThoseThatWeMayRunOnCount) {
  make_hyperthreads(64);
  EXPECT_EQ(usable_cores({0, 64, 1}, root_), 2);
  EXPECT_EQ(usable_cores({65}, root_), 1);
}

TEST_F(UsableCores, EachProcessorIsACoreWhereTheSystemDoesNotSay) {
  EXPECT_EQ(usable_cores(first(6), root_), 6);
  EXPECT_EQ(usable_cores({}, root_), 1);
}

TEST_F(UsableCores, NoMoreThanTheControlGroupsQuotaRoundedUp) {
  write("proc/self/cgroup", "0::/user/app\n");
  EXPECT_EQ(cores_with("sys/fs/cgroup/user/app/cpu.max", "max 100000\n"), 8);
  EXPECT_EQ(cores_with("sys/fs/cgroup/user/cpu.max", "250000 100000\n"), 3);
  // As a container sees its own.
  EXPECT_EQ(cores_with("sys/fs/cgroup/cpu.max", "50000 100000\n"), 1);
}

TEST_F(UsableCores, KnowsTheOldControlGroups) {
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores_with("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"), 8);
  EXPECT_EQ(cores_with("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"), 2);
}

TEST(UsableCoresHere, AreOneAtLeast) { EXPECT_GE(usable_cores(), 1); }

}  // namespace
}  // namespace banyan
