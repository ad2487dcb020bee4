#include "banyan/engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <format>
#include <future>
#include <limits>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "banyan/disk_tier.h"
#include "base/usable_cores.h"
#include "engine/fault.h"
#include "engine/machine_memory.h"
#include "engine/model_key.h"
#include "engine/scheduler.h"
#include "engine/wake_event.h"
#include "store/disk/files.h"

namespace banyan {
namespace {

// Before what has failed is tried again: others may give memory back meanwhile.
void pause_for_memory() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

std::unexpected<Error> wrong(const char* field, const std::string& must) {
  return fail(Errc::invalid_argument, std::string(field) + " must " + must, field);
}

// The tier for the states of a model.
Result<std::unique_ptr<Tier>> open_tier(const EngineOptions& options, const Model& model) {
  // First, as reading a model takes its time.
  if (const auto made = system_files().make_folder(options.disk_cache); !made) {
    return std::unexpected(made.error());
  }
  const ModelInfo& info = model.info();
  const auto content = model_content(info.files, options.disk_cache, options.hash_progress);
  if (!content) return std::unexpected(content.error());
  return open_disk_tier(
      {.folder = options.disk_cache,
       .key = model_key(*content, info.computation, options.kv_type, model.layer_groups(options.kv_type)),
       .description = std::format("{}, {}, keys and values in {}", info.name, info.quantization,
                                  kv_type_name(options.kv_type))});
}

}  // namespace

struct Engine::Impl {
  explicit Impl(std::size_t memory) : budget(memory) {}

  Result<> check_request(const Request& request) const;
  Result<> check_memory(std::size_t tokens) const;
  Result<std::unique_ptr<Reply>> make_reply(const std::shared_ptr<const Submission>& submission,
                                            int choice) const;

  /// What the engine's thread does.
  void run();
  /// One turn of its loop. Whether there is another.
  bool turn();
  /// False where there was no memory for it. Then it has to be tried again, as the tier does not tell its
  /// news twice.
  bool poll_tier();
  void step();
  void recover(const Error& error) noexcept;
  void flush();
  void refresh_status();
  /// Runs `task` between two steps, or here once the thread has ended.
  std::string between_steps(std::function<std::string()> task);

  EngineOptions options;
  std::unique_ptr<Model> model;
  std::unique_ptr<Vocabulary> vocabulary;
  std::unique_ptr<ChatTemplate> chat;

  // The engine thread's own, but for what the budget lets any thread read.
  Budget budget;
  std::unique_ptr<PrefixCache> cache;
  std::unique_ptr<Runner> runner;
  std::unique_ptr<Scheduler> scheduler;
  std::size_t fixed_bytes = 0;                 // of the budget, held for as long as the engine lives
  std::deque<std::unique_ptr<Reply>> arrived;  // taken from the inbox, not yet the scheduler's
  bool has_work = true;
  int spare_cores = 0;  // that no compute thread uses

  // Set when the thread has something to do. Outlives the engine with those who may set it.
  const std::shared_ptr<WakeEvent> wake = std::make_shared<WakeEvent>();

  std::mutex mutex;  // guards all below but the thread
  std::condition_variable ended;
  enum class Stop { no, drain, now } stop = Stop::no;
  bool has_ended = true;  // or has not begun
  std::deque<std::unique_ptr<Reply>> inbox;
  std::size_t inbox_places = 0;  // that its replies take in the queue
  std::deque<std::packaged_task<std::string()>> tasks;
  Status status;  // of the last step

