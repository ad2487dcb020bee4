#include "cache/fake_tier.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace banyan {

Tier::Contents FakeTier::take_contents() {
  Contents contents{.records = disk_.records, .blocks = {}, .notes = {}};
  for (const auto& [id, bytes] : disk_.blocks) contents.blocks.emplace(id, bytes.size());
  return contents;
}

Tier::Ticket FakeTier::insert(std::vector<BlockToInsert> blocks, Record record) {
  if (insert_throws) throw std::runtime_error("inserts throw");
  writes_.push_back(Insert{++last_ticket_, std::move(blocks), std::move(record)});
  return last_ticket_;
}

void FakeTier::cancel_inserts() {
  for (auto at = writes_.begin(); at != writes_.end();) {
    if (auto* insert = std::get_if<Insert>(&*at)) {
      end(insert->ticket, fail(Errc::cancelled, "cancelled"));
      done_.emplace_back(std::move(*at));
      at = writes_.erase(at);
    } else {
      ++at;
    }
  }
}

Tier::Ticket FakeTier::look_up(std::vector<BlockToFind> blocks, std::uint64_t stream) {
  if (look_up_throws) throw std::runtime_error("look-ups throw");
  look_ups_.push_back({++last_ticket_, stream, std::move(blocks)});
  return last_ticket_;
}

void FakeTier::cancel_look_up(Ticket look_up) {
  const auto at = std::ranges::find(look_ups_, look_up, &LookUp::ticket);
  if (at == look_ups_.end()) return;
  ++cancelled;
  end(look_up, fail(Errc::cancelled, "cancelled"));
  done_.emplace_back(std::move(*at));
  look_ups_.erase(at);
}

std::vector<Tier::Outcome> FakeTier::poll() {
  done_.clear();
  return std::exchange(outcomes_, {});
}

bool FakeTier::wait() {
  while (outcomes_.empty()) {
    if (!work()) return false;
  }
  return true;
}

bool FakeTier::work() {
  const auto ready =
      std::ranges::find_if(look_ups_, [this](const LookUp& look_up) { return !is_queued(look_up); });
  if (ready != look_ups_.end()) {
    find(*ready);
    const std::uint64_t stream = ready->stream;
    done_.emplace_back(std::move(*ready));
    look_ups_.erase(ready);
    // The other streams come before this one's next look-up.
    std::ranges::stable_partition(look_ups_, [&](const LookUp& other) { return other.stream != stream; });
    return true;
  }
  if (writes_.empty()) return false;
  do_write(writes_.front());
  done_.emplace_back(std::move(writes_.front()));
  writes_.pop_front();
  return true;
}

bool FakeTier::is_queued(const LookUp& look_up) const {
  return std::ranges::any_of(writes_, [&](const Write& write) {
    const auto* insert = std::get_if<Insert>(&write);
    return insert != nullptr && std::ranges::any_of(insert->blocks, [&](const BlockToInsert& block) {
             return std::ranges::contains(look_up.blocks, block.id, &BlockToFind::id);
           });
  });
}

void FakeTier::end(Ticket ticket, Result<> result, std::vector<BlockId> missing) {
  outcomes_.push_back({ticket, std::move(result), std::move(missing)});
  if (notify_) notify_();
}

void FakeTier::find(const LookUp& look_up) {
  std::vector<BlockId> missing;
  for (const auto& [id, bytes, take] : look_up.blocks) {
    const auto block = disk_.blocks.find(id);
    if (block == disk_.blocks.end() || block->second.size() != bytes || disk_.damaged.contains(id)) {
      missing.push_back(id);
    } else {
      take(block->second);
    }
  }
  Result<> result;
  if (!missing.empty()) result = fail(Errc::corrupt, "blocks are missing");
  end(look_up.ticket, std::move(result), std::move(missing));
}

void FakeTier::do_write(Write& write) {
  if (auto* insert = std::get_if<Insert>(&write)) {
    if (failing > 0) {
      --failing;
      return end(insert->ticket, fail(Errc::io, "the disk is full"));
    }
    for (const auto& [id, bytes, fill] : insert->blocks) {
      auto& block = disk_.blocks[id];
      block.resize(bytes);
      fill(block);
      disk_.written += bytes;
    }
    disk_.records.push_back(insert->record);
    end(insert->ticket, {});
  } else if (const auto* drop = std::get_if<Drop>(&write)) {
    disk_.blocks.erase(drop->block);
    disk_.damaged.erase(drop->block);
  } else {
    disk_.records = std::get<std::vector<Record>>(write);
  }
}

}  // namespace banyan
