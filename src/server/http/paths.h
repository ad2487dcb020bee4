/// The paths that there are, and what may be done with them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banyan {

class Paths {
 public:
  /// `pattern`: as httplib has it, "/v1/models/:model". `method`: "GET", which includes HEAD, "POST" or
  /// "DELETE".
  void add(std::string_view pattern, std::string_view method);

  /// The methods of a path as a header lists them, OPTIONS with them: "GET, HEAD, OPTIONS". "": there is no
  /// such path. "*" stands for all paths.
  std::string methods(std::string_view path) const;

  /// What to say of a path that there is not: which one its client wants whose base URL is wrong, or those
  /// that there are in `folder` ("/v1").
  std::string missing(std::string_view path, std::string_view folder) const;

 private:
  std::vector<std::pair<std::string, std::string>> routes_;
};

}  // namespace banyan
