#include "store/disk/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/file_status.h"

namespace banyan {
namespace {

class SystemFile final : public File {
 public:
  SystemFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~SystemFile() override { ::close(descriptor_); }

  Result<std::uint64_t> size() override {
    struct stat status = {};
    if (fstat(descriptor_, &status) != 0) return io_failure(path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    const std::size_t done = read_past_cache(offset, to);
    offset += done;
    to = to.subspan(done);
    while (!to.empty()) {
      const ssize_t got = pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return io_failure(path_, errno);
      if (got == 0) return fail(Errc::corrupt, path_ + ": the file ends too early");
      offset += static_cast<std::uint64_t>(got);
      to = to.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

  Result<> append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return io_failure(path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<> sync() override {
    if (fdatasync(descriptor_) != 0) return io_failure(path_, errno);
    return {};
  }

 private:
  /// Reads whole pages straight from the disk where the system's cache has few of them: that spares a copy,
  /// and memory for what is copied at once. Returns how many bytes it read, none or fewer where anything is
  /// in its way.
  std::size_t read_past_cache(std::uint64_t offset, std::span<std::byte> to) const {
    constexpr std::size_t kWorthIt = std::size_t{256} << 10;
    to = to.first(to.size() / kPage * kPage);
    if (to.size() < kWorthIt || offset % kPage != 0 ||
        reinterpret_cast<std::uintptr_t>(to.data()) % kPage != 0 || is_cached(offset, to.size())) {
      return 0;
    }
    const int flags = fcntl(descriptor_, F_GETFL);
    if (flags < 0 || fcntl(descriptor_, F_SETFL, flags | O_DIRECT) != 0) return 0;
    std::size_t done = 0;
    while (done < to.size()) {
      const ssize_t got =
          pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
      if (done % kPage != 0) break;  // the file's end
    }
    fcntl(descriptor_, F_SETFL, flags);
    return done;
  }

  /// Whether the system's cache has half of it or more, as far as can be told.
  bool is_cached(std::uint64_t offset, std::size_t bytes) const {
#ifdef SYS_cachestat
    cachestat_range range{.off = offset, .len = bytes};
    cachestat found = {};
    if (syscall(SYS_cachestat, descriptor_, &range, &found, 0) == 0) {
      return found.nr_cache * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) * 2 >= bytes;
    }
#endif
    return true;
  }

  std::string path_;
  int descriptor_;
};

class SystemLock final : public FileLock {
 public:
  explicit SystemLock(int descriptor) : descriptor_(descriptor) {}
  ~SystemLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

std::chrono::system_clock::time_point time_of(const timespec& time) {
  using std::chrono::system_clock;
  constexpr std::time_t kMost = 9'000'000'000;  // a file may say anything; nanoseconds reach to the year 2262
  const auto since = std::chrono::seconds(std::clamp<std::time_t>(time.tv_sec, 0, kMost)) +
                     std::chrono::nanoseconds(time.tv_nsec);
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since));
}

/// Calls `visit` with each item of a folder, its status and its name.
template <class Visit>
Result<> visit_folder(const std::string& path, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return io_failure(path, errno);
  for (errno = 0; const dirent* item = readdir(folder.get()); errno = 0) {
    struct stat status = {};
    if (fstatat(dirfd(folder.get()), item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    visit(status, std::string(item->d_name));
  }
  if (errno != 0) return io_failure(path, errno);
  return {};
}

class SystemFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
    constexpr int kCommon = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;  // not to wait for a pipe's writer
    const int flags = mode == Mode::read ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    const int descriptor = ::open(path.c_str(), flags | kCommon, 0600);
    if (descriptor < 0) return io_failure(path, errno);
    return std::make_unique<SystemFile>(path, descriptor);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return io_failure(from, errno);
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return io_failure(path, errno);
    return {};
  }

  Result<> touch(const std::string& path) override {
    if (utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0) return io_failure(path, errno);
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return io_failure(path, errno);
    auto lock = std::make_unique<SystemLock>(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK) return fail(Errc::busy, path + ": locked by another process");
    return io_failure(path, errno);
  }

  Result<> make_folder(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return io_failure(path, errno);
    return {};
  }

  Result<> remove_folder(const std::string& path) override {
    if (rmdir(path.c_str()) != 0) return io_failure(path, errno);
    return {};
  }

  Result<> sync_folder(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return io_failure(path, errno);
    const int error = fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    if (error != 0) return io_failure(path, error);
    return {};
  }

  Result<std::vector<Entry>> list(const std::string& path) override {
    std::vector<Entry> entries;
    const auto visited = visit_folder(path, [&](const struct stat& status, std::string name) {
      if (!S_ISREG(status.st_mode)) return;
      entries.push_back(
          {std::move(name), static_cast<std::uint64_t>(status.st_size), time_of(status.st_mtim)});
    });
    if (!visited) return std::unexpected(visited.error());
    return entries;
  }

  Result<std::vector<std::string>> list_folders(const std::string& path) override {
    std::vector<std::string> names;
    const auto visited = visit_folder(path, [&](const struct stat& status, std::string name) {
      if (S_ISDIR(status.st_mode) && name != "." && name != "..") names.push_back(std::move(name));
    });
    if (!visited) return std::unexpected(visited.error());
    return names;
  }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace banyan
