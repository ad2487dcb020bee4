#include "store/disk/whole_file.h"

namespace banyan {

Result<std::unique_ptr<File>> write_whole_file(Files& files, const std::string& path,
                                               std::span<const std::byte> head,
                                               std::span<const std::byte> body) {
  const std::string unfinished = path + std::string(kUnfinished);
  auto file = files.open(unfinished, Files::Mode::make);
  Result<> written;
  if (!file) written = std::unexpected(file.error());
  if (written) written = (*file)->append(head);
  if (written) written = (*file)->append(body);
  if (written) written = (*file)->sync();
  if (written) written = files.rename(unfinished, path);
  if (written) return file;
  // A full disk must not stay full of what no one will read.
  static_cast<void>(files.remove(unfinished));
  return std::unexpected(written.error());
}

}  // namespace banyan
