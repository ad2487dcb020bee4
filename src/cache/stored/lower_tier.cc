#include "cache/stored/lower_tier.h"

#include <algorithm>
#include <new>

namespace banyan {
namespace {

// The part of the memory budget that the index may take.
constexpr std::size_t kIndexPart = 8;
// Records are rewritten when those that were added outweigh all that are needed, and this.
constexpr std::size_t kFewRecordBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordBytesPerNode = 128;

}  // namespace

LowerTier::LowerTier(const Groups& groups, const CacheTrie& memory, Budget& budget,
                     std::unique_ptr<Tier> tier, std::size_t limit)
    : tier_(std::move(tier)),
      index_(groups, *tier_, limit, budget.limit() / kIndexPart, notes_),
      loading_(groups, index_, budget, *tier_, notes_),
      storing_(groups, memory, budget, index_, *tier_, notes_) {}

LowerTier::~LowerTier() {
  // Before what its threads write to goes.
  index_.leave();
  tier_.reset();
}

// Frees what inserts that have ended held on to. Whether there were any.
bool LowerTier::collect() {
  bool any = false;
  for (Tier::Outcome& outcome : tier_->poll()) {
    if (!loading_.take(outcome)) any = storing_.take(outcome) || any;
  }
  return any;
}

void LowerTier::poll() {
  collect();
  storing_.poll();
  const std::size_t needed =
      index_.trie().token_count() * sizeof(Token) + index_.trie().node_count() * kRecordBytesPerNode;
  if (storing_.new_record_bytes() <= std::max(kFewRecordBytes, 2 * needed)) return;
  try {
    rewrite_records();
  } catch (const std::bad_alloc&) {
    // The old records do, until as many have been added again.
    storing_.records_were_rewritten();
  }
}

void LowerTier::flush() {
  tier_->set_busy(false, 0);
  storing_.try_again();  // this is the last time, and the disk may have room again
  storing_.store_all();
  while (storing_.is_under_way() && tier_->wait()) {
    collect();
    storing_.store_all();
  }
  rewrite_records();
  while (tier_->wait()) collect();
}

bool LowerTier::give_up_storing() {
  if (!storing_.is_under_way()) return storing_.give_up_waiting();
  tier_->cancel_inserts();
  return collect() || storing_.give_up_waiting();
}

void LowerTier::rewrite_records() {
  tier_->replace_records(index_.records());
  storing_.records_were_rewritten();
}

void LowerTier::add_counters(PrefixCache::Counters& counters) const {
  counters.stored_tokens = index_.trie().token_count();
  counters.stored_bytes = index_.budget().used();
  counters.waiting_bytes = storing_.waiting_bytes();
  counters.loads = loading_.count();
  counters.failed_loads = loading_.failed();
  counters.failed_stores = storing_.failed();
}

void LowerTier::visit_allocations(const AllocationVisitor& visit) const {
  loading_.visit_allocations(visit);
  storing_.visit_allocations(visit);
}

}  // namespace banyan
