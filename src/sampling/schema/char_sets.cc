#include "sampling/schema/char_sets.h"

#include <algorithm>

#include "text/utf8.h"

namespace banyan {
namespace {

using Range = CharSet::Range;

}  // namespace

CharSet char_set(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  std::vector<Range> joined;
  for (const Range& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  CharSet set;
  for (const Range& range : joined) {
    if (range.first < kFirstSurrogate) {
      set.ranges.push_back({range.first, std::min<char32_t>(range.last, kFirstSurrogate - 1)});
    }
    if (range.last > kLastSurrogate) {
      set.ranges.push_back({std::max<char32_t>(range.first, kLastSurrogate + 1), range.last});
    }
  }
  return set;
}

const CharSet& all_characters() {
  static const CharSet all = char_set({{0, kLastCodePoint}});
  return all;
}

CharSet united(const CharSet& a, const CharSet& b) {
  std::vector<Range> ranges = a.ranges;
  ranges.insert(ranges.end(), b.ranges.begin(), b.ranges.end());
  return char_set(std::move(ranges));
}

CharSet intersected(const CharSet& a, const CharSet& b) {
  CharSet both;
  for (auto x = a.ranges.begin(), y = b.ranges.begin(); x != a.ranges.end() && y != b.ranges.end();) {
    const char32_t first = std::max(x->first, y->first), last = std::min(x->last, y->last);
    if (first <= last) both.ranges.push_back({first, last});
    if (x->last < y->last) {
      ++x;
    } else {
      ++y;
    }
  }
  return both;
}

CharSet inverted(const CharSet& set) {
  std::vector<Range> others;
  char32_t first = 0;
  for (const Range& range : set.ranges) {
    if (range.first > first) others.push_back({first, range.first - 1});
    first = range.last + 1;
  }
  if (first <= kLastCodePoint) others.push_back({first, kLastCodePoint});
  return char_set(std::move(others));
}

}  // namespace banyan
