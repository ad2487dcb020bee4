#include "store/disk/disk_tier.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <filesystem>
#include <format>
#include <memory>
#include <new>
#include <random>
#include <system_error>
#include <utility>

#include "store/disk/block_file.h"
#include "store/disk/cache_folder.h"
#include "store/disk/whole_file.h"

namespace banyan {
namespace {

// Of a block's number; the rest is the journal's count of starts.
constexpr int kCountBits = 40;
constexpr std::uint32_t kMostStarts = (std::uint32_t{1} << (64 - kCountBits)) - 1;

// While others compute on all cores, a thread rests so many times as long as it works. They are to keep nine
// tenths of their speed: where one of several compute threads is held up the others wait for it, so that all
// of the work, and what it costs beyond the thread's own time (interrupts, caches that are lost), delays
// them. Nine times would do for the work alone; measured, it costs some 1.6 times as much, on any number of
// cores.
constexpr int kTimesToRest = 15;
constexpr auto kLeastToRestFor = std::chrono::milliseconds(1);

// Each thread checks and copies about one GB/s, so more of them hardly read faster from a disk of some GB/s.
constexpr int kMostThreads = 4;

// Seconds of reading that read_speed() needs before it tells a speed, and that it looks back on at most; and
// how long what it tells holds.
constexpr double kLeastMeasured = 0.02, kMostMeasured = 1;
constexpr auto kMeasureLasts = std::chrono::seconds(60);

/// How long this thread has worked.
std::chrono::nanoseconds thread_time() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

/// What `task` returns, or what it throws as an Error.
template <class Task>
Result<> caught(Task task) {
  try {
    try {
      return task();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return fail(Errc::internal, error.what());
    } catch (...) {
      return fail(Errc::internal, "unknown");
    }
  } catch (const std::bad_alloc&) {
    return fail(Errc::out_of_memory, "out of memory");  // so short that it takes none
  }
}

SpaceId random_space() {
  std::random_device random;
  SpaceId space;
  for (std::byte& byte : space) byte = static_cast<std::byte>(random());
  return space;
}

/// Replies beside it keep their speed. What the system refuses is left as it is.
void lower_priority() {
  const auto self = static_cast<id_t>(gettid());
  static_cast<void>(setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + 10));
}

std::string parent_of(const std::string& folder) {
  const auto path = std::filesystem::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).parent_path();
}

}  // namespace

// Opening

Result<std::unique_ptr<DiskTier>> DiskTier::open(Files& files, const DiskTierOptions& options,
                                                 int threads) try {
  require(threads > 0, "DiskTier::open: no thread");
  const std::string& folder = options.folder;
  if (folder.empty()) return fail(Errc::invalid_argument, "a disk cache needs a folder");
  if (!is_model_key(options.key)) {
    return fail(Errc::invalid_argument, "not the key of a disk cache: " + options.key);
  }
  if (auto made = files.make_folder(folder); !made) return std::unexpected(made.error());
  auto lock = lock_cache(files, folder);
  if (!lock) return std::unexpected(lock.error());

  std::unique_ptr<DiskTier> tier(new DiskTier(files, path_in(folder, options.key), std::move(*lock)));
  Result<> done = files.make_folder(tier->folder_);
  if (done) done = files.sync_folder(folder);
  // The folder itself may be new. Who may not read what it is in cannot sync that.
  static_cast<void>(files.sync_folder(parent_of(folder)));
  if (done) done = tier->load(options.description);
  if (!done) return std::unexpected(done.error());
  for (int i = 0; i < threads; ++i) {
    tier->threads_.emplace_back([self = tier.get(), i](std::stop_token stop) {
      self->run({.index = i, .stop = std::move(stop), .buffer = {}});
    });
  }
  return tier;
} catch (const std::bad_alloc&) {
  return fail(Errc::out_of_memory, options.folder + ": no memory to open this disk cache");
} catch (const std::system_error& error) {
  return fail(Errc::io, options.folder + ": " + error.what());
}

