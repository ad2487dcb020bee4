/// Running a check with every instruction set of the machine.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "kernels/attention.h"

namespace banyan::test {

/// Does something with every instruction set that this machine has.
inline void for_each_target(const std::function<void()>& check) {
  for (const char* const target : kernels::attention_targets()) {
    SCOPED_TRACE(target);
    kernels::use_attention_target(target);
    check();
  }
  kernels::use_attention_target("");
}

}  // namespace banyan::test
