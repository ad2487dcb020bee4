/// A name for what the states of a model depend on, so that a lower tier never mixes those of two.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "banyan/kv_layout.h"
#include "banyan/state.h"

namespace banyan {

/// Tells versions of a file apart as far as the system can: it changes with every write.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< its inode, which no program can date back
  bool operator==(const FileStamp&) const = default;
};

/// Errors: io.
Result<FileStamp> file_stamp(const std::string& path);

struct ContentHash {
  std::string digits;  ///< XXH3-128 of all bytes, as 32 hexadecimal digits
  FileStamp stamp;     ///< of the file that was read
};

/// Reads all of a file, and notes the result in `folder`, in the file "model-hashes", from where the next
/// call takes it while the file has the same stamp. `progress` is called with 0..1 while it is read, and
/// returns false to stop. Errors: io (also when the file changes meanwhile), cancelled. That the note cannot
/// be written is none.
Result<ContentHash> content_hash(const std::string& path, const std::string& folder,
                                 const std::function<bool(float)>& progress = {});

/// 32 hexadecimal digits for the format of the states' bytes, the model file's content, what computes the
/// states (ModelInfo::computation), the number format of keys and values, and the layer groups.
std::string model_key(std::string_view content_hash, std::string_view computation, KvType type,
                      std::span<const std::unique_ptr<LayerGroup>> groups);

}  // namespace banyan
