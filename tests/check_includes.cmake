# SPDX-License-Identifier: MIT
# cmake -DROOT=... -P check_includes.cmake: each library's header is included by the one file that it belongs to, and
# octbench sees of the kernels their public header alone.
cmake_policy(VERSION 3.25)

function(home header home)
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/kernels/*.[ch] ${ROOT}/bench/*.[ch])
  set(found "")
  foreach(file ${files})
    file(STRINGS ${ROOT}/${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]+[<\"]${header}")
    if(lines)
      list(APPEND found ${file})
    endif()
  endforeach()
  if(NOT found STREQUAL home)
    message(SEND_ERROR "${header} belongs to ${home}, and is included by: ${found}")
  endif()
endfunction()

home(dnnl kernels/onednn/api.h)
home(hwloc bench/machine/topology_hwloc.c)
home(perfmon/ bench/counters/counters_system.c)
home(linux/perf_event bench/counters/counters_system.c)
home(libfyaml bench/config/yaml.c)
home(jansson bench/base/json.c)

# tests/check_rooms.py knows all arrows between rooms; this one is checked without Python too.
file(GLOB_RECURSE headers RELATIVE ${ROOT}/kernels ${ROOT}/kernels/*.h)
list(REMOVE_ITEM headers octconv.h)
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/bench/*.[ch])
foreach(file ${files})
  file(STRINGS ${ROOT}/${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]+\"")
  foreach(line ${lines})
    string(REGEX REPLACE ".*\"(.*/kernels/)?(.*)\".*" "\\2" header "${line}")
    if(header IN_LIST headers)
      message(SEND_ERROR "${file} includes kernels/${header}; of kernels/ it may see octconv.h alone")
    endif()
  endforeach()
endforeach()