  std::jthread thread;
};

Engine::Engine() = default;

Engine::~Engine() { stop(false); }

Result<std::unique_ptr<Engine>> Engine::start(const EngineOptions& options) {
  if (options.context < 0) return wrong("context", "be 0 (the model's) or more");
  if (options.batch_tokens < 1) return wrong("batch_tokens", "be 1 or more");
  if (!(options.delay_factor >= 1)) return wrong("delay_factor", "be 1 or more");
  if (options.max_running < 1) return wrong("max_running", "be 1 or more");
  if (options.max_queued < 0) return wrong("max_queued", "be 0 or more");
  if (options.threads < 0) return wrong("threads", "be 0 (one for each real core) or more");

  const bool has_disk = !options.disk_cache.empty();
  // Before the model is loaded, so that what its weights take is subtracted once, by default_memory_budget().
  const std::size_t available = options.available_memory ? options.available_memory() : available_memory();
  Result<std::unique_ptr<Model>> model = Model::load(options.model_path, {.progress = options.load_progress});
  if (!model) return std::unexpected(model.error());
  const ModelInfo& info = (*model)->info();
  if (options.context > info.context) {
    spdlog::warn("a context of {} tokens is more than the {} that the model was trained on", options.context,
                 info.context);
  }
  Result<std::unique_ptr<Vocabulary>> vocabulary = Vocabulary::load(options.model_path);
  if (!vocabulary) return std::unexpected(vocabulary.error());
  if ((*vocabulary)->size() != info.vocabulary) {
    return fail(Errc::corrupt, options.model_path + ": the vocabulary has " +
                                   std::to_string((*vocabulary)->size()) + " tokens, and the embeddings " +
                                   std::to_string(info.vocabulary));
  }
  Result<std::unique_ptr<ChatTemplate>> chat =
      ChatTemplate::create(options.chat_template.empty() ? info.chat_template : options.chat_template,
                           (*vocabulary)->bos_text(), (*vocabulary)->eos_text());
  if (!chat) {
    return fail(Errc::unsupported,
                (options.chat_template.empty() ? options.model_path : "the chat template") + ": " +
                    chat.error().message);
  }

  const std::size_t memory =
      options.memory_bytes > 0 ? options.memory_bytes : default_memory_budget(available, info.file_bytes);
  std::unique_ptr<Engine> engine(new Engine);
  engine->impl_ = std::make_unique<Impl>(memory);
  Impl& impl = *engine->impl_;
  impl.model = std::move(*model);
  impl.vocabulary = std::move(*vocabulary);
  impl.chat = std::move(*chat);
  std::unique_ptr<Tier> tier;
  if (has_disk) {
    Result<std::unique_ptr<Tier>> opened = open_tier(options, *impl.model);
    if (!opened) return std::unexpected(opened.error());
    tier = std::move(*opened);
    tier->set_notify([wake = impl.wake] { wake->set(); });
  }
  impl.cache = std::make_unique<PrefixCache>(impl.model->layer_groups(options.kv_type), impl.budget,
                                             std::move(tier), options.disk_bytes);
  Result<std::unique_ptr<Runner>> runner =
      Runner::create(*impl.model, impl.budget, {.threads = options.threads});
  if (!runner) return std::unexpected(runner.error());
  impl.runner = std::move(*runner);
  impl.fixed_bytes = impl.budget.charged();

  impl.options = options;
  impl.options.memory_bytes = memory;
  impl.options.context = options.context > 0 ? options.context : impl.model->info().context;
  impl.options.threads = impl.runner->threads();
  if (const auto context_tokens = static_cast<std::size_t>(impl.options.context);
      !impl.check_memory(context_tokens)) {
    spdlog::warn(
        "the memory budget of {} bytes holds less than a conversation of the whole context of {} tokens",
        memory, context_tokens);
  }
  impl.spare_cores = std::max(0, usable_cores() - impl.options.threads);
  // A step has a row for every running reply.
  impl.options.max_running = std::min(options.max_running, options.batch_tokens);
  impl.scheduler = std::make_unique<Scheduler>(*impl.cache, *impl.runner, *impl.vocabulary, impl.options);
  impl.refresh_status();
  impl.has_ended = false;
  impl.thread = std::jthread([&impl] { impl.run(); });
  return engine;
}

Result<Generation> Engine::submit(Request request) {
  if (auto valid = impl_->check_request(request); !valid) return std::unexpected(valid.error());
  const int choices = request.choices;
  auto submission =
      std::make_shared<Submission>(std::move(request), std::make_shared<DeltaQueue>(choices, impl_->wake));
  Result<std::unique_ptr<Reply>> first = impl_->make_reply(submission, 0);
  if (!first) return std::unexpected(first.error());
  for (int choice = 1; choice < choices; ++choice) {
    Result<std::unique_ptr<Reply>> other = impl_->make_reply(submission, choice);
    if (!other) return std::unexpected(other.error());
    (*first)->followers.push_back(std::move(*other));
  }
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stop != Impl::Stop::no) return fail(Errc::cancelled, "the engine is stopping");
    const Status& last = impl_->status;
    const EngineOptions& options = impl_->options;
    const int waiting = static_cast<int>(impl_->inbox_places) + last.queued;
    const int places = options.max_queued + options.max_running - last.running;
    // Where nothing waits, even a request with more choices than there are places is taken.
    if (waiting >= places || (waiting > 0 && waiting + choices > places)) {
      return fail(Errc::busy, "the queue is full: " + std::to_string(waiting) + " replies wait");
    }
    impl_->inbox.push_back(std::move(*first));
    impl_->inbox_places += static_cast<std::size_t>(choices);
  }
  impl_->wake->set();
  return Generation(submission->deltas);
}

