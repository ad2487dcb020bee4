#include "store/disk/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace banyan {
namespace {

std::unexpected<Error> failure(const std::string& path, int error) {
  return fail(Errc::io, path + ": " + std::generic_category().message(error));
}

class SystemFile final : public File {
 public:
  SystemFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~SystemFile() override { ::close(descriptor_); }

  Result<std::uint64_t> size() override {
    struct stat status = {};
    if (fstat(descriptor_, &status) != 0) return failure(path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    while (!to.empty()) {
      const ssize_t got = pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure(path_, errno);
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
      if (written < 0) return failure(path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<> sync() override {
    if (fdatasync(descriptor_) != 0) return failure(path_, errno);
    return {};
  }

 private:
  std::string path_;
  int descriptor_;
};

class SystemFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override {
    constexpr int kCommon = O_CLOEXEC | O_NOFOLLOW;
    const int flags = mode == Mode::read ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    const int descriptor = ::open(path.c_str(), flags | kCommon, 0600);
    if (descriptor < 0) return failure(path, errno);
    return std::make_unique<SystemFile>(path, descriptor);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return failure(from, errno);
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return failure(path, errno);
    return {};
  }

  Result<> make_folder(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failure(path, errno);
    return {};
  }

  Result<> sync_folder(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failure(path, errno);
    const int error = fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    if (error != 0) return failure(path, error);
    return {};
  }

  Result<std::vector<Entry>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) return failure(path, errno);
    std::vector<Entry> entries;
    for (errno = 0; const dirent* item = readdir(folder.get()); errno = 0) {
      struct stat status = {};
      if (fstatat(dirfd(folder.get()), item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISREG(status.st_mode)) {
        entries.push_back({item->d_name, static_cast<std::uint64_t>(status.st_size)});
      }
    }
    if (errno != 0) return failure(path, errno);
    return entries;
  }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace banyan
