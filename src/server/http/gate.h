/// Which requests come in, and which web pages may read the answers.
///
/// Immutable once made: any thread.
#pragma once

#include <httplib.h>

#include <optional>
#include <string>
#include <string_view>

#include "banyan/server.h"
#include "server/http/http_errors.h"

namespace banyan {

class Gate {
 public:
  /// The options outlive it.
  explicit Gate(const ServerOptions& options) : options_(options) {}

  /// Why a request stays outside; nothing: it comes in.
  std::optional<HttpError> refusal(const httplib::Request& request) const;
  /// Tells the browser of a web page that may read the answer that it may.
  void open_to_page(const httplib::Request& request, httplib::Response& response) const;
  /// Answers a request for what may be done with a path. `methods`: what may be, as a header lists it.
  void answer_options(const httplib::Request& request, const std::string& methods,
                      httplib::Response& response) const;

 private:
  bool is_welcome(std::string_view origin) const;

  const ServerOptions& options_;
};

}  // namespace banyan
