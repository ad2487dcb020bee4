# The program with the model that ships, and the floors as a package: find_package(banyan), banyan::cache.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/banyan)
install(TARGETS banyan)
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/banyan/models FILES_MATCHING PATTERN *.gguf)
install(DIRECTORY include/banyan DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT banyan NAMESPACE banyan:: FILE banyanTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/banyanConfig.cmake.in ${PROJECT_BINARY_DIR}/banyanConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/banyanConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/Dependencies.cmake ${PROJECT_BINARY_DIR}/banyanConfig.cmake
  ${PROJECT_BINARY_DIR}/banyanConfigVersion.cmake DESTINATION ${package_dir})
