/// How OpenMP's threads, which ggml computes with, wait for one another.
#pragma once

namespace banyan::cli {

/// Lets them spin for a fraction of a millisecond before they sleep, unless the environment already says how
/// to wait. libgomp's own default is some ten milliseconds, in which a thread that waits takes the core from
/// the one that it waits for, as soon as anything else runs on the machine. May start the program anew, since
/// libgomp reads the environment before main().
void limit_openmp_spinning(char** argv);

}  // namespace banyan::cli
