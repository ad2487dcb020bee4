// The text of a reply against the slow way to say it: stop strings first, each ended by 0xFF, then
// chunks of bytes, each led by its length.
#include "text/text_stream.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_stream_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  std::vector<std::string> stops;
  const auto count = static_cast<std::size_t>(data[0] % 4);
  input.remove_prefix(1);
  while (stops.size() < count) {
    const std::size_t end = input.find('\xFF');
    if (end == input.npos) return 0;
    if (end > 0) stops.emplace_back(input.substr(0, end));
    input.remove_prefix(end + 1);
    if (end == 0) break;
  }
  std::vector<std::string> chunks;
  while (!input.empty()) {
    const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(input[0]) % 8);
    input.remove_prefix(1);
    chunks.emplace_back(input.substr(0, length));
    input.remove_prefix(chunks.back().size());
  }
  if (!banyan::text_stream_fault(chunks, stops).empty()) std::abort();
  return 0;
}
