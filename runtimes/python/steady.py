"""Runs componentize-py with steady.c, which has to be loaded: the same files give the same component."""

import ctypes
import sys

# All libraries are loaded before the process is steady.
from componentize_py import script

if ctypes.CDLL(None).be_steady() != 0:
    sys.exit("the system refuses the filter of system calls")
sys.argv[0] = "componentize-py"
sys.exit(script())
