/// Runs a job on the engine on behalf of an HTTP client.
#pragma once

#include <httplib.h>

#include <chrono>

#include "banyan/engine.h"
#include "server/answer.h"
#include "server/http/activity.h"

namespace banyan {

/// Submits the job's requests and answers with what comes of them, as a stream or at once. The
/// engine's work stops when the client goes away. A silent stream is pinged every `ping_interval`.
void run_job(Engine& engine, Activity& activity, Job job, std::chrono::milliseconds ping_interval,
             const httplib::Request& request, httplib::Response& response);

}  // namespace banyan
