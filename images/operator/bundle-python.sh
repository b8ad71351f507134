#!/bin/sh
# Copies this image's Python to a folder that runs in any other image, one without Python or with another libc:
# bundle-python.sh OUT. The interpreter is started through its own dynamic linker (OUT/ld.so, see the operator's
# build/pod.py), so nothing of the other image is needed, and nothing of it is touched.
#
# Only what the agent can need comes along: the standard library without what is for developers and for displays, and
# the extension modules without those that need libraries of their own (TLS, databases, terminals).
set -eu
out=$1
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')

mkdir -p "$out/bin" "$out/lib"
cp "$python" "$out/bin/python3"
cp -r "$stdlib" "$out/lib/"
own=$out/lib/$(basename "$stdlib")
cd "$own"
rm -rf test idlelib turtledemo tkinter ensurepip lib2to3 site-packages dist-packages unittest pydoc_data config-* sqlite3 \
  distutils venv xmlrpc
find . -name __pycache__ -prune -exec rm -rf {} +
(cd lib-dynload && rm -f _ssl.* _sqlite3.* _tkinter.* _curses* readline.* _dbm.* _gdbm.* nis.* _lzma.* _bz2.* _uuid.* \
  _crypt.* _test* _xxtestfuzz.* xx* _ctypes_test.* ossaudiodev.* _hashlib.* audioop.*)

# Every shared library that the interpreter and its modules ask for. The linker's line has no arrow.
ldd "$out/bin/python3" lib-dynload/*.so | awk '$2 == "=>" && $3 ~ "^/" { print $3 }' | sort -u |
  while read -r library; do cp -L "$library" "$out/lib/"; done
# glibc loads this one by itself when a thread ends, and aborts without it.
libc=$(ldd "$out/bin/python3" | awk '$1 ~ "^libc.so" { print $3 }')
libgcc=$(find "$(dirname "$libc")" "/usr$(dirname "$libc")" -name libgcc_s.so.1 2>/dev/null | head -n 1)
cp -L "$libgcc" "$out/lib/"
ldd "$out/bin/python3" | awk '$1 ~ "^/.*/ld-" { print $1 }' | { read -r linker; cp -L "$linker" "$out/ld.so"; }

# With its own linker and an empty environment it must find itself, and what the agent imports.
env -i "$out/ld.so" --library-path "$out/lib" "$out/bin/python3" -I -m compileall -q "$own" || true
env -i "$out/ld.so" --library-path "$out/lib" "$out/bin/python3" -IS -c '
import argparse, base64, contextlib, ctypes, gzip, http.client, json, select, signal, socket, struct, sys, threading, zlib
assert sys.prefix == sys.argv[1], sys.prefix' "$out"
