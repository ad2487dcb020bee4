/// A name for what the states of a model depend on, so that a lower tier never mixes those of two.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "banyan/file_stamp.h"
#include "banyan/kv_layout.h"
#include "banyan/model.h"
#include "banyan/state.h"

namespace banyan {

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

/// 32 hexadecimal digits for the contents of all files of a model, by content_hash(). Errors: as
/// content_hash(), and io where a file is no longer the one that was loaded. REQUIRES: there is a file.
Result<std::string> model_content(std::span<const ModelFileInfo> files, const std::string& folder,
                                  const std::function<bool(float)>& progress = {});

/// 32 hexadecimal digits for the format of the states' bytes, the model's content, what computes the
/// states (ModelInfo::computation), the number format of keys and values, and the layer groups.
std::string model_key(std::string_view content, std::string_view computation, KvType type,
                      std::span<const std::unique_ptr<LayerGroup>> groups);

}  // namespace banyan
