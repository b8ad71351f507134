"""Records as tables: the rows and columns of runs, measurements and series, and the formats they are written in.

What is written is taken one record at a time: of the runs before it, no more than rows that wait on disk is kept.
"""