Result<> DiskTier::load(const std::string& description) {
  const auto entries = files_.list(folder_);
  if (!entries) return std::unexpected(entries.error());

  const std::string journal_path = path_in(folder_, kJournalName);
  Journal::Contents found;
  if (std::ranges::contains(*entries, kJournalName, &Files::Entry::name)) {
    auto read = Journal::read(files_, journal_path);
    if (read) {
      found = std::move(*read);
    } else if (read.error().code == Errc::corrupt) {
      contents_.notes.push_back(read.error().message + "; this model's disk cache starts empty");
    } else {
      return std::unexpected(read.error());
    }
  }
  if (found.damaged > 0) {
    contents_.notes.push_back(
        std::format("{}: {} bytes are damaged; what they told of is forgotten", journal_path, found.damaged));
  }
  if (found.head.starts >= kMostStarts) found = {};
  const bool is_new = found.head.starts == 0;
  head_ = {is_new ? random_space() : found.head.space, found.head.starts + 1};
  contents_.records = std::move(found.records);

  for (const Files::Entry& entry : *entries) {
    const FileKind kind = file_kind(entry.name);
    if (kind == FileKind::block && !is_new && entry.bytes >= kBlockHeader) {
      contents_.blocks[*block_of(entry.name)] = entry.bytes - kBlockHeader;
    } else if (kind == FileKind::block || kind == FileKind::unfinished) {
      static_cast<void>(files_.remove(path_in(folder_, entry.name)));  // what stays is not read
    }
  }

  const auto line = std::as_bytes(std::span(description));
  if (auto file = write_whole_file(files_, path_in(folder_, kDescriptionName), line, {}); !file) {
    return std::unexpected(file.error());
  }
  auto journal = Journal::write(files_, journal_path, head_, contents_.records);
  if (!journal) return std::unexpected(journal.error());
  journal_ = std::move(*journal);
  return files_.sync_folder(folder_);
}

DiskTier::~DiskTier() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
  // On this thread, as was promised. What the functions held on to may drop blocks when it goes.
  ended_.clear();
  look_ups_.clear();
  while (!others_.empty()) {
    Jobs job;
    job.splice(job.begin(), others_, others_.begin());
    if (const Drop* const drop = std::get_if<Drop>(&job.front().task)) {
      static_cast<void>(caught([&] { return files_.remove(block_path(folder_, drop->block)); }));
    }
  }
}

// The caller's thread

Tier::Contents DiskTier::take_contents() { return std::exchange(contents_, {}); }

BlockId DiskTier::new_block() { return (std::uint64_t{head_.starts} << kCountBits) + ++blocks_given_; }

std::size_t DiskTier::bytes_of(std::size_t block_bytes) const {
  return bytes_on_disk(kBlockHeader + block_bytes);
}

Tier::Ticket DiskTier::insert(std::vector<BlockToInsert> blocks, Record record) {
  require(record.size() <= Journal::kMostBody, "DiskTier::insert: too large a record");
  std::unordered_set<BlockId> ids;
  for (const BlockToInsert& block : blocks) ids.insert(block.id);
  const Ticket ticket = ++last_ticket_;
  Jobs job;
  job.push_back({Insert{std::move(blocks), std::move(record)}, {ticket, {}, {}}});
  const std::lock_guard lock(mutex_);
  unstored_.reserve(unstored_.size() + ids.size());  // so that nothing fails from here on
  unstored_.merge(ids);
  others_.splice(others_.end(), job);
  wake_.notify_all();
  return ticket;
}

void DiskTier::cancel_inserts() {
  const std::lock_guard lock(mutex_);
  for (auto next = others_.begin(); next != others_.end();) {
    const auto job = next++;
    const Insert* const insert = std::get_if<Insert>(&job->task);
    if (insert == nullptr) continue;
    for (const BlockToInsert& block : insert->blocks) unstored_.erase(block.id);
    job->outcome.result = fail(Errc::cancelled, "cancelled");
    ended_.splice(ended_.end(), others_, job);
    has_news_ = true;
  }
  wake_.notify_all();
}

Tier::Ticket DiskTier::look_up(std::vector<BlockToFind> blocks, std::uint64_t stream) {
  const Ticket ticket = ++last_ticket_;
  Jobs job;
  job.push_back({LookUp{std::move(blocks), stream}, {ticket, {}, {}}});
  job.front().outcome.missing.reserve(1);  // so that ending it takes no memory
  const std::lock_guard lock(mutex_);
  if (look_ups_.empty()) measured_ = std::chrono::steady_clock::now();
  look_ups_.splice(look_ups_.end(), job);
  wake_.notify_all();
  return ticket;
}

void DiskTier::cancel_look_up(Ticket look_up) {
  const std::lock_guard lock(mutex_);
  const auto at =
      std::ranges::find_if(look_ups_, [&](const Job& job) { return job.outcome.ticket == look_up; });
  if (at == look_ups_.end()) return;
  auto& [task, outcome] = *at;
  if (outcome.result) outcome.result = fail(Errc::cancelled, "cancelled");
  std::get<LookUp>(task).next = std::get<LookUp>(task).blocks.size();
  end_if_done(at);
  wake_.notify_all();
}

double DiskTier::read_speed() const {
  const std::lock_guard lock(mutex_);
  const Speed& speed = speeds_[is_paced() ? 1 : 0];
  const bool is_known =
      speed.seconds >= kLeastMeasured && std::chrono::steady_clock::now() - speed.last < kMeasureLasts;
  return is_known ? speed.bytes / speed.seconds : 0;
}

