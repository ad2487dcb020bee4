#include "server/http/request_head.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace banyan {
namespace {

// httplib's limits.
constexpr std::size_t kMaxTarget = 8192;
constexpr std::size_t kMaxLine = 8192;
constexpr std::size_t kMaxHeaders = 100;

bool equals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// The next line, without its end, which is cut off `rest`.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Whether a comma-separated list has the word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals(trim(list.substr(0, comma)), word)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

std::optional<std::size_t> number(std::string_view digits) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

struct RequestLine {
  std::string_view method, target, version;
  std::string_view authority;  // of a target in absolute form
};

// Returns the status to refuse it with, or 0.
int read_request_line(std::string_view text, RequestLine& line) {
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return 400;
  line = {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1), {}};
  if (line.method.empty() || line.target.empty() || line.target.contains(' ')) return 400;
  if (!line.version.starts_with("HTTP/")) return 400;
  if (!line.version.starts_with("HTTP/1.")) return 505;
  if (line.target.size() > kMaxTarget) return 414;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals(line.target.substr(0, scheme.size()), scheme)) continue;
    line.target.remove_prefix(scheme.size());
    const std::size_t path = line.target.find_first_of("/?#");
    line.authority = line.target.substr(0, path);
    line.target.remove_prefix(path == std::string_view::npos ? line.target.size() : path);
    if (line.authority.empty()) return 400;
  }
  return 0;
}

// What of the headers says how long the body is. Returns the status to refuse it with, or 0.
int read_length(std::string_view name, std::string_view value, bool& has_length, RequestHead& head) {
  if (equals(name, "Content-Length")) {
    const auto length = number(value);
    if (!length || (has_length && *length != head.body_bytes)) return 400;
    has_length = true;
    head.body_bytes = *length;
  } else if (equals(name, "Transfer-Encoding")) {
    if (!equals(value, "chunked")) return 501;
    head.is_chunked = true;
  }
  return 0;
}

bool means_nothing_here(std::string_view name) {
  constexpr std::string_view kNames[] = {"Range", "If-Range", "Accept", "Connection", "Upgrade"};
  return std::ranges::any_of(kNames, [&](std::string_view other) { return equals(name, other); });
}

}  // namespace

std::size_t head_size(std::string_view bytes, std::size_t from) {
  constexpr std::size_t kLongestEnd = 3;  // "\n\r\n"
  for (std::size_t at = from - std::min(from, kLongestEnd);
       (at = bytes.find('\n', at)) != std::string_view::npos; ++at) {
    const std::string_view next = bytes.substr(at + 1, 2);
    if (next.starts_with('\n')) return at + 2;
    if (next == "\r\n") return at + 3;
  }
  return 0;
}

RequestHead read_head(std::string_view bytes) {
  RequestHead head;
  RequestLine line;
  const auto refuse = [&](int status) {
    head.refused = status;
    head.closes = true;
    return head;
  };
  if (const int status = read_request_line(next_line(bytes), line)) return refuse(status);
  head.closes = line.version == "HTTP/1.0";
  std::string target(line.target);
  if (!target.starts_with('/') && target != "*") target.insert(0, "/");
  // A later 1.x is read as 1.1.
  head.text.append(line.method).append(" ").append(target).append(" ");
  head.text.append(head.closes ? "HTTP/1.0" : "HTTP/1.1").append("\r\n");

  bool has_length = false;
  std::size_t headers = 0;
  for (std::string_view header = next_line(bytes); !header.empty(); header = next_line(bytes)) {
    if (header.size() > kMaxLine || ++headers > kMaxHeaders) return refuse(431);
    const std::size_t colon = header.find(':');
    if (colon == 0 || colon == std::string_view::npos || header.find_first_of(" \t") < colon) {
      return refuse(400);
    }
    const std::string_view name = header.substr(0, colon);
    const std::string_view value = trim(header.substr(colon + 1));
    if (const int status = read_length(name, value, has_length, head)) return refuse(status);
    if (equals(name, "Connection") && lists(value, "close")) head.closes = true;
    if (means_nothing_here(name) || (equals(name, "Host") && !line.authority.empty())) continue;
    head.text.append(name).append(": ").append(value).append("\r\n");
  }
  if (has_length && head.is_chunked) return refuse(400);
  // The host of an absolute target counts, whatever the header says.
  if (!line.authority.empty()) head.text.append("Host: ").append(line.authority).append("\r\n");
  // Without a length there is no body; httplib would read on until the connection ends.
  if (!has_length && !head.is_chunked) head.text.append("Content-Length: 0\r\n");
  // httplib alone finds the end of a body in chunks, and does not say whether it did.
  head.closes |= head.is_chunked;
  if (head.closes) head.text.append("Connection: close\r\n");
  head.text.append("\r\n");
  const std::string path = target.substr(0, target.find_first_of("?#"));
  head.is_health = (line.method == "GET" || line.method == "HEAD") && head.body_bytes == 0 &&
                   !head.is_chunked && (path == "/health" || path == "/v1/health");
  return head;
}

int too_long_status(std::string_view begin) { return begin.contains('\n') ? 431 : 414; }

}  // namespace banyan