void Engine::stop(bool drain) {
  if (!impl_) return;
  std::unique_lock lock(impl_->mutex);
  impl_->stop = std::max(impl_->stop, drain ? Impl::Stop::drain : Impl::Stop::now);
  impl_->wake->set();
  impl_->ended.wait(lock, [this] { return impl_->has_ended; });
}

const Model& Engine::model() const { return *impl_->model; }
const Vocabulary& Engine::vocabulary() const { return *impl_->vocabulary; }
const ChatTemplate& Engine::chat_template() const { return *impl_->chat; }
const EngineOptions& Engine::options() const { return impl_->options; }

Engine::Status Engine::status() const {
  const std::lock_guard lock(impl_->mutex);
  Status status = impl_->status;
  status.queued += static_cast<int>(impl_->inbox_places);
  return status;
}

std::string Engine::dump_cache_text() const {
  return impl_->between_steps([this] {
    return impl_->cache->dump_text(
        [this](TokenSpan tokens) { return impl_->vocabulary->detokenize(tokens); });
  });
}

std::string Engine::dump_cache_json() const {
  return impl_->between_steps([this] {
    return impl_->cache->dump_json(
        [this](TokenSpan tokens) { return impl_->vocabulary->detokenize(tokens); });
  });
}

std::string Engine::check() const {
  return impl_->between_steps([this] { return impl_->cache->check(impl_->runner->scratch_bytes()); });
}

Result<> Engine::Impl::check_request(const Request& request) const {
  const int size = vocabulary->size();
  if (request.prompt.empty()) return wrong("prompt", "have a token or more");
  if (const auto bad =
          std::ranges::find_if(request.prompt, [&](Token token) { return token < 0 || token >= size; });
      bad != request.prompt.end()) {
    return wrong("prompt", "have tokens of the vocabulary of " + std::to_string(size) + ", not " +
                               std::to_string(*bad));
  }
  if (request.prompt.size() >= static_cast<std::size_t>(options.context)) {
    return fail(
        Errc::too_long,
        std::format("the prompt has {} tokens; with a reply that exceeds the available context size ({} "
                    "tokens), which --ctx sets",
                    request.prompt.size(), options.context),
        "prompt");
  }
  if (const Result<> fits = check_memory(request.prompt.size() + 1); !fits) return fits;
  if (request.max_tokens < -1) return wrong("max_tokens", "be -1 (as many as fit) or more");
  if (request.choices < 1 || request.choices > Request::kMaxChoices) {
    return wrong("choices", "be between 1 and " + std::to_string(Request::kMaxChoices));
  }
  if (std::ranges::contains(request.stop, std::string())) return wrong("stop", "have no empty string");
  if (request.top_logprobs < 0 || request.top_logprobs > size) {
    return wrong("top_logprobs", "be between 0 and " + std::to_string(size));
  }
  for (const RestorePoint& point : request.restore_points) {
    if (point.offset == 0 || point.offset > request.prompt.size()) {
      return wrong("restore_points", "lie in the prompt of " + std::to_string(request.prompt.size()) +
                                         " tokens, and not at " + std::to_string(point.offset));
    }
  }
  return {};
}

// Whether the budget could hold so many tokens if it held nothing else.
Result<> Engine::Impl::check_memory(std::size_t tokens) const {
  const std::size_t bytes = fixed_bytes + cache->least_bytes(tokens);
  if (bytes <= budget.limit()) return {};
  return fail(Errc::too_long,
              std::format("the prompt has {} tokens, whose keys, values and states take {} bytes of memory, "
                          "and the budget is {} bytes",
                          tokens - 1, bytes, budget.limit()),
              "prompt");
}

