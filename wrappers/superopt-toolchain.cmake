# cmake -DCMAKE_TOOLCHAIN_FILE=superopt-toolchain.cmake: builds C and C++ with superopt-cc.
# With a toolchain file of your own: -DCMAKE_C_COMPILER_LAUNCHER=superopt-cc (and CXX) instead.
# Settings travel in the environment (SUPEROPT_MODE=use ...) or in superopt.toml.
find_program(SUPEROPT_CC superopt-cc REQUIRED)
find_program(SUPEROPT_CXX superopt-c++ REQUIRED)
set(CMAKE_C_COMPILER "${SUPEROPT_CC}")
set(CMAKE_CXX_COMPILER "${SUPEROPT_CXX}")
mark_as_advanced(SUPEROPT_CC SUPEROPT_CXX)
