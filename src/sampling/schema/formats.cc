#include "sampling/schema/formats.h"

#include <algorithm>
#include <utility>

namespace banyan {
namespace {

// The 29th of February is one of leap years.
#define BANYAN_DATE                                                                                          \
  "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]" \
  "|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define BANYAN_TIME \
  "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))"
#define BANYAN_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define BANYAN_IPV4 "(" BANYAN_BYTE "(\\." BANYAN_BYTE "){3})"
#define BANYAN_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define BANYAN_GROUP "[0-9A-Fa-f]{1,4}"

constexpr std::pair<std::string_view, std::string_view> kPatterns[] = {
    {"date", "^" BANYAN_DATE "$"},
    {"time", "^" BANYAN_TIME "$"},
    {"date-time", "^" BANYAN_DATE "T" BANYAN_TIME "$"},
    {"uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
    {"email", "^[A-Za-z0-9_%+-]+(\\.[A-Za-z0-9_%+-]+)*@" BANYAN_LABEL "(\\." BANYAN_LABEL ")+$"},
    {"uri",
     "^[a-z][a-z0-9+.-]*:(//([A-Za-z0-9_.~-]+@)?[A-Za-z0-9_.~-]+(:[0-9]{1,5})?(/"
     "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-"
     "9A-F]{2})*)*|[A-Za-z0-9._~-]([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*)"
     "(\\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?(#([A-Za-z0-9._~!$&'()*+,;=:@/"
     "?-]|%[0-9A-F]{2})*)?$"},
    {"hostname", "^" BANYAN_LABEL "(\\." BANYAN_LABEL ")*$"},
    {"ipv4", "^" BANYAN_IPV4 "$"},
    {"ipv6", "^((" BANYAN_GROUP ":){7}" BANYAN_GROUP "|(" BANYAN_GROUP ":){1,7}:|(" BANYAN_GROUP
             ":){1,6}:" BANYAN_GROUP "|(" BANYAN_GROUP ":){1,5}(:" BANYAN_GROUP "){1,2}|(" BANYAN_GROUP
             ":){1,4}(:" BANYAN_GROUP "){1,3}|(" BANYAN_GROUP ":){1,3}(:" BANYAN_GROUP "){1,4}|(" BANYAN_GROUP
             ":){1,2}(:" BANYAN_GROUP "){1,5}|" BANYAN_GROUP ":(:" BANYAN_GROUP "){1,6}|:(:" BANYAN_GROUP
             "){1,7}|::)$"},
    {"duration",
     "^P([0-9]{1,4}W|[0-9]{1,4}D|([0-9]{1,4}Y([0-9]{1,2}M([0-9]{1,2}D)?)?|[0-9]{1,2}M([0-9]{1,2}D)?)|"
     "([0-9]{1,4}D)?T([0-9]{1,4}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,4}M([0-9]{1,2}S)?|[0-9]{1,4}S))$"},
};

constexpr std::string_view kOthers[] = {"idn-email",    "idn-hostname",          "uri-reference",
                                        "iri",          "iri-reference",         "uri-template",
                                        "json-pointer", "relative-json-pointer", "regex"};

}  // namespace

std::string_view format_pattern(std::string_view format) {
  const auto at = std::ranges::find(kPatterns, format, [](const auto& entry) { return entry.first; });
  return at == std::end(kPatterns) ? std::string_view() : at->second;
}

bool is_standard_format(std::string_view format) {
  return !format_pattern(format).empty() || std::ranges::find(kOthers, format) != std::end(kOthers);
}

}  // namespace banyan
