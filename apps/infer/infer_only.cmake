# odenet-infer alone, for a compiler of another machine: of the libraries below only headers are used, which are the same
# on every machine, so that none has to be installed for that one.
set(headers ${CMAKE_BINARY_DIR}/headers)
file(MAKE_DIRECTORY ${headers})
foreach(library fmt nlohmann hwy CLI)
  find_path(${library}_folder ${library} PATHS /usr/include /usr/local/include NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  file(CREATE_LINK ${${library}_folder}/${library} ${headers}/${library} SYMBOLIC)
endforeach()
find_package(Threads REQUIRED)

file(GLOB sources CONFIGURE_DEPENDS src/spec/*.cpp src/fixed/*.cpp src/driver/*.cpp apps/infer/*.cpp)
list(APPEND sources src/core/file.cpp src/core/file_calls.cpp src/core/safetensors.cpp src/ode/solver.cpp
     src/ode/step_controller.cpp src/ode/tableau.cpp src/engine/assembler.cpp src/engine/compiler.cpp
     src/engine/instruction.cpp src/engine/placement.cpp src/engine/registers.cpp src/engine/requirements.cpp
     src/engine/resources.cpp src/engine/rom.cpp)
add_executable(odenet-infer ${sources})
target_include_directories(odenet-infer PRIVATE src)
target_include_directories(odenet-infer SYSTEM PRIVATE ${headers})
target_compile_definitions(odenet-infer PRIVATE ODENET_VERSION="${PROJECT_VERSION}" FMT_HEADER_ONLY)
target_compile_options(odenet-infer PRIVATE -Wno-psabi)
target_link_libraries(odenet-infer PRIVATE Threads::Threads)
