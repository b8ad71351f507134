"""Records as tables: the rows and columns of runs, measurements and series, and the formats they are written in.

What is written is read one record at a time, so ten thousand runs need no more memory than ten.
"""
