# include superopt.mk: make builds with superopt-cc where it is installed, else as before.
ifneq ($(shell command -v superopt-cc),)
CC := superopt-cc
CXX := superopt-c++
endif
