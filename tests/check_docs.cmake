# SPDX-License-Identifier: MIT
# cmake -DROOT=... -P check_docs.cmake: the code that the documents print is the code that the tests build.
function(check document code)
  file(READ ${ROOT}/docs/${document} text)
  file(READ ${ROOT}/tests/${code} wanted)
  string(FIND "${text}" "```c\n${wanted}```\n" at)
  if(at EQUAL -1)
    message(SEND_ERROR "docs/${document} does not print tests/${code} as it is")
  endif()
endfunction()

check(octconv.md kernels/example.c)
check(networks.md kernels/example_net.c)
check(adding-a-kernel.md kernels/example_kernel.c)
