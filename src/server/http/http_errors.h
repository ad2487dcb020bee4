/// Errors as clients see them: a status and OpenAI's error object.
#pragma once

#include <cstddef>
#include <string>

#include "banyan/base.h"
#include "server/json_fields.h"

namespace banyan {

struct HttpError {
  int status = 500;
  std::string type = {};       ///< "invalid_request_error", ...
  std::string code = {};       ///< for programs; empty: null
  std::string message = {};    ///< for people
  std::string param = {};      ///< the field that is wrong; empty: null
  Json more = Json::object();  ///< further fields of the error object
};

HttpError to_http(const Error& error);

/// What every dialect says of a prompt that the context has no room for, so that all clients know it by their
/// words. `amount`: "at least " where the tokens were not counted.
std::string too_long_message(const char* amount, std::size_t tokens, std::size_t context);

/// {"error": {message, type, param, code, ...}}.
Json error_json(const HttpError& error);

/// For a status that HTTP itself gave: no such path, a body too large, ...
HttpError http_error(int status, std::string message = "");

/// All bytes of an answer with this error, after which the connection ends.
std::string whole_response(const HttpError& error);

}  // namespace banyan
