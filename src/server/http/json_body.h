/// The JSON object that a request has as its body.
#pragma once

#include <httplib.h>

#include <functional>
#include <optional>

#include "server/http/body_memory.h"
#include "server/http/http_errors.h"
#include "server/json_fields.h"

namespace banyan {

/// What is to be done with a body; an error where it will not do.
using UseBody = std::function<std::optional<HttpError>(const Json&)>;

/// Receives a body and hands it to `use`. Bodies that are received at the same time share `memory`, and large
/// ones are used one after the other. Returns what is wrong with the body, or with its use. Where the body
/// was not read to its end, the connection ends with the answer.
std::optional<HttpError> with_json_body(BodyMemory& memory, const httplib::ContentReader& content,
                                        const httplib::Response& response, const UseBody& use);

}  // namespace banyan
