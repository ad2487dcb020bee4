#include "banyan/file_stamp.h"

#include <cerrno>
#include <system_error>

#include "base/file_status.h"

namespace banyan {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::unexpected<Error> io_failure(const std::string& path, int error) {
  return fail(Errc::io, path + ": " + std::generic_category().message(error));
}

FileStamp stamp_of(const struct stat& status) {
  return {.device = static_cast<std::uint64_t>(status.st_dev),
          .inode = static_cast<std::uint64_t>(status.st_ino),
          .bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim)};
}

Result<FileStamp> file_stamp(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return io_failure(path, errno);
  return stamp_of(status);
}

Result<FileStamp> file_stamp(const std::string& path, int descriptor) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) return io_failure(path, errno);
  return stamp_of(status);
}

}  // namespace banyan
