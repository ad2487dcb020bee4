#include "server/http/respond.h"

#include "server/dialects.h"

namespace banyan {

void set_error(const httplib::Request& request, httplib::Response& response, const HttpError& error) {
  response.status = error.status;
  if (error.status == 503) response.set_header("Retry-After", "1");
  response.set_content(dump(error_form(request.path)(error)), "application/json");
}

void set_json(httplib::Response& response, const Json& json) {
  response.status = 200;
  response.set_content(dump(json), "application/json");
}

}  // namespace banyan
