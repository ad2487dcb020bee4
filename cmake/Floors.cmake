# Most of the time to compile a source is its headers, and what it makes of their templates. (The preset lint
# compiles each by itself, so that none lives on what another includes.)
function(banyan_unite target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${BANYAN_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# A floor is a folder of src/ and a static library banyan_NAME; it may depend on floors below only.
# Sources are taken from the folder, so that adding a file needs no change here.
function(banyan_floor name)
  cmake_parse_arguments(arg "" "" "FLOORS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  add_library(banyan_${name} STATIC ${sources})
  add_library(banyan::${name} ALIAS banyan_${name})
  target_include_directories(banyan_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM arg_FLOORS PREPEND banyan::)
  target_link_libraries(banyan_${name} PUBLIC ${arg_FLOORS} PRIVATE ${arg_LIBRARIES})
  target_compile_features(banyan_${name} PUBLIC cxx_std_23)
  set_target_properties(banyan_${name} PROPERTIES EXPORT_NAME ${name})
  banyan_unite(banyan_${name})
  install(TARGETS banyan_${name} EXPORT banyan)
endfunction()

# The tests of a floor: every *_test.cc of tests/NAME, in one program. SOURCES are others' that it needs.
# ONE_THREAD: the thread sanitizer has nothing to look at in them.
function(banyan_tests name)
  cmake_parse_arguments(arg "ONE_THREAD" "" "FLOORS;LIBRARIES;SOURCES" ${ARGN})
  if(arg_ONE_THREAD AND BANYAN_SANITIZE STREQUAL "thread")
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(NOT sources)
    return()
  endif()
  set(program banyan_${name}_test)
  add_executable(${program} ${sources} ${arg_SOURCES})
  list(TRANSFORM arg_FLOORS PREPEND banyan::)
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${program} PRIVATE ${arg_FLOORS} ${arg_LIBRARIES} GTest::gmock GTest::gtest_main)
  # What is tested is optimised as users run it. The tests themselves need not be, and compile sooner.
  target_compile_options(${program} PRIVATE $<$<CONFIG:Release>:-O1>)
  # Half of the time to compile a test is googletest's headers. They are read once, in the first floor's tests, and
  # under the sanitizers in the first of those that are not optimised, as what they test is not (src/CMakeLists.txt).
  set(first base)
  if(BANYAN_SANITIZE AND name MATCHES "^(chat|cli|server)$")
    target_compile_options(${program} PRIVATE -O0)
    set(first chat)
  endif()
  if(TARGET banyan_${first}_test AND NOT name STREQUAL first)
    target_precompile_headers(${program} REUSE_FROM banyan_${first}_test)
  else()
    target_precompile_headers(${program} PRIVATE <algorithm> <format> <functional> <map> <memory> <random> <string>
      <vector> <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>)
  endif()
  if(BANYAN_SANITIZE)
    # A process for each test would spend more time on starting than on testing.
    set(shards 4)
    foreach(shard RANGE 1 ${shards})
      math(EXPR index "${shard} - 1")
      add_test(NAME ${name}.${shard}_of_${shards} COMMAND ${program})
      set_tests_properties(${name}.${shard}_of_${shards} PROPERTIES LABELS ${name} TIMEOUT 1200
        ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}")
    endforeach()
  else()
    gtest_discover_tests(${program} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${name} TIMEOUT 600
      TEST_PREFIX "${name}.")
  endif()
endfunction()
