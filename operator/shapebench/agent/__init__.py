"""The program in every pod of a run: it starts the user's program as its child and counts what the pod uses.

It runs inside other people's images, so it needs Python 3.9 and nothing else (package.py puts it in one file), and
it must cost next to nothing: no thread wakes up but to sample once a second. It does not know Kubernetes; what it
is told comes by environment variables (shapebench.api.wire), what it found leaves as one PodRecord.
"""