void DiskTier::drop(BlockId block) try {
  Jobs job;
  job.push_back({Drop{block}});
  const std::lock_guard lock(mutex_);
  others_.splice(others_.end(), job);
  wake_.notify_all();
} catch (const std::bad_alloc&) {
  // Destructors drop blocks.
}

void DiskTier::replace_records(std::vector<Record> records) {
  for (const Record& record : records) {
    require(record.size() <= Journal::kMostBody, "DiskTier::replace_records: too large a record");
  }
  Jobs job;
  job.push_back({NewRecords{std::move(records)}});
  const std::lock_guard lock(mutex_);
  others_.splice(others_.end(), job);
  wake_.notify_all();
}

std::vector<Tier::Outcome> DiskTier::poll() {
  std::vector<Outcome> outcomes;
  Jobs ended;  // goes without the lock: what it holds on to may drop blocks
  {
    const std::lock_guard lock(mutex_);
    outcomes.reserve(ended_.size());
    ended.swap(ended_);
  }
  for (Job& job : ended) outcomes.push_back(std::move(job.outcome));
  return outcomes;
}

bool DiskTier::wait() {
  std::unique_lock lock(mutex_);
  ended_one_.wait(
      lock, [this] { return !ended_.empty() || (running_ == 0 && look_ups_.empty() && others_.empty()); });
  return !ended_.empty();
}

void DiskTier::set_busy(bool busy, int spare_cores) {
  const std::lock_guard lock(mutex_);
  const int free_before = busy_ ? spare_cores_ : kMostThreads;
  busy_ = busy;
  spare_cores_ = spare_cores;
  // This is called at every step. Only threads that rest, or wait for a core, have to know, and only when
  // more cores are free.
  if ((busy_ ? spare_cores_ : kMostThreads) > free_before) wake_.notify_all();
}

void DiskTier::set_notify(std::function<void()> notify) {
  const std::lock_guard lock(notify_mutex_);
  notify_ = std::move(notify);
}

// The tier's threads

void DiskTier::run(Worker worker) {
  lower_priority();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, worker.stop, [&] { return has_work(worker); });
    if (worker.stop.stop_requested()) return;
    if (const auto look_up = ready_look_up(); look_up != look_ups_.end()) {
      read_next(worker, look_up, lock);
      tell_news(lock);
      lock.unlock();
      rest(worker);
      lock.lock();
    } else if (!tell_news(lock)) {
      do_next_of_others(worker, lock);
    }
  }
}

bool DiskTier::has_work(const Worker& worker) {
  const bool may_read = worker.index == 0 || !busy_ || worker.index < spare_cores_;
  if (may_read && ready_look_up() != look_ups_.end()) return true;
  return worker.index == 0 && (has_news_ || !others_.empty());
}

// A look-up whose next block can be read; where several can, the first, as they take turns.
DiskTier::Jobs::iterator DiskTier::ready_look_up() {
  return std::ranges::find_if(look_ups_, [this](const Job& job) {
    const auto& look_up = std::get<LookUp>(job.task);
    if (look_up.next == look_up.blocks.size()) return look_up.reading == 0;  // it has none
    return !unstored_.contains(look_up.blocks[look_up.next].id);
  });
}

void DiskTier::read_next(Worker& worker, Jobs::iterator at, std::unique_lock<std::mutex>& lock) {
  LookUp& look_up = std::get<LookUp>(at->task);
  if (look_up.next == look_up.blocks.size()) return end_if_done(at);
  const BlockToFind& block = look_up.blocks[look_up.next++];
  ++look_up.reading;
  // The other streams come before this one's next block.
  Jobs stream;
  for (auto next = look_ups_.begin(); next != look_ups_.end();) {
    const auto job = next++;
    if (std::get<LookUp>(job->task).stream == look_up.stream) stream.splice(stream.end(), look_ups_, job);
  }
  look_ups_.splice(look_ups_.end(), stream);
  lock.unlock();

  bool is_missing = true;
  Result<> read = caught([&]() -> Result<> {
    const auto image = room(worker, kBlockHeader + block.bytes);
    const auto payload = read_block(files_, folder_, head_.space, block.id, image);
    if (!payload) return std::unexpected(payload.error());
    is_missing = false;
    block.take(*payload);
    // Its time says when it was last used; without it a block is only cleared sooner.
    static_cast<void>(files_.touch(block_path(folder_, block.id)));
    return {};
  });

  lock.lock();
  --look_up.reading;
  const auto now = std::chrono::steady_clock::now();
  Speed& speed = speeds_[is_paced() ? 1 : 0];
  speed.bytes += static_cast<double>(block.bytes);
  speed.seconds += std::chrono::duration<double>(now - std::exchange(measured_, now)).count();
  speed.last = now;
  if (speed.seconds > kMostMeasured) speed.bytes /= 2, speed.seconds /= 2;
  if (!read && at->outcome.result) {
    at->outcome.result = std::move(read);  // no copy: nothing here may throw
    if (is_missing) at->outcome.missing.push_back(block.id);
    look_up.next = look_up.blocks.size();
  }
  end_if_done(at);
}

