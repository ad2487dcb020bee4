#include "model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/file_status.h"

namespace banyan {
namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  const int file =
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // not to wait for a pipe's writer
  if (file < 0) return io_failure(path, errno);
  struct stat status = {};
  void* data = nullptr;
  int error = 0;
  if (fstat(file, &status) != 0) {
    error = errno;
  } else if (!S_ISREG(status.st_mode)) {
    error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  } else if (status.st_size > 0) {  // an empty mapping is not allowed; an empty span will do
    data = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) error = errno;
  }
  close(file);
  if (error != 0) return io_failure(path, error);
  const std::span bytes(static_cast<const std::byte*>(data), static_cast<std::size_t>(status.st_size));
  return std::unique_ptr<MappedFile>(new MappedFile(path, bytes, stamp_of(status)));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::touch(std::span<const std::byte> part) {
  for (std::size_t at = 0; at < part.size(); at += page_size()) {
    [[maybe_unused]] const std::byte read = *static_cast<const volatile std::byte*>(&part[at]);
  }
}

void MappedFile::forget(std::span<const std::byte> part) {
  const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
  const std::size_t skip = (page_size() - begin % page_size()) % page_size();
  if (part.size() < skip + page_size()) return;
  const std::size_t whole = (part.size() - skip) / page_size() * page_size();
  madvise(const_cast<std::byte*>(part.data() + skip), whole, MADV_DONTNEED);
}

}  // namespace banyan