Result<std::unique_ptr<Reply>> Engine::Impl::make_reply(const std::shared_ptr<const Submission>& submission,
                                                        int choice) const {
  const Request& request = submission->request;
  Result<Sampler> sampler = Sampler::create(*vocabulary, request.sampling, request.prompt,
                                            {.ignore_end = request.ignore_eos,
                                             .context = options.context,
                                             .choice = static_cast<std::uint32_t>(choice),
                                             .special_text = request.special_text});
  if (!sampler) return std::unexpected(sampler.error());
  return std::make_unique<Reply>(submission, choice, std::move(*sampler));
}

void Engine::Impl::run() {
  for (bool goes_on = true; goes_on;) {
    try {
      goes_on = turn();
    } catch (const std::exception& thrown) {
      recover(fault_of(thrown));
    }
  }
  flush();
  const std::lock_guard lock(mutex);
  refresh_status();
  for (auto& task : tasks) task();
  tasks.clear();
  has_ended = true;
  ended.notify_all();
}

// When something throws, what was done before stays done, and the next turn does the rest.
bool Engine::Impl::turn() {
  if (!has_work) wake->wait();
  has_work = true;
  std::deque<std::packaged_task<std::string()>> todo;
  Stop how;
  {
    const std::lock_guard lock(mutex);
    while (!inbox.empty()) {
      arrived.push_back(std::move(inbox.front()));
      inbox.pop_front();
    }
    status.queued += static_cast<int>(std::exchange(inbox_places, 0));  // until the step has been
    todo.swap(tasks);
    how = stop;
  }
  for (auto& task : todo) task();  // first, as these would be lost if something threw
  for (; !arrived.empty(); arrived.pop_front()) scheduler->add(std::move(arrived.front()));
  if (how == Stop::now) {
    scheduler->fail_all({Errc::cancelled, "the engine is stopping"});
  } else {
    step();
  }
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex);
    refresh_status();
    goes_on = how == Stop::no || !scheduler->is_idle() || !inbox.empty();
  }
  scheduler->send();
  return goes_on;
}

// After a step that did something there is another turn: what it closed waits for poll_tier().
void Engine::Impl::step() {
  const bool polled = poll_tier();
  const bool stepped = scheduler->step();
  cache->set_busy(stepped, spare_cores);
  cache->set_evaluation_speed(scheduler->tokens_per_second());
  has_work = stepped || !polled || cache->wants_poll();
  if (!polled && !stepped) pause_for_memory();
}

// No reply ends because something goes wrong with what is stored.
bool Engine::Impl::poll_tier() {
  try {
    for (const std::string& note : cache->poll()) spdlog::warn("disk cache: {}", note);
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const std::exception& error) {
    spdlog::warn("disk cache: {}", error.what());
  }
  return true;
}

// Ends the replies that the error can have affected, and nothing else.
void Engine::Impl::recover(const Error& error) noexcept {
  scheduler->fail_running(error);
  {
    const std::lock_guard lock(mutex);
    refresh_status();
  }
  scheduler->send();
  pause_for_memory();
}

void Engine::Impl::flush() {
  try {
    cache->flush();
  } catch (const std::exception& error) {
    spdlog::warn("not all is stored: {}", error.what());
  }
  poll_tier();  // for what it tells
}

void Engine::Impl::refresh_status() {
  status = {.running = static_cast<int>(scheduler->running()),
            .queued = static_cast<int>(scheduler->waiting()),
            .cache = cache->counters(),
            .memory_used = budget.used(),
            .memory_peak = budget.peak(),
            .memory_limit = budget.limit(),
            .steps = scheduler->steps(),
            .generated_tokens = scheduler->generated(),
            .set_aside = scheduler->set_aside()};
}

std::string Engine::Impl::between_steps(std::function<std::string()> task) {
  std::unique_lock lock(mutex);
  if (has_ended) return task();
  std::packaged_task<std::string()> packaged(std::move(task));
  std::future<std::string> result = packaged.get_future();
  tasks.push_back(std::move(packaged));
  lock.unlock();
  wake->set();
  return result.get();
}

}  // namespace banyan
