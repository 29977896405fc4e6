# SPDX-License-Identifier: MIT
# cmake -DSOURCE=... -DOUTPUT=... -P revision.cmake: writes the revision as a header, only when it changed.
set(revision "")
find_program(git git)
if(git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse HEAD OUTPUT_VARIABLE revision ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  execute_process(COMMAND ${git} -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE changed
    ERROR_QUIET)
  if(failed)
    set(revision "")
  elseif(NOT changed STREQUAL "")
    string(APPEND revision "-modified")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define OCTBENCH_REVISION \"${revision}\"\n")
