# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` leaves: library, headers, worker, help model, command, and the two files by
# which an app's project finds them (CMake's and pkg-config's).
include(CMakePackageConfigHelpers)
set(AMPHI_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/amphi)

install(TARGETS amphi EXPORT amphi-targets)
install(DIRECTORY sdk/include/amphi TYPE INCLUDE)
if(TARGET amphi-worker)
    install(TARGETS amphi-worker EXPORT amphi-targets DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/amphi)
    install(FILES local/models/amphi-help.gguf DESTINATION ${CMAKE_INSTALL_DATADIR}/amphi)
endif()
if(TARGET amphi_cli)
    install(TARGETS amphi_cli)
endif()
if(TARGET amphi-simulate)
    install(TARGETS amphi-simulate DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/amphi)
endif()
if(TARGET amphi-bench-curl)
    install(TARGETS amphi-bench-curl DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/amphi)
endif()

# find_package(amphi 0.1). Before 1.0 a minor version may break callers, so 0.2 is another one.
install(EXPORT amphi-targets NAMESPACE amphi:: DESTINATION ${AMPHI_CMAKE_DIR})
get_directory_property(AMPHI_LINKED AMPHI_LINKED)
get_directory_property(AMPHI_MODULES AMPHI_MODULES)
configure_package_config_file(cmake/amphi-config.cmake.in amphi-config.cmake
    INSTALL_DESTINATION ${AMPHI_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(amphi-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/amphi-config.cmake
    ${PROJECT_BINARY_DIR}/amphi-config-version.cmake DESTINATION ${AMPHI_CMAKE_DIR})

# amphi.pc is relative to where it lies, so that `cmake --install --prefix` and a moved folder work.
# A static library's own links stand in Libs and Requires: there is no other library that plain
# `pkg-config --libs amphi` could mean. A shared one brings them itself, and naming them even as
# private would make pkg-config ask for their development packages.
file(RELATIVE_PATH AMPHI_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
set(AMPHI_PC_REQUIRES)
set(AMPHI_PC_LIBS -lamphi)
if(AMPHI_LIBRARY_KIND STREQUAL STATIC)
    list(JOIN AMPHI_MODULES " " AMPHI_PC_REQUIRES)
    list(TRANSFORM CMAKE_DL_LIBS PREPEND -l OUTPUT_VARIABLE dl)
    string(JOIN " " AMPHI_PC_LIBS -lamphi -lmbedcrypto ${dl} -lm -pthread)
endif()
configure_file(sdk/amphi.pc.in amphi.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/amphi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
