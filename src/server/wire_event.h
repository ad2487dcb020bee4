/// One object of a stream.
#pragma once

#include <string>

#include "server/json_fields.h"

namespace banyan {

struct WireEvent {
  std::string name;  ///< of the line "event:"; "" for none
  Json data;
};

}  // namespace banyan
