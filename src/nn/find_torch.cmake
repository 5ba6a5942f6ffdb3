# Finds LibTorch: Debian's, or the one that ODENET_TORCH_PYTHON, CMAKE_PREFIX_PATH or Torch_DIR names.
#
# TorchConfig.cmake looks its libraries up wherever CMake searches first. With a second LibTorch on the machine, these
# may be the other one's, and the program, built with the headers of one and linked to the other, aborts at start.
# So this finds the folder first, looks everything up in it, and checks what came out.

set(ODENET_TORCH_PYTHON "" CACHE STRING "Python whose package torch is the LibTorch to build with, e.g. venv/bin/python")
if(ODENET_TORCH_PYTHON)
  execute_process(
    COMMAND ${ODENET_TORCH_PYTHON} -c "import torch; print(torch.utils.cmake_prefix_path)"
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE torch_folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE torch_error RESULT_VARIABLE torch_status)
  if(NOT torch_status EQUAL 0)
    message(FATAL_ERROR "ODENET_TORCH_PYTHON is ${ODENET_TORCH_PYTHON}, but it cannot import torch (${torch_status}):\n"
                        "${torch_error}")
  elseif(NOT EXISTS ${torch_folder}/Torch/TorchConfig.cmake)
    message(FATAL_ERROR "ODENET_TORCH_PYTHON is ${ODENET_TORCH_PYTHON}, but its package torch has no files for C++: "
                        "there is no ${torch_folder}/Torch/TorchConfig.cmake")
  endif()
  set(Torch_DIR ${torch_folder}/Torch CACHE PATH "Folder of TorchConfig.cmake" FORCE)
endif()

# Only where it is: the version file stands beside TorchConfig.cmake and looks nothing up.
find_package(Torch QUIET CONFIGS TorchConfigVersion.cmake)
if(NOT Torch_DIR)
  message(FATAL_ERROR "LibTorch is not found. Install Debian's libtorch-dev, or name another: "
                      "-DODENET_TORCH_PYTHON=PYTHON for that of a Python package torch, or -DCMAKE_PREFIX_PATH=FOLDER "
                      "for an unpacked LibTorch; or leave training out: -DODENET_TORCH=OFF")
endif()
string(REGEX REPLACE "/(share|lib|lib/[^/]+)/cmake/Torch/*$" "" torch_prefix "${Torch_DIR}")

get_filename_component(torch_share "${Torch_DIR}" DIRECTORY)
set(Caffe2_DIR ${torch_share}/Caffe2 CACHE PATH "Folder of Caffe2Config.cmake" FORCE)
foreach(library torch c10 kineto)
  string(REPLACE "torch" "TORCH" variable ${library})
  unset(${variable}_LIBRARY CACHE)
  find_library(${variable}_LIBRARY ${library} PATHS ${torch_prefix}/lib NO_DEFAULT_PATH)
  if(NOT ${variable}_LIBRARY)
    unset(${variable}_LIBRARY CACHE)  # for TorchConfig.cmake to find in the system's folders, or not
  endif()
endforeach()
# The architectures of CUDA sources, of which there are none here; unset, LibTorch runs a program to ask the GPU.
if(NOT TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
  set(TORCH_CUDA_ARCH_LIST 9.0)
endif()

find_package(Torch REQUIRED)

get_filename_component(torch_real_prefix ${torch_prefix} REALPATH)
foreach(library torch torch_cpu torch_cuda c10)
  if(TARGET ${library})
    get_target_property(configurations ${library} IMPORTED_CONFIGURATIONS)
    foreach(property IMPORTED_LOCATION ${configurations})
      if(NOT property STREQUAL IMPORTED_LOCATION)
        string(PREPEND property IMPORTED_LOCATION_)
      endif()
      get_target_property(location ${library} ${property})
      if(location)
        get_filename_component(location ${location} REALPATH)
        cmake_path(IS_PREFIX torch_real_prefix "${location}" within)
        if(NOT within)
          message(FATAL_ERROR
            "LibTorch's headers are those of ${torch_prefix}, but ${library} is ${location}: two LibTorches are mixed. "
            "Build in an empty folder, with -DODENET_TORCH_PYTHON=PYTHON or -DTorch_DIR=FOLDER only")
        endif()
      endif()
    endforeach()
  endif()
endforeach()
message(STATUS "LibTorch ${Torch_VERSION} of ${torch_prefix}")

if(NOT torch_prefix STREQUAL /usr)
  # A LibTorch of PyPI brings headers of fmt, which must not hide those of the fmt that this program is linked with ...
  if(EXISTS ${torch_prefix}/include/fmt)
    get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/first)
    file(CREATE_LINK ${fmt_include}/fmt ${PROJECT_BINARY_DIR}/first/fmt SYMBOLIC)
    list(PREPEND TORCH_INCLUDE_DIRS ${PROJECT_BINARY_DIR}/first)
  endif()
  # ... and its libtorch.so exports half a std::filesystem (remove_all calls address 0): the whole one is to come first.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    set_property(TARGET torch APPEND PROPERTY INTERFACE_LINK_OPTIONS
                 "SHELL:-Wl,--push-state,--no-as-needed -lstdc++ -Wl,--pop-state")
  endif()
endif()
