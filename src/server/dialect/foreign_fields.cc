#include "server/dialect/foreign_fields.h"

#include <format>

namespace banyan {

void refuse_foreign(Fields& fields, std::span<const ForeignField> table) {
  for (const ForeignField& field : table) {
    const Json* value = fields.any(field.name);
    if (!value || *value == "" || (value->is_structured() && value->empty())) continue;
    fields.wrong({Errc::unsupported,
                  std::format("`{}` is a field of {}; here it is {}", field.name, field.dialect, field.here),
                  fields.path(field.name)});
  }
}

}  // namespace banyan
