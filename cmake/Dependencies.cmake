# Every library that Banyan stands on, with the least version that is known to work.
find_package(PkgConfig REQUIRED)
pkg_check_modules(ggml REQUIRED IMPORTED_TARGET ggml>=0.27)     # tensors, quantised products, GGUF
find_library(GGML_BASE ggml-base HINTS ${ggml_LIBRARY_DIRS} REQUIRED)    # the core, which ggml.pc forgets
target_link_libraries(PkgConfig::ggml INTERFACE ${GGML_BASE})
pkg_check_modules(llama REQUIRED IMPORTED_TARGET llama>=0.7)    # vocabularies, samplers
pkg_check_modules(libedit REQUIRED IMPORTED_TARGET libedit>=3.1)   # line editing in `banyan chat`
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy>=1.2)     # SIMD from one source
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)   # checksums of the disk tier
find_package(nlohmann_json 3.11 REQUIRED)                       # JSON
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib>=0.41)  # HTTP server
find_package(CLI11 2.6 REQUIRED)                                # command line
find_package(spdlog 1.12 REQUIRED)                              # logging
find_package(Threads REQUIRED)
if(BANYAN_TESTS)
  find_package(GTest 1.14 REQUIRED)
  include(GoogleTest)
endif()
if(BANYAN_BENCHMARKS)
  find_package(benchmark 1.8 REQUIRED)
endif()
