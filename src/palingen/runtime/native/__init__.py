"""Compiled code: C++ that is compiled for this processor at first use (`cpp_build.py`)."""
