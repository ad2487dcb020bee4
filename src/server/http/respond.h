/// Short answers.
#pragma once

#include <httplib.h>

#include "server/http/http_errors.h"
#include "server/json_fields.h"

namespace banyan {

/// Answers with an error, in the form of the dialect that the request's path is of.
void set_error(const httplib::Request& request, httplib::Response& response, const HttpError& error);
void set_json(httplib::Response& response, const Json& json);

}  // namespace banyan
