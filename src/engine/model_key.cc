#include "engine/model_key.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <format>
#include <optional>
#include <vector>

#include "base/file_status.h"
#include "store/disk/checksum.h"
#include "store/disk/files.h"
#include "store/disk/whole_file.h"

namespace banyan {
namespace {

// Of the bytes of a block (LayerGroup); states of another version are another model's.
constexpr int kStateFormat = 1;

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kDigits = 32;
// Models that are noted in a folder, the latest last.
constexpr std::size_t kMostNotes = 64;
constexpr std::uint64_t kMostNoteBytes = std::uint64_t{64} << 10;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string digits_of(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string digits;
  for (const unsigned char byte : canonical.digest) digits += std::format("{:02x}", byte);
  return digits;
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// A note is a line: what the file was, its hash, and a checksum of the two, as a wrong hash would not be
// missed.
std::string note_begins(const FileStamp& stamp) {
  return std::format("{} {} {} {} {} ", stamp.device, stamp.inode, stamp.bytes, stamp.modified_ns,
                     stamp.changed_ns);
}

std::string note_of(const FileStamp& stamp, std::string_view digits) {
  const std::string text = note_begins(stamp) + std::string(digits);
  return std::format("{} {:016x}", text, checksum(bytes_of(text)));
}

std::vector<std::string> read_notes(const std::string& path) {
  const auto file = system_files().open(path, Files::Mode::read);
  if (!file) return {};
  const auto size = (*file)->size();
  if (!size || *size > kMostNoteBytes) return {};
  std::string text(static_cast<std::size_t>(*size), '\0');
  if (!(*file)->read(0, std::as_writable_bytes(std::span(text)))) return {};
  std::vector<std::string> notes;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    notes.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return notes;
}

std::optional<std::string> noted_digits(const std::vector<std::string>& notes, const FileStamp& stamp) {
  const std::string beginning = note_begins(stamp);
  for (const std::string& note : notes) {
    if (!note.starts_with(beginning)) continue;
    const std::string digits = note.substr(beginning.size(), kDigits);
    if (note == note_of(stamp, digits)) return digits;
  }
  return std::nullopt;
}

Result<> write_notes(const std::string& path, std::vector<std::string> notes, const ContentHash& hash) {
  // What the file was before is of no more use.
  const std::string same_file = std::format("{} {} ", hash.stamp.device, hash.stamp.inode);
  std::erase_if(notes, [&](const std::string& note) { return note.starts_with(same_file); });
  if (notes.size() >= kMostNotes) {
    notes.erase(notes.begin(), notes.end() - static_cast<std::ptrdiff_t>(kMostNotes - 1));
  }
  notes.push_back(note_of(hash.stamp, hash.digits));
  std::string text;
  for (const std::string& note : notes) text += note + "\n";
  const auto written = write_whole_file(system_files(), path, {}, bytes_of(text));
  if (!written) return std::unexpected(written.error());
  return {};
}

Result<std::string> hash_all(const std::string& path, int descriptor, std::uint64_t size,
                             const std::function<bool(float)>& progress) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  if (!state) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  std::vector<std::byte> chunk(kChunk);
  for (std::uint64_t done = 0;;) {
    const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_failure(path, errno);
    if (got == 0) return digits_of(XXH3_128bits_digest(state.get()));
    XXH3_128bits_update(state.get(), chunk.data(), static_cast<std::size_t>(got));
    done += static_cast<std::uint64_t>(got);
    const float part = size == 0 ? 1 : std::min(static_cast<float>(done) / static_cast<float>(size), 1.0f);
    if (progress && !progress(part)) return fail(Errc::cancelled, path + ": reading it was stopped");
  }
}

}  // namespace

Result<ContentHash> content_hash(const std::string& path, const std::string& folder,
                                 const std::function<bool(float)>& progress) {
  const OpenFile file(path);
  if (file.descriptor() < 0) return io_failure(path, errno);
  const Result<FileStamp> stamp = file_stamp(path, file.descriptor());
  if (!stamp) return std::unexpected(stamp.error());

  const std::string notes_path = folder + "/model-hashes";
  std::vector<std::string> notes = read_notes(notes_path);
  if (auto noted = noted_digits(notes, *stamp)) return ContentHash{std::move(*noted), *stamp};

  Result<std::string> digits = hash_all(path, file.descriptor(), stamp->bytes, progress);
  if (!digits) return std::unexpected(digits.error());
  const Result<FileStamp> after = file_stamp(path, file.descriptor());
  if (!after) return std::unexpected(after.error());
  if (*after != *stamp) return fail(Errc::io, path + ": the file was changed while it was read");

  ContentHash hash{std::move(*digits), *stamp};
  if (const auto noted = write_notes(notes_path, std::move(notes), hash); !noted) {
    spdlog::warn("{}; the model's file will be read again at the next start", noted.error().message);
  }
  return hash;
}

Result<std::string> model_content(std::span<const ModelFileInfo> files, const std::string& folder,
                                  const std::function<bool(float)>& progress) {
  double all = 0;
  for (const ModelFileInfo& file : files) all += static_cast<double>(file.stamp.bytes);
  double done = 0;
  std::string text;
  for (const ModelFileInfo& file : files) {
    const auto bytes = static_cast<double>(file.stamp.bytes);
    const auto hash = content_hash(file.path, folder, [&](float part) {
      return !progress || progress(static_cast<float>((done + part * bytes) / all));
    });
    if (!hash) return std::unexpected(hash.error());
    if (hash->stamp != file.stamp) {
      return fail(Errc::io, file.path + ": the file was changed while it was read");
    }
    done += bytes;
    if (files.size() == 1) return hash->digits;
    text += hash->digits + "\n";
  }
  return digits_of(XXH3_128bits(text.data(), text.size()));
}

std::string model_key(std::string_view content, std::string_view computation, KvType type,
                      std::span<const std::unique_ptr<LayerGroup>> groups) {
  std::string text = std::format("states {}\nmodel {}\ncomputed by {}\nkeys and values {}\n", kStateFormat,
                                 content, computation, kv_type_name(type));
  for (const auto& group : groups) text += group->description() + "\n";
  return digits_of(XXH3_128bits(text.data(), text.size()));
}

}  // namespace banyan