void DiskTier::end_if_done(Jobs::iterator look_up) {
  const auto& [blocks, stream, next, reading] = std::get<LookUp>(look_up->task);
  if (next < blocks.size() || reading > 0) return;
  ended_.splice(ended_.end(), look_ups_, look_up);
  has_news_ = true;
  ended_one_.notify_all();
}

void DiskTier::do_next_of_others(Worker& worker, std::unique_lock<std::mutex>& lock) {
  if (others_.empty()) return;
  Jobs jobs;
  jobs.splice(jobs.begin(), others_, others_.begin());
  ++running_;
  lock.unlock();

  auto& [task, outcome] = jobs.front();
  outcome.result = caught([&] {
    return std::visit(Overloaded{[&](Insert& insert) { return store(worker, insert); },
                                 [&](LookUp&) { return Result<>(); },  // those are in a list of their own
                                 [&](Drop& drop) { return files_.remove(block_path(folder_, drop.block)); },
                                 [&](NewRecords& records) { return rewrite(records); }},
                      task);
  });

  lock.lock();
  --running_;
  if (const Insert* const insert = std::get_if<Insert>(&task)) {
    for (const BlockToInsert& block : insert->blocks) unstored_.erase(block.id);
    wake_.notify_all();  // who reads may read these now
  }
  if (outcome.ticket != 0) {
    ended_.splice(ended_.end(), jobs);
    has_news_ = true;
  }
  ended_one_.notify_all();
}

bool DiskTier::tell_news(std::unique_lock<std::mutex>& lock) {
  if (!std::exchange(has_news_, false)) return false;
  lock.unlock();
  {
    const std::lock_guard notifying(notify_mutex_);
    if (notify_) notify_();
  }
  lock.lock();
  return true;
}

void DiskTier::serve_look_ups(Worker& worker) {
  std::unique_lock lock(mutex_);
  for (auto at = ready_look_up(); at != look_ups_.end() && !worker.stop.stop_requested();
       at = ready_look_up()) {
    read_next(worker, at, lock);
    tell_news(lock);
    lock.unlock();
    rest(worker);
    lock.lock();
  }
  tell_news(lock);
}

Result<> DiskTier::store(Worker& worker, Insert& insert) {
  const Result<> stored = caught([&]() -> Result<> {
    for (const BlockToInsert& block : insert.blocks) {
      const auto payload = room(worker, block.bytes);
      block.fill(payload);
      if (auto done = write_block(files_, folder_, head_.space, block.id, payload); !done) return done;
      rest(worker);
      serve_look_ups(worker);
    }
    // Also where there are no blocks: an earlier rewrite() may have failed to.
    if (auto done = files_.sync_folder(folder_); !done) return done;
    if (auto done = journal_->append(insert.record); !done) return done;
    return journal_->sync();
  });
  if (stored) return stored;
  for (const BlockToInsert& block : insert.blocks) {
    static_cast<void>(caught([&] { return files_.remove(block_path(folder_, block.id)); }));
  }
  return stored;
}

Result<> DiskTier::rewrite(const NewRecords& records) {
  auto journal = Journal::write(files_, path_in(folder_, kJournalName), head_, records.records);
  if (!journal) return std::unexpected(journal.error());
  // From here on the old one has no name. Should the sync fail, a crash may bring it back as it was, until an
  // insert has synced the folder, before it is told to be kept.
  journal_ = std::move(*journal);
  return files_.sync_folder(folder_);
}

// Priorities alone do not keep it from others: what it makes the system do, such as clearing new memory, is
// not interrupted.
void DiskTier::rest(Worker& worker) {
  const auto worked = thread_time() - worker.rested_at;
  if (worked < kLeastToRestFor) return;
  {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, worker.stop, kTimesToRest * worked, [this] { return !is_paced(); });
  }
  worker.rested_at = thread_time();
}

std::span<std::byte> DiskTier::room(Worker& worker, std::size_t bytes) {
  std::vector<std::byte>& buffer = worker.buffer;
  std::size_t size = bytes + File::kPage;  // so that there are as many bytes from a page's begin on
  if (buffer.size() < size) {
    buffer = {};  // first, not to have both
    buffer.resize(size);
  }
  size = buffer.size();
  void* begin = buffer.data();
  return {static_cast<std::byte*>(std::align(File::kPage, bytes, begin, size)), bytes};
}

Result<std::unique_ptr<Tier>> open_disk_tier(const DiskTierOptions& options) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return DiskTier::open(system_files(), options, std::min(kMostThreads, cores));
}

}  // namespace banyan
